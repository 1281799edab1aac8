// One record as a secondary's registry knows it: a row of `farshore.registry`. Plain data.

#pragma once

#include "config/ids.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace farshore {

struct registry_row {
  record_id record = 0;
  std::string key;
  /// Encoded; where the resource belongs, or (unwanted) lay.
  std::string locator;
  /// Encoded; former locators that may still lie on the disk, oldest first.
  std::vector<std::string> stale_locators;
  /// False: the resource is to be removed, then the row.
  bool wanted = true;
  revision target_revision = 0;
  /// Nothing: never synced.
  std::optional<revision> synced_revision;
  /// As the primary told; once synced, as it is on the disk.
  std::optional<std::uint64_t> size;
  /// Encoded; of a repository the one that it shares objects with. Empty: none.
  std::string pool;
  /// What the primary says that the content's checksum is.
  std::optional<checksum> primary_checksum;

  sync_state state = sync_state::pending;
  /// Due at this time, in this order; nothing: at once, before all others. Of a started row the end
  /// of its lease.
  std::optional<wall_time> retry_at;
  /// Failures since the last success.
  int retry_count = 0;
  /// At most 255 bytes; empty: none.
  std::string last_sync_failure;
  std::optional<wall_time> last_synced_at;
  bool missing_on_primary = false;
  /// Every change of the record that is not here yet was committed on the primary after this time;
  /// `since_unknown` where nothing is known of that. Nothing: none is missing, or (never synced)
  /// the row is one of registry_counts::never_synced.
  std::optional<wall_time> due_since;
  bool force_to_redownload = false;
  wall_time created_at;

  /// Of what is synced: whether it is, by its checksum, what the primary has. Disabled: the primary
  /// checksums nothing of the type.
  verification_state verification = verification_state::pending;
  /// When what is on the disk was last found to be right: by its hash in flight, or at rest.
  /// Nothing: never; the primary has not told its checksum yet.
  std::optional<wall_time> verified_at;
  /// As due_since, of what is not verified yet. Nothing: all was, or (never synced) the row is one
  /// of registry_counts::never_verified.
  std::optional<wall_time> unverified_since;
  /// At most 255 bytes; empty: none.
  std::string verification_failure;
  /// What was odd about what was last verified at rest, and no damage; at most 2,000 bytes. Empty:
  /// nothing.
  std::string findings;
  /// Column verification_checksum: SHA-256 of what was last found right on the disk.
  std::optional<checksum> sum;
  /// What was received, or found at rest, was something else:
  bool checksum_mismatch = false;
  /// its SHA-256.
  std::optional<checksum> verification_checksum_mismatched;

  friend bool operator==(const registry_row&, const registry_row&) = default;
};

/// In `due_since`: older than anything that is known of the primary's clock.
inline constexpr wall_time since_unknown{};

} // namespace farshore
