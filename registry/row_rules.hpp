// How a registry row changes: what both stores agree on before they touch one, and, as plain
// functions on a row, every transition. `memory_store` calls these; `pg_store` says the same in
// SQL, and the suite compares the two.

#pragma once

#include "registry/claim_table.hpp"
#include "registry/records.hpp"
#include "registry/registry_row.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace farshore {

// -- before a row is touched ---------------------------------------------------------------------

/// As a database keeps it: whole microseconds.
wall_time stored_time(wall_time t);

/// What a text column takes: valid UTF-8 without NUL, cut to `bytes_max` where a character begins.
std::string clean_text(std::string_view text, std::size_t bytes_max = std::string_view::npos);
/// clean_text for last_sync_failure: 255 bytes.
std::string failure_text(std::string_view text);

/// The all-zero checksum stands for none.
std::optional<checksum> known_checksum(const checksum& sum);

/// A page's events on records, by type: of each record the one with the highest id, by record.
std::map<std::string, std::vector<served_event>> newest_events(const events_page& page);
/// Of each type that was truncated the highest such event. To be applied after the page's other
/// events: what lies below it and was served as present comes again, with a higher id.
std::map<std::string, revision> truncations(const events_page& page);
/// A page's rows, each record once, by record.
std::vector<catalogue_row> catalogue_rows(std::span<const catalogue_row> page);

/// What to tell of a type's recovery point where `now` was found, and `told` is the latest that was
/// told (updated): within an epoch it never goes back.
std::optional<wall_time> told_recovery_point(std::optional<wall_time>& told,
                                             std::optional<wall_time> now);

/// When bulk work that is found at `now` counts as due: always in the past, since among what is
/// due the earliest goes first. Of what is found within the same ten minutes the small goes before
/// the large, in six classes of size (up to 64 KiB, 1 MiB, 16 MiB, 256 MiB, 4 GiB, above; what is
/// unknown counts as 1 MiB), and within a class the higher record id, that is as a rule the more
/// recent, before the lower (ids above 600 million are equal). Each class costs ten minutes: so
/// the largest waits for what is found within the next hour, and for nothing that comes later.
wall_time bulk_due(wall_time now, std::optional<std::uint64_t> size, record_id record);
/// The same for what comes after all bulk work that is found now: it needs some of that.
wall_time late_bulk_due(wall_time now, record_id record);

/// Something was placed or removed.
bool changes_disk(const outcome& how);

/// Everything that a worker on the row may touch.
std::vector<std::string> locators_to_lock(const registry_row& row);
/// What a worker on the row should remove, unless other rows want it; in order, each once. What
/// can't lie in a store (a locator that leads out of it) needs no removal.
std::vector<std::string> removal_candidates(const registry_row& row);

// -- transitions ---------------------------------------------------------------------------------

/// What a change that a page brings does to a row.
enum class change { none, raised, due };

/// `since` bounds from below when what the page brings was committed.
registry_row row_of(const served_event& e, std::optional<wall_time> since, wall_time now);
change apply_event(registry_row& row, const served_event& e, wall_time since, wall_time now);
change apply_truncation(registry_row& row, revision id, wall_time since);
registry_row row_of(const catalogue_row& found, wall_time now);
/// `asked`: not of a page, but asked for by id. Then the record is there, whatever the log said,
/// and an unwanted row is wanted again, and one that is named otherwise at the same revision is put
/// right; a page may be behind the log.
change apply_catalogue(registry_row& row, const catalogue_row& found, wall_time now,
                       bool asked = false);
/// The row (nullptr: none) is not what the catalogue calls for.
bool differs(const registry_row* row, const catalogue_row& found);
/// The record is gone, and no event told so.
void apply_gone(registry_row& row, wall_time now);
void apply_epoch(registry_row& row, wall_time now);
/// Forgets what the row believes of the disk.
void apply_distrust(registry_row& row, wall_time now);
void apply_resync(registry_row& row, wall_time now);
/// False: leave the row alone, it is due or under way.
bool resync_changes(const registry_row& row, wall_time now);

/// `verifies`: the primary has checksums of the type, or will have them.
void apply_synced(registry_row& row, const outcome& how, const live_claim& of, wall_time now,
                  bool verifies = true);
/// False: the row itself goes.
bool apply_removed(registry_row& row, const outcome& how);
void apply_failed(registry_row& row, const outcome& how, const live_claim& of, wall_time now);
void apply_given_back(registry_row& row, const live_claim& of);
void apply_started(registry_row& row, wall_time lease_end);

// -- verification at rest: synced rows whose checksum the primary has confirmed, or never will
// -----

/// Marked by reverify, to be read as soon as may be.
bool is_marked(const registry_row& row);
/// To be read by the walk through all rows.
bool is_due_for_walk(const registry_row& row, wall_time now, std::chrono::milliseconds recent);
verification_claim verification_of(const registry_row& row, const std::string& type,
                                   epoch_number epoch);
/// The row is still what the claim was made of.
bool still_is(const registry_row& row, const verification_claim& of);
void apply_verified(registry_row& row, const verification_outcome& found, wall_time now);
/// What is kept of findings.
std::string findings_text(std::string_view text);
/// Due to be fetched anew, all of it.
void apply_damaged(registry_row& row, const verification_outcome& found, wall_time now);
/// False: there is nothing to read, or it is under way to be fetched anew.
bool apply_reverify(registry_row& row, wall_time now);
/// The primary has begun, or ceased, to checksum the type. False: that changes nothing here.
bool apply_verifies(registry_row& row, bool verifies, wall_time now);

} // namespace farshore
