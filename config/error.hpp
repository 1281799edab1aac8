// The one error vocabulary of Farshore.
//
// Every fallible function returns `result<T>`. Foreign errors (libpqxx's
// exceptions, errno, asio's error codes) become an `error` at the call that met
// them. A code exists only where some caller reacts to it differently; what
// was tried, on which record and what to do next stands in `message`.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace farshore {

/// Error codes. Explicit numbers, append only: they appear in JSON and exit codes.
enum class ec : std::uint8_t {
  /// The configuration contradicts itself; start-up must stop.
  invalid_config = 1,
  /// The database could not be reached, or the connection broke; try again.
  database_unavailable = 2,
  /// The commit may or may not have happened; read again before any retry.
  database_in_doubt = 3,
  /// The statement or its answer does not fit the schema; never retry.
  database_rejected = 4,
  /// The primary could not be reached, or broke off; nothing is known of the record.
  primary_unreachable = 5,
  /// The primary refused this site's signature (secret, clock, version).
  unauthorized = 6,
  /// The log no longer holds, or never held, the position the reader came with.
  position_unknown = 7,
  /// The type exists, but its table does not yet (or not any more).
  type_waiting = 8,
  /// No such type, record, route or command.
  not_found = 9,
  /// The resource is not (yet) where the primary's row says it is.
  missing_on_primary = 10,
  /// The primary's row is gone, out of scope, or lies elsewhere by now: an event is on its way.
  moved_on = 11,
  /// The resource changed while it was being read; try again.
  changed = 12,
  /// The bytes that arrived do not have the checksum that the primary holds.
  checksum_mismatch = 13,
  /// The primary found the resource but could not read it.
  unreadable_on_primary = 14,
  /// The locator leads out of its store, or to something that is no regular file.
  bad_locator = 15,
  /// The local disk refused (EIO, ENOSPC, EACCES …).
  disk = 16,
  /// The claim's lease ran out, or was taken away, before the work was done.
  lease_lost = 17,
  /// Nothing moved for longer than the type's progress deadline.
  no_progress = 18,
  /// A fixed bound is reached; the caller must slow down.
  overloaded = 19,
  /// The other side sent what the protocol does not allow.
  protocol = 20,
  /// The node is ending.
  stopping = 21,
  /// A bug of ours, caught at the edge of an actor or a thread.
  internal = 22,
  /// The store has not enough free space: the disk is full, or the content larger than what is free
  /// above the low-water mark.
  no_space = 23,
  /// The log was trimmed past the reader's place: a full check is due.
  log_trimmed = 24,
  /// The primary does not know (any more) what this site wants: tell it, and ask again.
  scope_unknown = 25,
  /// The repository that it shares objects with is not here yet: it comes first.
  pool_missing = 26,
};

/// The code's name as written above, e.g. "missing_on_primary".
std::string_view to_string(ec code);

/// A failure: the code says what the caller may do, the message what the operator needs.
struct error {
  ec code = ec::internal;
  std::string message;

  friend bool operator==(const error& a, const error& b) { return a.code == b.code; }
};

template <class T>
using result = tl::expected<T, error>;

/// `return fail(ec::disk, "cannot open …")` from a function that returns `result<T>`.
inline tl::unexpected<error> fail(ec code, std::string message) {
  return tl::make_unexpected(error{code, std::move(message)});
}

/// Passes an error on: `return fail(std::move(other).error())`.
inline tl::unexpected<error> fail(error e) {
  return tl::make_unexpected(std::move(e));
}

} // namespace farshore
