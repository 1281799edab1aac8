// What travels between the primary's log, the secondary's registry and the actors: plain structs,
// no database types, no actors.

#pragma once

#include "config/error.hpp"
#include "config/ids.hpp"
#include "config/scope.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace farshore {

/// An event joined with the model's row as it was when the page was read. The event itself is only
/// a hint; what counts is the row.
struct served_event {
  /// The event's id: the record's revision.
  revision id = 0;
  std::string type;
  record_id record = 0;
  /// The model's key as text (equal to `record` for integer keys).
  std::string key;
  operation op = operation::updated;
  /// The row exists and is available: the secondary should hold the resource.
  bool present = false;
  /// Encoded locator; empty when not present.
  std::string locator;
  std::optional<std::uint64_t> size;
  /// The primary's checksum, when it has one for this revision.
  std::optional<checksum> sum;
  /// The row is there, and not for this site: nothing but its id is told.
  bool outside = false;
  /// Encoded locator of the repository that it shares objects with; empty: none.
  std::string pool = {};
};

/// How a type stands on the primary.
struct type_status {
  std::string name;
  /// Rises whenever the triggers were (re)installed: everything before is unknown to the log, so a
  /// secondary that has not backfilled this generation must. 0: not ready yet.
  std::int64_t generation = 0;
  /// Why the type is not ready ("table \"widgets\" does not exist"); empty when it is.
  std::string waiting;
  /// The primary checksums what it has of the type.
  bool verifies = true;
  /// Records that the primary keeps a state of, whoever wants them; nothing where it does not tell.
  std::optional<std::int64_t> records = {};
};

/// A transaction on the primary that holds the log's horizon back.
struct horizon_blocker {
  std::int32_t pid = 0;
  std::chrono::seconds age{0};
};

struct events_page {
  /// In log order; at most one for each record (its highest id within the page).
  std::vector<served_event> events;
  /// Where the reader stands once the page is applied; unchanged when nothing was read.
  event_position upto;
  /// The page was cut by its limit: ask again at once.
  bool more = false;
  /// Every transaction with an id below this one is contained in what was served up to `upto`.
  std::uint64_t covered_xid = 0;
  /// Everything committed on the primary before this time is contained; nothing when unknown yet.
  std::optional<wall_time> horizon;
  /// Names the primary's database (system identifier, timeline, database, own number).
  std::string identity;
  std::vector<type_status> types;
  std::optional<horizon_blocker> blocker;
  /// The scope that it was asked, and read, under.
  scope_digest scope = {};
};

struct catalogue_row {
  record_id record = 0;
  std::string key;
  /// Encoded.
  std::string locator;
  std::optional<std::uint64_t> size;
  /// From the state table; may lag behind the log, never ahead of what is committed.
  revision rev = 0;
  std::optional<checksum> sum;
  /// As of an event.
  std::string pool = {};
};

/// Available records of one type that are in scope, ordered by record id.
struct catalogue_page {
  std::string type;
  std::int64_t generation = 0;
  /// What was asked for: record ids above this one. The type's first page: record_id_before_all.
  record_id after = record_id_before_all;
  std::vector<catalogue_row> rows;
  /// Pass as `after` for the next page. Unlike rows.back().record it also moves past records that
  /// are not available, or out of scope.
  record_id next_after = 0;
  bool last = false;
  /// The scope that it was asked, and read, under.
  scope_digest scope = {};
};

/// What became of the records that were asked for by id.
struct records_page {
  std::string type;
  std::int64_t generation = 0;
  /// In ascending order.
  std::vector<record_id> asked;
  /// Of those that are there, available, and in scope.
  std::vector<catalogue_row> rows;
  /// Of those that are there and available, and not in scope; in ascending order.
  std::vector<record_id> outside = {};
  /// The scope that it was asked, and read, under.
  scope_digest scope = {};
};

/// Permission to bring one record to its target. Whoever holds it is the only one at work on the
/// record and on each of its locators.
struct claim {
  claim_token token = 0;
  replicable_id id;
  epoch_number epoch = 0;
  std::string key;
  /// The revision to reach.
  revision target = 0;
  /// False: the target is absence.
  bool wanted = true;
  /// Encoded; where the resource belongs, or lay.
  std::string locator;
  /// Encoded; to be removed from the store once the target is reached: former locators, and for an
  /// unwanted record its own. Never one that another live record of the same store has.
  std::vector<std::string> remove;
  /// How many of the row's former locators this claim settles (the first n of the list).
  std::size_t stale_settled = 0;
  std::optional<checksum> expected;
  std::optional<std::uint64_t> size;
  /// Encoded; the repository that a first mirror is to share objects with. Empty: none.
  std::string pool = {};
  /// Failures in a row so far.
  int retry_count = 0;
  /// A change that just came, not bulk work.
  bool live = false;
  /// What lies here is not to be believed: all of it is fetched.
  bool force = false;
};

/// How the work on a claim ended.
struct outcome {
  enum class kind : std::uint8_t {
    /// The resource is on disk at the locator, flushed and hashed.
    synced,
    /// The resource is gone from the disk, flushed.
    removed,
    /// `why` says what went wrong; due again after `retry_after`.
    failed,
    /// Nothing was learnt of the record (the primary is unreachable, the node stops): due as
    /// before.
    given_back,
  };
  claim_token token = 0;
  replicable_id id;
  epoch_number epoch = 0;
  /// The claim's target: the revision that is on disk now.
  revision reached = 0;
  kind how = kind::failed;
  error why;
  std::chrono::milliseconds retry_after{0};
  /// SHA-256 of what is on disk; for kind::synced.
  checksum sum{};
  std::uint64_t size = 0;
  /// Content was there already (promise 8).
  bool adopted = false;
  std::size_t stale_settled = 0;
};

// -- verification at rest ------------------------------------------------------------------------

/// A synced record whose resource is to be read and hashed where it lies. Holds nobody up: what
/// comes of it counts only if the row is by then what it was.
struct verification_claim {
  replicable_id id;
  epoch_number epoch = 0;
  /// Encoded.
  std::string locator;
  checksum expected{};
  /// The row's synced_revision and verified_at.
  revision synced = 0;
  std::optional<wall_time> verified_at;

  friend bool operator==(const verification_claim&, const verification_claim&) = default;
};

/// Types of which an order about all records is under way: rows that a resync has not marked yet,
/// or a reverify not read.
struct orders_of_all {
  std::vector<std::string> resyncs;
  std::vector<std::string> reverifies;

  friend bool operator==(const orders_of_all&, const orders_of_all&) = default;
};

/// What is to be read next of a type.
struct verification_request {
  std::string type;
  /// Of what was marked (reverify): records behind this one, at most so many.
  record_id marked_after = record_id_before_all;
  std::size_t marked_max = 0;
  /// How many rows the walk through all of them goes on by.
  std::size_t walk_rows = 0;
  /// What was verified this recently the walk passes over.
  std::chrono::milliseconds recent{0};
  /// The reverify of all that the next two are about, as a round named it; 0: none.
  std::uint64_t all_order = 0;
  /// What was found of its records up to here has been told.
  record_id all_told = record_id_before_all;
  /// Its records up to here have been claimed.
  record_id all_claimed = record_id_before_all;
};

struct verification_round {
  std::vector<verification_claim> claims;
  /// How many of the claims, the first ones, were marked.
  std::size_t marked = 0;
  /// All rows of the type.
  std::int64_t rows = 0;
  /// The reverify of all that is under way, by a number that another one does not have in the life
  /// of the registry's process; 0: none is.
  std::uint64_t all_order = 0;
  /// Its records up to here have been claimed.
  record_id all_claimed = record_id_before_all;
  /// And so have all that there are of it.
  bool all_at_end = false;

  friend bool operator==(const verification_round&, const verification_round&) = default;
};

/// What was found where a claim said.
struct verification_outcome {
  verification_claim of;
  /// Nothing: just what was expected. Else what is there instead, or why nothing can be read.
  std::optional<error> damage;
  /// The checksum of what is there instead; nothing where none could be made.
  std::optional<checksum> found;
  /// What is odd about what is there, and no damage; empty: nothing.
  std::string findings = {};
};

/// Numbers of one type at this site; what status and `wait` speak of.
struct registry_counts {
  std::int64_t registry = 0;
  std::int64_t pending = 0;
  std::int64_t started = 0;
  std::int64_t synced = 0;
  std::int64_t failed = 0;
  /// Of the failed: missing on the primary.
  std::int64_t missing_on_primary = 0;
  /// Of all: waiting for their resource's removal.
  std::int64_t removing = 0;
  /// Rows made by a backfill, or while one was under way, that were never synced (missing on the
  /// primary excepted): nothing bounds how old their changes are.
  std::int64_t never_synced = 0;
  /// Of the synced: found to be what the primary has; not yet; not at all, since the primary has no
  /// checksums of the type.
  std::int64_t verified = 0;
  std::int64_t verification_pending = 0;
  std::int64_t verification_disabled = 0;
  /// Of those that are not yet: verified before, and marked to be read again.
  std::int64_t marked = 0;
  /// Of all: found damaged, and not synced anew yet.
  std::int64_t verification_failed = 0;
  /// As never_synced: nothing bounds how old what is not verified of them is.
  std::int64_t never_verified = 0;

  friend bool operator==(const registry_counts&, const registry_counts&) = default;
};

// -- what a secondary asks its primary
// --------------------------------------------------------------

/// Asks for what happened behind `after`; the primary waits up to `wait` for something to tell.
struct events_request {
  event_position after;
  std::size_t limit = 2000;
  std::chrono::milliseconds wait{0};
  scope_digest scope = {};
};

struct catalogue_request {
  std::string type;
  record_id after = 0;
  std::size_t limit = 5000;
  scope_digest scope = {};
};

/// At most records_asked_max, in ascending order.
struct records_request {
  std::string type;
  std::vector<record_id> records;
  scope_digest scope = {};
};
inline constexpr std::size_t records_asked_max = 5000;

/// Where the primary stands: taken before a backfill, and by `wait`.
struct primary_position {
  std::string identity;
  /// A new reader starts behind this place: everything visible so far is in the catalogue.
  event_position place;
  /// Once a reader has covered this transaction, it has all that was committed when asked.
  std::uint64_t mark_xid = 0;
  std::optional<wall_time> horizon;
};

} // namespace farshore
