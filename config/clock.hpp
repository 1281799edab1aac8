// Time and randomness come from here and nowhere else, so that a test can hold them.

#pragma once

#include "config/ids.hpp"

#include <cstdint>

namespace farshore {

/// Thread-safe. The node uses `system_time()`; tests and the simulation bring their own.
class time_source {
public:
  virtual ~time_source() = default;
  /// Monotonic: for leases, deadlines and back-off.
  [[nodiscard]] virtual steady_time now() const = 0;
  /// For what is shown to people and compared between sites.
  [[nodiscard]] virtual wall_time wall() const = 0;
};

/// The machine's clocks.
const time_source& system_time();

/// Not thread-safe: one per owner.
class random_source {
public:
  /// The same seed gives the same numbers on every machine.
  explicit random_source(std::uint64_t seed) : state_{seed} {}

  /// Uniform over all 64-bit values.
  std::uint64_t next();
  /// Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1).
  double unit();

private:
  std::uint64_t state_;
};

/// From the operating system's generator: seeds every `random_source` of a running node.
std::uint64_t random_seed();

} // namespace farshore
