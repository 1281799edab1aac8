// How many bytes a second may arrive, and when: the setting `bandwidth`. Plain values.

#pragma once

#include "config/ids.hpp"
#include "config/values.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace farshore {

/// Below this a kernel's socket buffer takes minutes to empty, and a slow transfer can no longer be
/// told from a dead one.
inline constexpr std::uint64_t bandwidth_min = 10'000;

/// One entry: a rate, and when it counts.
struct bandwidth_window {
  /// Bit 0 is Monday; the day on which the window begins.
  unsigned days = 0b111'1111;
  /// Minutes of the local day. `to` below `from`: the window ends on the next day.
  std::chrono::minutes from{0};
  std::chrono::minutes to{24 * 60};
  /// 0: unlimited.
  std::uint64_t bytes_per_second = 0;

  /// `weekday` 0 is Monday.
  [[nodiscard]] bool holds(unsigned weekday, std::chrono::minutes of_day) const;

  friend bool operator==(const bandwidth_window&, const bandwidth_window&) = default;
};

struct bandwidth_plan {
  /// The last one that holds counts; where none does the rate is unlimited.
  std::vector<bandwidth_window> windows;

  /// Bytes per second; 0: unlimited.
  [[nodiscard]] std::uint64_t at(unsigned weekday, std::chrono::minutes of_day) const;
  /// The same at a time of the machine's time zone.
  [[nodiscard]] std::uint64_t at(wall_time now) const;

  friend bool operator==(const bandwidth_plan&, const bandwidth_plan&) = default;
};

/// "20 MB/s", "Mon-Fri 08:00-18:00 5 MB/s", "22:00-06:00 unlimited", "Sat,Sun unlimited".
tl::expected<bandwidth_window, complaint> parse_bandwidth(std::string_view text);

} // namespace farshore
