#include "actors/removal_guard.hpp"

#include <algorithm>
#include <chrono>

namespace farshore {

namespace {

constexpr std::chrono::minutes window{1};
constexpr std::size_t few = 10;
constexpr std::size_t one_in = 20;

} // namespace

bool removal_guard::allows(std::size_t gone, std::size_t rows, steady_time now) {
  // While something is held the minute stands still: else a wave would pass in portions.
  while (held_ == 0 && !recent_.empty() && recent_.front().first + window <= now) {
    recent_sum_ -= recent_.front().second;
    recent_.pop_front();
  }
  if (gone <= approved_)
    return true;
  if (gone >= rows)
    return false;
  const auto wave = gone - approved_ + recent_sum_;
  return wave < few || wave * one_in <= rows + recent_sum_;
}

void removal_guard::removed(std::size_t gone, steady_time now) {
  if (gone == 0)
    return;
  recent_.emplace_back(now, gone);
  recent_sum_ += gone;
}

void removal_guard::hold(std::size_t gone, std::size_t rows) {
  held_ = gone;
  held_of_ = rows;
}

void removal_guard::release() {
  held_ = 0;
  held_of_ = 0;
}

std::size_t removal_guard::approve() {
  if (held_ == 0)
    return 0;
  approved_ = held_;
  recent_.clear();
  recent_sum_ = 0;
  return approved_;
}

void removal_guard::use_up_approval(std::size_t gone) {
  approved_ -= std::min(approved_, gone);
}

} // namespace farshore
