// What a search for files that no record names is asked for, and what it has found. Plain data.

#pragma once

#include "strategies/strategy.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace farshore {

struct orphan_order {
  std::string type;
  /// Remove what is found, too.
  bool remove = false;
  /// Also where it is a wave (promise 11).
  bool even_many = false;
};

struct orphan_status {
  enum class stage : std::uint8_t { none, running, done };
  stage now = stage::none;
  std::string type;
  /// Files that were looked at.
  std::int64_t files = 0;
  /// Those that no record names, and the first of them, encoded.
  std::int64_t found = 0;
  std::vector<std::string> first;
  std::int64_t removed = 0;
  /// They are so many that nothing was removed.
  bool held = false;
  /// Why it broke off; empty when it did not.
  std::string trouble;
};

/// As many are kept by name, and removed by one order.
inline constexpr std::size_t orphans_max = 5'000;

} // namespace farshore
