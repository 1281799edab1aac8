#include "registry/checksum_rules.hpp"

#include <array>

namespace farshore {

namespace {

constexpr auto pending = verification_state::pending;
constexpr auto started = verification_state::started;
constexpr auto succeeded = verification_state::succeeded;
constexpr auto failed = verification_state::failed;
constexpr auto disabled = verification_state::disabled;

using row = std::array<verification_state, 5>;

// Columns: what it is at. Results come to `started`, or to `succeeded` that is read again; to the
// others they come too late.
constexpr std::array<row, checksum_messages> table{{
    //  pending   started    succeeded  failed     disabled
    {{started, started, succeeded, started, disabled}},   // claimed
    {{pending, succeeded, succeeded, failed, disabled}},  // succeeded
    {{pending, failed, failed, failed, disabled}},        // missing
    {{pending, failed, failed, failed, disabled}},        // unreadable
    {{pending, pending, pending, failed, disabled}},      // changed
    {{pending, disabled, disabled, failed, disabled}},    // unavailable
    {{pending, pending, pending, pending, pending}},      // touched
    {{pending, pending, succeeded, failed, pending}},     // reverify
    {{disabled, disabled, disabled, disabled, disabled}}, // switched_off
    {{pending, pending, succeeded, failed, disabled}},    // released
}};

} // namespace

verification_state next_state(verification_state now, checksum_message what) {
  return table[static_cast<std::size_t>(what)][static_cast<std::size_t>(now)];
}

checksum_message message_of(checksum_result::kind how) {
  switch (how) {
  case checksum_result::kind::succeeded:
    return checksum_message::succeeded;
  case checksum_result::kind::missing:
    return checksum_message::missing;
  case checksum_result::kind::unreadable:
    return checksum_message::unreadable;
  case checksum_result::kind::changed:
    return checksum_message::changed;
  case checksum_result::kind::unavailable:
    return checksum_message::unavailable;
  }
  return checksum_message::unreadable;
}

std::chrono::milliseconds reverify_delay(std::chrono::milliseconds interval,
                                         random_source& random) {
  const auto span = static_cast<double>(interval.count());
  return std::chrono::milliseconds{
      static_cast<std::chrono::milliseconds::rep>(span * (0.5 + random.unit()))};
}

} // namespace farshore
