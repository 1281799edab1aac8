#include "registry/log_samples.hpp"

#include <algorithm>
#include <ranges>

namespace farshore {

void log_samples::add(log_sample next) {
  if (!samples_.empty())
    next.at = std::max(next.at, samples_.back().at);
  samples_.push_back(next);
}

void log_samples::drop_before(const event_position& place) {
  while (!samples_.empty() && before(samples_.front().place, place))
    samples_.pop_front();
}

std::optional<event_position> log_samples::place_before(wall_time time) const {
  const auto above = std::ranges::upper_bound(samples_, time, {}, &log_sample::at);
  if (above == samples_.begin())
    return std::nullopt;
  return std::prev(above)->place;
}

std::optional<event_position> log_samples::place_within(std::uint64_t bytes,
                                                        const log_weight& open) const {
  auto kept = open.bytes;
  for (const auto& one : samples_ | std::views::reverse) {
    kept += one.weight.bytes;
    if (static_cast<std::uint64_t>(kept) > bytes)
      return one.place;
  }
  return std::nullopt;
}

const log_sample* log_samples::behind(const event_position& place) const {
  const auto found = std::ranges::upper_bound(samples_, place, before, &log_sample::place);
  return found == samples_.end() ? nullptr : &*found;
}

log_weight log_samples::weight_behind(const event_position& place) const {
  log_weight sum;
  for (const auto& one : samples_ | std::views::reverse) {
    if (!before(place, one.place))
      break;
    sum += one.weight;
  }
  return sum;
}

} // namespace farshore
