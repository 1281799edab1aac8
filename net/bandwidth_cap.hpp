// Shares a rate of bytes among connections: a token bucket, served in turn.
//
// A lane that wants to read joins, takes what it may read, and gives back what it did not. While
// lanes of both kinds wait they take turns, so that small blobs have half of the rate beside
// whatever large ones are on their way; within a kind it is first come, first served, piece by
// piece. Thread-safe; never blocks: who may not take yet is told when to ask again.

#pragma once

#include "config/bandwidth.hpp"
#include "config/clock.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>

namespace farshore {

/// What status shows.
struct bandwidth_use {
  /// Bytes per second; 0: unlimited.
  std::uint64_t cap = 0;
  /// Bytes per second, of the last few.
  std::uint64_t rate = 0;
};

class bandwidth_cap {
public:
  enum class kind : std::uint8_t { small, large };
  using ticket = std::uint64_t;

  explicit bandwidth_cap(const time_source& time, bandwidth_plan plan = {});

  /// In force at once, and so is each time of day of it within a second.
  void set_plan(bandwidth_plan plan);

  /// A place in the queue for one piece.
  ticket join(kind of);
  /// Up to `wanted` bytes may be read, and the place is given up; 0: not yet.
  std::size_t take(ticket place, std::size_t wanted);
  /// When to ask again, from now: never more than a second, so that changes are noticed.
  [[nodiscard]] std::chrono::microseconds wait(ticket place);
  /// Gives a place up.
  void leave(ticket place);

  /// Of what was taken so much was read.
  void settle(std::size_t taken, std::size_t read);
  /// Bytes that came without asking. They count, but hold up what asks by a second at most.
  void charge(std::size_t bytes);

  [[nodiscard]] bandwidth_use use();

private:
  static constexpr int meter_seconds = 5;

  // Call with `mutex_`.
  void refresh();
  void meter(std::size_t bytes);
  [[nodiscard]] std::size_t piece() const;
  [[nodiscard]] double burst() const;
  [[nodiscard]] std::size_t first_queue() const;
  [[nodiscard]] std::size_t ahead_of(ticket place) const;

  const time_source& time_;
  std::mutex mutex_;
  bandwidth_plan plan_;
  /// Bytes per second; 0: unlimited.
  std::uint64_t rate_ = 0;
  steady_time planned_at_;
  /// Bytes that may be taken; below 0 after more came than was asked for.
  double tokens_ = 0;
  steady_time filled_at_;
  ticket last_ticket_ = 0;
  /// By kind.
  std::array<std::deque<ticket>, 2> waiting_;
  kind turn_ = kind::small;
  /// Of the running second and the full ones before it, by number modulo their count.
  std::array<std::uint64_t, meter_seconds + 1> metered_{};
  std::int64_t metered_second_ = 0;
};

} // namespace farshore
