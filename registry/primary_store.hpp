// The primary's side of the database: triggers, event log, state table. The only writer of schema
// `farshore` in the application's database, beside the triggers themselves. Not thread-safe: it
// belongs to the primary's registry actor. Calls block; each is a transaction of its own.

#pragma once

#include "config/config.hpp"
#include "registry/checksum_work.hpp"
#include "registry/record_selection.hpp"
#include "registry/records.hpp"
#include "registry/scanned_rows.hpp"
#include "registry/site_standing.hpp"

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace farshore {

/// What the primary keeps count of, per type.
struct primary_counts {
  std::string type;
  /// Records in the state table.
  std::int64_t records = 0;
  std::int64_t checksummed = 0;
  /// Missing ones included.
  std::int64_t checksum_failed = 0;
  /// To be checksummed, or being so.
  std::int64_t pending = 0;
  /// Their resource is not where the row says.
  std::int64_t missing = 0;
  /// Not to be checksummed: not available, or of a type that is not verified.
  std::int64_t disabled = 0;
  /// Why verification is not written to the model's columns; empty where it is, or is not to be.
  std::string columns_trouble = {};
};

class primary_store {
public:
  virtual ~primary_store() = default;

  /// Connects (waits for no one) and migrates. Fails with ec::database_unavailable or
  /// ec::database_rejected (a newer schema).
  static result<std::unique_ptr<primary_store>> open(const std::string& url);

  /// Keeps every other node from the database for as long as this store lives. Waits up to
  /// `patience` for one that is ending; then fails with ec::invalid_config.
  virtual result<void> lock_out_others(std::chrono::milliseconds patience) = 0;

  /// Makes the types' triggers be what the declarations ask: installs on new tables, reinstalls
  /// where the declaration or the table changed, removes those of types that are gone or disabled.
  /// A table that is not there (yet) is a status, not an error. Cheap when nothing changed: called
  /// every second or two. A (re)installed type gets a higher generation. DDL runs with a lock
  /// time-out of 100 ms: when a lock is not to be had the type stays `waiting` and is tried again,
  /// less and less often. Answers for each type that is enabled.
  virtual result<std::vector<type_status>> install(std::span<const replicable_type> types) = 0;

  /// Takes up to `limit` events behind the primary's own cursor into record_keys and the state
  /// table. Returns how many it took; none while a table of the application's is locked. Fails with
  /// ec::database_rejected where another node moved the cursor.
  virtual result<std::size_t> fold(std::size_t limit) = 0;

  /// Gives rows that are older than their type's first event a state row (and a record id where the
  /// key is no integer), up to `limit` of them. Returns whether anything is left to do. Types whose
  /// keys are not integers become ready (generation > 0 in `install`'s answer) only once seeded.
  virtual result<bool> seed(std::size_t limit) = 0;

  /// Appends an event by hand, for a row that is there; `key` as text. Fails with ec::not_found for
  /// an unknown type, a key that does not fit the key's type, or no such row; with ec::overloaded
  /// while the application holds the row's lock; with ec::type_waiting where the table can't be
  /// read. None of them harms the store.
  virtual result<revision> publish(const std::string& type, const std::string& key,
                                   operation op) = 0;

  [[nodiscard]] virtual result<std::vector<primary_counts>> counts() = 0;

  // -- verification (checksum_table.hpp, checksum_jobs.hpp) --------------------------------------

  /// Due records of the type, at most `limit`: fresh ones first, what is read again last.
  virtual result<std::vector<checksum_claim>> claim_checksums(const checksum_request& asked) = 0;
  /// Records what came of claims, and appends events where a pair of revision and checksum is new.
  /// Answers how many still counted. Fails with ec::overloaded while the model's table is locked
  /// (the results may be given again), with ec::type_waiting where it can't be read.
  virtual result<std::size_t> finish_checksums(const checksum_report& report) = 0;
  /// What else of the type is in hand is pending again.
  virtual result<void> release_checksums(const checksum_release& what) = 0;
  /// Makes records due; answers how many (will be). Fails with ec::not_found for a type that is not
  /// enabled, or not verified.
  virtual result<std::int64_t> reverify(const std::string& type, const record_selection& which) = 0;
  /// Looks for rows of the type's table (all types: empty) that have no state.
  virtual result<void> sweep(const std::string& type) = 0;
  /// A step of what goes on in the background, of about `limit` records. Answers whether anything
  /// is left to do.
  virtual result<bool> tend(std::size_t limit) = 0;

  /// Keeps where these sites stand, one note for each. Answers with the names that are new.
  virtual result<std::vector<std::string>> note_sites(std::span<const site_note> notes) = 0;
  /// The sites by name, and how far each is behind.
  virtual result<std::vector<site_standing>> sites(wall_time now) = 0;
  /// Forgets a site: it keeps no events any more. False: it was not known.
  virtual result<bool> forget_site(const std::string& name) = 0;

  /// Notes how old and how large the log is; each second or so.
  virtual result<void> observe_log(wall_time now, const log_retention& keep) = 0;
  /// Removes up to `limit` events that every known site has read, or that are older or more than
  /// the retention allows; never one that is not folded yet, nor the row of a place that somebody
  /// may stand at.
  virtual result<trimmed_slice> trim(wall_time now, const log_retention& keep,
                                     std::size_t limit) = 0;
  // -- the tables of scanned types (scan_table.hpp); install() makes them ----------------------

  virtual result<scanned_page> scanned(const std::string& type, const std::string& after,
                                       const std::string& until, std::size_t limit) = 0;
  virtual result<std::vector<scanned_place>> scanned_at(const std::string& type,
                                                        std::span<const std::string> paths) = 0;
  virtual result<void> keep_scan(const std::string& type, const scan_differences& differences) = 0;
};

} // namespace farshore
