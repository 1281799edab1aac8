#include "config/backoff.hpp"

#include <algorithm>

namespace farshore {

using std::chrono::milliseconds;

namespace {

constexpr int missing_tries_first_minute = 6;

/// base × 2^doublings, but not above cap.
milliseconds doubled(milliseconds base, int doublings, milliseconds cap) {
  auto wait = base;
  for (; doublings > 0 && wait < cap; --doublings)
    wait = wait > cap / 2 ? cap : wait * 2;
  return std::min(wait, cap);
}

} // namespace

milliseconds backoff(int failures_in_a_row, milliseconds base, milliseconds cap,
                     random_source& random) {
  auto middle = doubled(base, failures_in_a_row - 1, cap);
  auto jittered = static_cast<double>(middle.count()) * (0.75 + 0.5 * random.unit());
  if (jittered >= static_cast<double>(cap.count()))
    return cap;
  return milliseconds{static_cast<milliseconds::rep>(jittered)};
}

milliseconds missing_backoff(int tries, milliseconds cap, random_source& random) {
  if (tries <= missing_tries_first_minute)
    return doubled(std::chrono::seconds{1}, tries - 1, cap);
  return backoff(tries - missing_tries_first_minute, std::chrono::seconds{64}, cap, random);
}

} // namespace farshore
