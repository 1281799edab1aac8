#include "net/bandwidth_cap.hpp"

#include <algorithm>
#include <utility>

namespace farshore {

namespace {

/// A piece is a system call: not too small, whatever the rate.
constexpr std::size_t piece_bytes_min = 512;
constexpr std::size_t piece_bytes_max = 256 * 1024;
/// Pieces of a second at the full rate, and how many of them may come at once.
constexpr std::uint64_t pieces_per_second = 40;
constexpr double burst_seconds = 0.1;
constexpr std::chrono::seconds longest_wait{1};

double seconds(steady_time::duration time) {
  return std::chrono::duration<double>(time).count();
}

std::size_t index_of(bandwidth_cap::kind of) {
  return static_cast<std::size_t>(of);
}

} // namespace

bandwidth_cap::bandwidth_cap(const time_source& time, bandwidth_plan plan)
    : time_{time},
      plan_{std::move(plan)},
      rate_{plan_.at(time.wall())},
      planned_at_{time.now()},
      filled_at_{planned_at_} {}

void bandwidth_cap::set_plan(bandwidth_plan plan) {
  const std::scoped_lock lock{mutex_};
  refresh();
  plan_ = std::move(plan);
  rate_ = plan_.at(time_.wall());
}

void bandwidth_cap::refresh() {
  const auto now = time_.now();
  tokens_ = std::min(tokens_ + seconds(now - filled_at_) * static_cast<double>(rate_), burst());
  filled_at_ = now;
  if (now - planned_at_ >= std::chrono::seconds{1}) {
    planned_at_ = now;
    rate_ = plan_.at(time_.wall());
  }
  meter(0);
}

/// What does not fall into a running second is of no interest any more.
void bandwidth_cap::meter(std::size_t bytes) {
  const auto second =
      std::chrono::floor<std::chrono::seconds>(time_.now().time_since_epoch()).count();
  const auto count = static_cast<std::int64_t>(metered_.size());
  for (auto s = std::max(metered_second_ + 1, second - count + 1); s <= second; ++s)
    metered_[static_cast<std::size_t>(s % count)] = 0;
  metered_second_ = second;
  metered_[static_cast<std::size_t>(second % count)] += bytes;
}

std::size_t bandwidth_cap::piece() const {
  return std::clamp<std::size_t>(rate_ / pieces_per_second, piece_bytes_min, piece_bytes_max);
}

double bandwidth_cap::burst() const {
  return std::max(static_cast<double>(rate_) * burst_seconds, static_cast<double>(piece()));
}

bandwidth_cap::ticket bandwidth_cap::join(kind of) {
  const std::scoped_lock lock{mutex_};
  waiting_[index_of(of)].push_back(++last_ticket_);
  return last_ticket_;
}

std::size_t bandwidth_cap::first_queue() const {
  const auto preferred = index_of(turn_);
  return waiting_[preferred].empty() ? 1 - preferred : preferred;
}

std::size_t bandwidth_cap::take(ticket place, std::size_t wanted) {
  const std::scoped_lock lock{mutex_};
  refresh();
  std::size_t granted = wanted;
  auto served = first_queue();
  if (rate_ == 0) {
    served = std::ranges::count(waiting_[0], place) > 0 ? 0 : 1;
    tokens_ = 0;
  } else {
    auto& queue = waiting_[served];
    granted = std::min(wanted, piece());
    if (queue.empty() || queue.front() != place || tokens_ < static_cast<double>(granted))
      return 0;
    tokens_ -= static_cast<double>(granted);
    turn_ = served == 0 ? kind::large : kind::small;
  }
  std::erase(waiting_[served], place);
  return granted;
}

/// Pieces that are served before it.
std::size_t bandwidth_cap::ahead_of(ticket place) const {
  for (std::size_t own = 0; own < 2; ++own) {
    const auto found = std::ranges::find(waiting_[own], place);
    if (found == waiting_[own].end())
      continue;
    const auto before = static_cast<std::size_t>(found - waiting_[own].begin());
    const auto others = before + (own == first_queue() ? 0 : 1);
    return before + std::min(others, waiting_[1 - own].size());
  }
  return 0;
}

std::chrono::microseconds bandwidth_cap::wait(ticket place) {
  const std::scoped_lock lock{mutex_};
  refresh();
  if (rate_ == 0)
    return std::chrono::microseconds{0};
  const auto needed = static_cast<double>((ahead_of(place) + 1) * piece()) - tokens_;
  const std::chrono::duration<double> until{std::max(needed, 0.0) / static_cast<double>(rate_)};
  // At least a tick: who is told to wait is not asked to spin.
  return std::clamp(std::chrono::ceil<std::chrono::microseconds>(until),
                    std::chrono::microseconds{500}, std::chrono::microseconds{longest_wait});
}

void bandwidth_cap::leave(ticket place) {
  const std::scoped_lock lock{mutex_};
  for (auto& queue : waiting_)
    std::erase(queue, place);
}

void bandwidth_cap::settle(std::size_t taken, std::size_t read) {
  const std::scoped_lock lock{mutex_};
  if (rate_ != 0)
    tokens_ += static_cast<double>(taken) - static_cast<double>(read);
  meter(read);
}

void bandwidth_cap::charge(std::size_t bytes) {
  const std::scoped_lock lock{mutex_};
  refresh();
  if (rate_ != 0)
    tokens_ = std::max(tokens_ - static_cast<double>(bytes),
                       std::min(tokens_, -static_cast<double>(rate_)));
  meter(bytes);
}

bandwidth_use bandwidth_cap::use() {
  const std::scoped_lock lock{mutex_};
  refresh();
  std::uint64_t sum = 0;
  for (const auto bytes : metered_)
    sum += bytes;
  sum -= metered_[static_cast<std::size_t>(metered_second_) % metered_.size()];
  return {rate_, sum / meter_seconds};
}

} // namespace farshore
