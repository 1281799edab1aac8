// What a secondary knows of its records: the seam between the registry actor and PostgreSQL.
//
// Two implementations, `pg_store` and `memory_store`, held to one suite of behaviours
// (tests/registry/store_suite.cpp). Not thread-safe: it belongs to the registry actor, which is the
// only writer of the node's database. Calls block.
//
// Everything happens between begin() and commit(); nothing counts, and nothing may be answered,
// before commit() has returned. After an error the batch is void and the store must be discarded:
// the node starts over from what is committed. The one exception is ec::not_found (the named type
// was never declared): that call did nothing, and the batch goes on.
//
// Claims live in memory: they end with the store, and a new one finds all that they were for due.

#pragma once

#include "registry/range_digests.hpp"
#include "registry/record_selection.hpp"
#include "registry/records.hpp"
#include "registry/registry_row.hpp"
#include "registry/store_identity.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace farshore {

/// A type as the configuration declares it.
struct store_type {
  std::string name;
  std::string plural;
  /// Types with an equal store share its locators (promise 2).
  std::string store;
  bool enabled = true;
};

/// What a walk through a type's catalogue is at.
enum class walk_stage : std::uint8_t {
  /// No walk is under way.
  none = 0,
  /// Reads the catalogue, page by page.
  reading = 1,
  /// Asks again, by id, for what differed.
  confirming = 2,
};
std::string_view to_string(walk_stage stage);

/// How a type's walk through the primary's catalogue stands: the first one of a generation makes
/// the rows (backfill), each later one compares them (check). Kept across restarts.
struct backfill_state {
  std::string type;
  /// The primary's generation that is being, or was, walked through; 0: none yet.
  std::int64_t generation = 0;
  /// The stage goes on behind this record id.
  record_id after = record_id_before_all;
  /// A walk of this generation has been through.
  bool complete = false;
  walk_stage stage = walk_stage::none;

  // Of the walk that is under way, or of the last one:
  /// Catalogue rows that it has read.
  std::int64_t seen = 0;
  /// Records that had no row, or a change that the log did not tell of.
  std::int64_t found_missing = 0;
  /// Rows whose record was gone, marked for removal.
  std::int64_t found_gone = 0;

  /// Rows whose record is gone, not marked: so many wait for the operator's word.
  std::int64_t held = 0;
  /// When the last walk ended.
  std::optional<wall_time> ended_at = {};

  friend bool operator==(const backfill_state&, const backfill_state&) = default;
};

struct cursor_state {
  epoch_number epoch = 0;
  /// The primary's identity that belongs to the epoch; empty before the first contact.
  std::string identity;
  event_position place;
  std::uint64_t covered_xid = 0;
  std::optional<wall_time> horizon;
  /// What this site wants: pages that were read under another scope are not applied.
  scope_digest scope = {};
};

/// What applying a page did.
struct applied {
  /// Types that have new due records: their supervisors should look.
  std::vector<std::string> due_types;
  std::size_t changed = 0;
  /// How the type's walk stands; after a page of the catalogue, or records asked for by id.
  std::optional<backfill_state> walk = {};
  /// The page was read under another scope than the site's, and changed nothing.
  bool other_scope = false;
};

struct claimed {
  std::vector<claim> claims;
  /// How long each of them lasts, counted from the moment that claim_due was called, and again from
  /// each call that renews it.
  std::chrono::milliseconds lease{0};
  /// Due records were passed over because a locator of theirs is under a live claim, or because
  /// they changed while under one: ask again when one of those has ended.
  bool passed_over = false;
  /// Time until the next record falls due, when fewer than `limit` were due and one waits.
  std::optional<std::chrono::milliseconds> next_due;
};

/// Which due records a claim is for.
enum class claim_scope : std::uint8_t {
  all,
  /// Live changes: what is due without a time.
  live,
  /// What is to be absent.
  removals,
};

/// Where a type stands in time (promise 12).
struct recovery_point {
  std::string type;
  /// Everything committed on the primary before this time is here; nothing while unknown, e.g.
  /// before the first backfill is through.
  std::optional<wall_time> synced;
  /// Everything committed before this time is here, and found to be what the primary has.
  std::optional<wall_time> verified = {};
};

class registry_store {
public:
  virtual ~registry_store() = default;

  virtual result<void> begin() = 0;
  virtual result<void> commit() = 0;

  /// Makes the declared types known (partitions, counts). A type that is no longer declared, or not
  /// enabled, keeps its rows but is never claimed. One that moved to another store is distrusted
  /// there (see distrust_store).
  virtual result<void> declare_types(std::span<const store_type> types) = 0;

  [[nodiscard]] virtual result<cursor_state> cursor() = 0;
  [[nodiscard]] virtual result<std::vector<backfill_state>> backfills() = 0;

  /// A new epoch: forgets the log's place, every walk and every suspect, voids all claims, keeps
  /// the rows but makes all of them due (revisions of the old epoch mean nothing). What a voided
  /// claim locked stays locked until its worker reports or its lease has run out.
  virtual result<epoch_number> start_epoch(const std::string& identity,
                                           const event_position& place) = 0;

  /// The log between the cursor's place and this one is lost: goes on there, in the same epoch; the
  /// rows keep their revisions, and every type's walk begins anew, with nothing complete.
  virtual result<void> skip_to(const event_position& place) = 0;

  /// From now on the site wants what this digest names. Where it is another than before: every
  /// type's walk begins anew, with nothing complete; the rows, the log's place and the claims stay.
  virtual result<void> set_scope(const scope_digest& scope) = 0;

  // A page that was read under another scope than the site's changes nothing, and says so.

  /// Raises targets, makes and marks rows, and moves the cursor to `page.upto`, all at once.
  /// An event whose id is not above the row's target changes nothing (so applying twice is safe).
  /// Events of unknown types are skipped. A `truncated` event marks every row below its id absent.
  /// Content that is on disk already, by the checksum that an event brings, makes no work.
  virtual result<applied> apply_events(const events_page& page) = 0;

  /// Moves the type's walk to `page.next_after`; a first page (by its `after`) begins a new walk.
  /// Until a walk of the page's generation has been through, it makes a row for each record that
  /// has none, and raises a target that lies below the page's revision (never lowers one; a new
  /// generation's revisions are all above what an earlier one could know, so every row is looked at
  /// again). From then on it changes no row. What differs (a record without a wanted row or with a
  /// newer revision, a wanted row whose record is not in the page) becomes a suspect, which is kept
  /// until it was asked for by id. A page that does not continue the walk changes nothing.
  virtual result<applied> apply_catalogue(const catalogue_page& page) = 0;

  /// The suspects to ask for next: those behind the walk's place, at most `limit`, in ascending
  /// order. None while the catalogue is being read.
  virtual result<std::vector<record_id>> suspects(const std::string& type, std::size_t limit) = 0;

  /// What was asked for once the log was read beyond what the walk saw is a fact. A record that is
  /// there gets its row, or its target raised, and is no suspect any more. Of those that are not,
  /// rows that may go (approved) are marked for removal; the others are confirmed, as gone or as
  /// outside of the scope. With the last suspect the walk ends: too many that are gone are held,
  /// few are approved and asked for once more (promise 11). What is outside was asked for by
  /// whoever set the scope, and is approved; unless nothing at all would be left. Changes nothing
  /// where the walk is at something else.
  virtual result<applied> apply_records(const records_page& page) = 0;

  /// The digests of what is here, for a comparison with the primary's.
  [[nodiscard]] virtual result<held_digests> digests(const held_request& asked) = 0;
  /// The type's rows in the ranges, which ascend; at most `limit`.
  [[nodiscard]] virtual result<std::vector<registry_row>>
  rows_in(const std::string& type, std::span<const record_range> ranges, std::size_t limit) = 0;
  /// For each of the locators whether any row of any type in the store at that path names it: as
  /// where its resource belongs, or lies still.
  [[nodiscard]] virtual result<std::vector<bool>> named(const std::string& store,
                                                        std::span<const std::string> locators) = 0;
  /// A comparison by digests takes the place of a walk's pages: where the walk of its generation
  /// has been through, and none is under way, a new one begins at once with what the ranges hold as
  /// its suspects; with none it ends. Changes nothing otherwise.
  virtual result<applied> apply_compared(const compared_ranges& compared) = 0;

  /// Lets what is held of the type go, once it was asked for again. Returns how many rows.
  virtual result<std::size_t> approve(const std::string& type) = 0;

  /// Up to `limit` due records of the scope, live changes before bulk, then by due time; none of
  /// them, and none of their locators, is under another live claim. Paused and disabled types yield
  /// none. `next_due` is told for claim_scope::all alone.
  virtual result<claimed> claim_due(const std::string& type, std::size_t limit,
                                    claim_scope scope) = 0;

  /// Records how claims ended. Returns for each whether it counted: an outcome whose token is not
  /// the record's live claim, or whose epoch has passed, changes nothing. Where the target has
  /// moved on to other content, what was reached is recorded and the row stays due.
  virtual result<std::vector<bool>> finish(std::span<const outcome> outcomes) = 0;

  /// Extends the leases of live claims, and sees to it that `started` is written for them (called
  /// for those that take longer than a second). Returns the tokens that are still valid.
  virtual result<std::vector<claim_token>> renew(std::span<const claim_token> tokens) = 0;

  /// Marks records due again, as bulk work; what is due already keeps its place. `all` is taken on
  /// as a job for continue_resync. Returns how many records it is about.
  virtual result<std::size_t> resync(const std::string& type, const record_selection& which) = 0;
  /// Advances unfinished resync jobs by about `rows` (> 0); true while something is left.
  virtual result<bool> continue_resync(std::size_t rows) = 0;
  /// Ends a resync of all of the type, where one is under way; what is marked stays so.
  virtual result<void> end_resync(const std::string& type) = 0;

  // -- verification at rest

  /// Records to be read: marked ones, as many in all of those that a reverify of all comes to, then
  /// those that the type's walk through all its rows does; the walk begins anew at the end, the
  /// reverify ends once all of it was told of. Paused and disabled types yield none.
  virtual result<verification_round> claim_verifications(const verification_request& what) = 0;
  /// Records what was found, where the row is still what the claim was made of; damaged records are
  /// due to be fetched anew. Returns how many are.
  virtual result<std::size_t> finish_verifications(std::span<const verification_outcome> found) = 0;
  /// Has records read at once, after which they are synced and verified, or due: marks them, or
  /// takes `all` on, which marks none (claim_verifications goes through them, also after a
  /// restart). Returns how many records it is about.
  virtual result<std::size_t> reverify(const std::string& type, const record_selection& which) = 0;
  /// Ends a reverify of all of the type, where one is under way.
  virtual result<void> end_reverify(const std::string& type) = 0;

  /// Empty type: all types. Kept across restarts.
  virtual result<void> set_paused(const std::string& type, bool paused) = 0;
  [[nodiscard]] virtual result<std::vector<std::string>> paused_types() = 0;
  [[nodiscard]] virtual result<orders_of_all> orders() = 0;

  /// Keeps horizon and covered transaction of an empty page (neither ever goes back within an
  /// epoch); cheap, called now and then.
  virtual result<void> note_horizon(std::uint64_t covered_xid,
                                    std::optional<wall_time> horizon) = 0;

  /// What is known of the store at that path (promise 10); of an unknown one its path alone.
  [[nodiscard]] virtual result<store_standing> standing_of(const std::string& store) = 0;
  /// Keeps it; what was worked so far counts as covered.
  virtual result<void> note_store(const known_store& store) = 0;
  /// The disk is not what the rows of the store's types say: all that they believe of it is
  /// forgotten, and each is due again as bulk work (what failed waits as before; targets, revisions
  /// and cursor stay). Its claims are voided, as by start_epoch. The recovery points of its types
  /// are unknown until all is looked at. The store's mark is forgotten, and `why` noted.
  virtual result<void> distrust_store(const std::string& store, store_verdict why) = 0;

  [[nodiscard]] virtual result<registry_counts> counts(const std::string& type) = 0;
  /// One for each declared type, by name.
  [[nodiscard]] virtual result<std::vector<recovery_point>> recovery_points() = 0;
};

} // namespace farshore
