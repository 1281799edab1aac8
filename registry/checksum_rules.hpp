// The rules of the primary's verification: the state machine as a table, and when a record is due
// again. Pure functions; the SQL of checksum_table.cpp and log_fold.cpp follows them, and a test
// compares the two cell by cell.

#pragma once

#include "config/clock.hpp"
#include "registry/checksum_work.hpp"

#include <chrono>

namespace farshore {

/// What can happen to a record's verification.
enum class checksum_message : std::uint8_t {
  /// It is due, and taken in hand.
  claimed,
  /// Results of the claim that is in force; any other result changes nothing.
  succeeded,
  missing,
  unreadable,
  changed,
  unavailable,
  /// The log tells of a change.
  touched,
  /// An operator wants it verified again.
  reverify,
  /// The type is not verified any more.
  switched_off,
  /// The node that had it in hand is gone.
  released,
};
inline constexpr int checksum_messages = 10;

verification_state next_state(verification_state now, checksum_message what);

/// The message that a result is.
checksum_message message_of(checksum_result::kind how);

/// How long after a success the record is read again: uniform in [0.5, 1.5) × `interval`, so that
/// what was verified together comes back spread over a whole interval.
std::chrono::milliseconds reverify_delay(std::chrono::milliseconds interval, random_source& random);

} // namespace farshore
