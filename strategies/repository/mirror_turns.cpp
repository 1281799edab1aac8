#include "strategies/repository/mirror_turns.hpp"

#include <algorithm>
#include <utility>

namespace farshore {

namespace {

/// What is not noted comes with its next fetch.
constexpr std::size_t due_max = 10'000;

} // namespace

mirror_turns::use::use(use&& other) noexcept
    : turns_{std::exchange(other.turns_, nullptr)}, of_{other.of_} {}

mirror_turns::use& mirror_turns::use::operator=(use&& other) noexcept {
  if (this != &other) {
    end();
    turns_ = std::exchange(other.turns_, nullptr);
    of_ = other.of_;
  }
  return *this;
}

void mirror_turns::use::end() {
  auto* turns = std::exchange(turns_, nullptr);
  if (turns == nullptr)
    return;
  const std::lock_guard lock{turns->mutex_};
  --of_->second.users;
  turns->leave(of_);
}

mirror_turns::upkeep::upkeep(upkeep&& other) noexcept
    : turns_{std::exchange(other.turns_, nullptr)}, of_{other.of_}, what_{std::move(other.what_)} {}

mirror_turns::upkeep::~upkeep() {
  if (turns_ == nullptr)
    return;
  const std::lock_guard lock{turns_->mutex_};
  of_->second.kept_up = false;
  of_->second.wanted = false;
  turns_->leave(of_);
  turns_->ended_.notify_all();
}

void mirror_turns::leave(at_work::iterator of) {
  if (of->second.users == 0 && !of->second.kept_up)
    at_work_.erase(of);
}

result<mirror_turns::use> mirror_turns::begin_use(const std::string& locator,
                                                  std::chrono::milliseconds patience) {
  std::unique_lock lock{mutex_};
  const auto of = at_work_.try_emplace(locator).first;
  ++of->second.users; // no further upkeep begins
  of->second.wanted = of->second.kept_up;
  if (!ended_.wait_for(lock, patience, [of] { return !of->second.kept_up; })) {
    --of->second.users;
    return fail(ec::disk, "the upkeep of its mirror does not end; it is tried again");
  }
  use made;
  made.turns_ = this;
  made.of_ = of;
  return made;
}

void mirror_turns::note(due what) {
  const std::lock_guard lock{mutex_};
  const bool is_known = std::ranges::find(due_, what.locator, &due::locator) != due_.end();
  if (!is_known && due_.size() < due_max)
    due_.push_back(std::move(what));
}

std::deque<mirror_turns::due>::iterator mirror_turns::next() {
  return std::ranges::find_if(due_, [&](const due& one) {
    return !at_work_.contains(one.locator); // neither in use nor being kept up
  });
}

std::optional<mirror_turns::upkeep> mirror_turns::begin_upkeep() {
  const std::lock_guard lock{mutex_};
  const auto first = next();
  if (first == due_.end())
    return std::nullopt;
  upkeep made;
  made.turns_ = this;
  made.what_ = std::move(*first);
  due_.erase(first);
  made.of_ = at_work_.try_emplace(made.what_.locator).first;
  made.of_->second.kept_up = true;
  return made;
}

bool mirror_turns::has_due() {
  const std::lock_guard lock{mutex_};
  return next() != due_.end();
}

} // namespace farshore
