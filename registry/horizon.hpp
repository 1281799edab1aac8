// Translates transaction ids into time: what was committed before which moment is contained.
//
// Plain object; not thread-safe. Its owner takes a sample each second.

#pragma once

#include "config/ids.hpp"

#include <cstdint>
#include <deque>
#include <optional>

namespace farshore {

class horizon_samples {
public:
  /// `at`: the clock, read *before* the snapshot was taken whose upper bound is `xmax`. So every
  /// transaction that had committed by then has a lower id.
  void sample(wall_time at, std::uint64_t xmax);

  /// Everything committed before this time is contained where every transaction below `covered`
  /// is; nothing when no sample lies that low. Never lower for a higher `covered`, also where the
  /// clock was set back.
  [[nodiscard]] std::optional<wall_time> horizon(std::uint64_t covered) const;

  [[nodiscard]] std::size_t size() const { return samples_.size(); }

  /// About an hour at full resolution; older ones are thinned out.
  static constexpr std::size_t samples_max = 4096;

private:
  struct one {
    wall_time at;
    std::uint64_t xmax = 0;
  };
  /// Ascending in both.
  std::deque<one> samples_;
};

} // namespace farshore
