// The small values that every layer speaks of.

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace farshore {

/// A record's number within its type: the model's integer key, or what `record_keys` gave it.
using record_id = std::int64_t;

/// Below every record id: where a catalogue begins.
inline constexpr record_id record_id_before_all = INT64_MIN;

/// The id of a record's newest event; 0 for a record older than its type's first event.
using revision = std::int64_t;

/// Drawn from a sequence of the tracking database for every claim; never used twice.
using claim_token = std::int64_t;

/// Counts how often this site had to start over with its primary (promise 10).
using epoch_number = std::int64_t;

using wall_time = std::chrono::system_clock::time_point;
using steady_time = std::chrono::steady_clock::time_point;

/// SHA-256 of a resource's content.
using checksum = std::array<std::uint8_t, 32>;

/// Lower-case hex, 64 characters.
std::string to_hex(const checksum& sum);
/// False (and `out` untouched) unless `hex` is 64 hex digits.
bool from_hex(std::string_view hex, checksum& out);

/// What happened to a record. Numbers are stored in the event log.
enum class operation : std::uint8_t {
  created = 1,
  updated = 2,
  deleted = 3,
  truncated = 4,
  checksum_succeeded = 5,
};
std::string_view to_string(operation op);
/// False unless `text` is one of the names above.
bool parse(std::string_view text, operation& out);

/// A reader's place in the event log: the last event it has applied. Ordered by (xid, id).
struct event_position {
  std::uint64_t xid = 0;
  std::int64_t id = 0;
  /// Random per event row: proves that the log still is the one we read from (promise 10).
  std::int32_t token = 0;

  friend bool operator==(const event_position&, const event_position&) = default;
};

/// In the log's order; the token is no part of it.
inline bool before(const event_position& a, const event_position& b) {
  return a.xid != b.xid ? a.xid < b.xid : a.id < b.id;
}

/// One replicable: names the record in every log line, `type/record`.
struct replicable_id {
  std::string type;
  record_id record = 0;

  friend bool operator==(const replicable_id&, const replicable_id&) = default;
  friend auto operator<=>(const replicable_id&, const replicable_id&) = default;
};
inline std::string to_string(const replicable_id& id) {
  return id.type + "/" + std::to_string(id.record);
}

/// The reference's integers.
enum class sync_state : std::uint8_t { pending = 0, started = 1, synced = 2, failed = 3 };
std::string_view to_string(sync_state s);
bool parse(std::string_view text, sync_state& out);

/// The reference's integers.
enum class verification_state : std::uint8_t {
  pending = 0,
  started = 1,
  succeeded = 2,
  failed = 3,
  disabled = 4,
};
std::string_view to_string(verification_state s);
bool parse(std::string_view text, verification_state& out);

/// RFC 3339 in UTC with milliseconds, e.g. "2026-01-02T03:04:05.678Z".
std::string to_rfc3339(wall_time t);

} // namespace farshore

template <>
struct std::hash<farshore::replicable_id> {
  std::size_t operator()(const farshore::replicable_id& id) const noexcept {
    return std::hash<std::string>{}(id.type) * 31u + std::hash<farshore::record_id>{}(id.record);
  }
};
