// How old and how large the event log is at which place, from a sample each minute.
//
// Plain object; not thread-safe.

#pragma once

#include "config/ids.hpp"

#include <cstdint>
#include <deque>
#include <optional>

namespace farshore {

/// Of each event beside its row's own size: the line pointer, and its entry in the index with that
/// page's share of free space.
inline constexpr std::int64_t event_overhead_bytes = 4 + 28;

/// A part of the log.
struct log_weight {
  std::int64_t events = 0;
  std::int64_t bytes = 0;

  log_weight& operator+=(const log_weight& more) {
    events += more.events;
    bytes += more.bytes;
    return *this;
  }
  friend bool operator==(const log_weight&, const log_weight&) = default;
};

struct log_sample {
  /// Everything up to this place was committed before `at`.
  event_position place;
  wall_time at;
  /// Of what lies behind the sample before, up to this place.
  log_weight weight;
};

class log_samples {
public:
  /// At a place behind all others. A clock that was set back counts as standing still.
  void add(log_sample next);
  /// Forgets those of which nothing is left.
  void drop_before(const event_position& place);

  [[nodiscard]] const log_sample* newest() const {
    return samples_.empty() ? nullptr : &samples_.back();
  }
  /// The highest place of which all was committed before `time`.
  [[nodiscard]] std::optional<event_position> place_before(wall_time time) const;
  /// The lowest place behind which there are at most `bytes`, with `open` (what was folded since
  /// the newest sample); nothing where all of it is that small.
  [[nodiscard]] std::optional<event_position> place_within(std::uint64_t bytes,
                                                           const log_weight& open) const;
  /// The sample in whose part of the log the event behind `place` is; null: in none yet.
  [[nodiscard]] const log_sample* behind(const event_position& place) const;
  /// What all samples behind `place` hold, the one that it lies in included.
  [[nodiscard]] log_weight weight_behind(const event_position& place) const;

private:
  /// Ascending.
  std::deque<log_sample> samples_;
};

} // namespace farshore
