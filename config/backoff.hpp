// How long a record waits after a failure. Plain functions: time and randomness come from the
// caller.

#pragma once

#include "config/clock.hpp"

#include <chrono>

namespace farshore {

/// The wait after the n-th failure in a row (n >= 1): base × 2^(n-1), ±25 % so that records which
/// failed together do not come back together, and never above `cap`.
std::chrono::milliseconds backoff(int failures_in_a_row, std::chrono::milliseconds base,
                                  std::chrono::milliseconds cap, random_source& random);

/// The wait after the n-th time that a resource was missing on the primary (n >= 1): rows are often
/// committed before their files, so exactly 1, 2, 4, 8, 16, 32 s in the first minute, then
/// `backoff` from 64 s on; never above `cap`.
std::chrono::milliseconds missing_backoff(int tries, std::chrono::milliseconds cap,
                                          random_source& random);

} // namespace farshore
