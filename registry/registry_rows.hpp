// Every statement on `farshore.registry`, one function each; set-based, one type at a time. The
// transitions are those of row_rules.hpp, said in SQL.
//
// Only `pg_store` and `registry_view` use it. The functions throw what libpqxx throws: their
// callers wrap a whole call into guarded().

#pragma once

#include "registry/claim_table.hpp"
#include "registry/records.hpp"
#include "registry/registry_row.hpp"
#include "registry/store.hpp"
#include "registry/type_statements.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <pqxx/pqxx>

namespace farshore {

/// A time as statements take it; null where there is none.
std::optional<std::int64_t> to_microseconds(std::optional<wall_time> t);
/// Inverse, for a column of whole microseconds.
std::optional<wall_time> time_of(const pqxx::field& microseconds);
/// Of a bytea; nothing where there is none.
std::optional<checksum> checksum_of(const pqxx::field& bytes);

/// Sets the connection's planner to what suits these statements; call once for a connection, before
/// anything else.
void prepare_registry_statements(pqxx::connection_base& db);
/// Prepares the statements on one type's partition; call before the type's number is used.
void prepare_registry_statements(pqxx::connection_base& db, type_number type,
                                 const std::string& name);

// -- what pages bring ----------------------------------------------------------------------------

struct page_effect {
  /// Rows that were raised without work.
  std::size_t raised = 0;
  /// Rows that were made, or made due.
  std::size_t due = 0;
};
page_effect write_events(pqxx::transaction_base& tx, type_number type,
                         std::span<const served_event> events, wall_time since,
                         std::optional<wall_time> since_of_new, wall_time now);
/// Returns how many rows it made due.
std::size_t write_truncation(pqxx::transaction_base& tx, type_number type, revision id,
                             wall_time since);
/// `asked`: the rows are not a page's, but were asked for by id.
page_effect write_catalogue(pqxx::transaction_base& tx, type_number type,
                            std::span<const catalogue_row> rows, wall_time now, bool asked = false);
void write_epoch(pqxx::transaction_base& tx, wall_time now);
/// Marks the rows of the approved ones among `absent` for removal. Returns how many.
std::size_t write_gone(pqxx::transaction_base& tx, type_number type,
                       std::span<const record_id> absent, wall_time now);
/// Forgets what the type's rows believe of the disk.
void write_distrust(pqxx::transaction_base& tx, type_number type, wall_time now);

// -- claims --------------------------------------------------------------------------------------

struct due_row {
  /// Fresh.
  claim_token token = 0;
  /// Without the fields that a claim does not need.
  registry_row row;
};
/// The first `limit` rows of the scope that are due, in the order in which they fall due.
std::vector<due_row> read_due(pqxx::transaction_base& tx, type_number type, std::size_t limit,
                              claim_scope scope, wall_time now);
/// The first `limit` rows that are not due yet; only record and retry_at.
std::vector<registry_row> read_waiting(pqxx::transaction_base& tx, type_number type,
                                       std::size_t limit, wall_time now);

/// A place that a record leaves.
struct left_place {
  record_id record = 0;
  std::string locator;
};
/// For each place whether another wanted row has it, of any of the types `sharing` the store.
std::vector<bool> find_wanted_elsewhere(pqxx::transaction_base& tx, type_number type,
                                        std::span<const left_place> places,
                                        std::span<const type_number> sharing);

/// An outcome that counts, and the claim that it ends.
struct ended_claim {
  outcome how;
  live_claim of;
};
/// All of one type and of the kind that the name says.
/// `verifies`: see apply_synced().
void write_synced(pqxx::transaction_base& tx, type_number type, std::span<const ended_claim> ended,
                  bool verifies, wall_time now);
void write_removed(pqxx::transaction_base& tx, type_number type,
                   std::span<const ended_claim> ended);
void write_failed(pqxx::transaction_base& tx, type_number type, std::span<const ended_claim> ended,
                  wall_time now);
void write_given_back(pqxx::transaction_base& tx, type_number type,
                      std::span<const ended_claim> ended);
void write_started(pqxx::transaction_base& tx, type_number type, std::span<const record_id> records,
                   wall_time lease_end);
/// Rows that a node which is gone had started are due again.
void reset_started(pqxx::transaction_base& tx);

// -- resync --------------------------------------------------------------------------------------

/// Returns how many of the records have a row.
std::size_t resync_records(pqxx::transaction_base& tx, type_number type,
                           std::span<const record_id> records, wall_time now);
struct resynced_failed {
  std::size_t count = 0;
  /// Those of `under_claim` that are among them.
  std::vector<record_id> claimed;
};
resynced_failed resync_failed(pqxx::transaction_base& tx, type_number type,
                              std::span<const record_id> under_claim, wall_time now);
struct resynced_slice {
  /// The slice's last record; nothing where it was empty.
  std::optional<record_id> last;
  bool more = false;
};
resynced_slice resync_slice(pqxx::transaction_base& tx, type_number type, record_id after,
                            record_id upto, std::size_t limit, wall_time now);

std::optional<record_id> last_record(pqxx::transaction_base& tx, type_number type);

/// What holds a type's recovery points back.
struct type_lag {
  std::int64_t never_synced = 0;
  std::optional<wall_time> due_since;
  std::int64_t never_verified = 0;
  std::optional<wall_time> unverified_since;
};
type_lag read_lag(pqxx::transaction_base& tx, type_number type);

// -- reading -------------------------------------------------------------------------------------

/// Select list over `farshore.registry AS r` for read_row().
inline constexpr std::string_view row_columns = R"(
  r.record_id, r.key, r.locator, r.stale_locators, r.pool, r.wanted, r.target_revision, r.synced_revision,
  r.size, r.primary_checksum, r.state, farshore.microseconds(r.retry_at) AS retry_us,
  r.retry_count, r.last_sync_failure, farshore.microseconds(r.last_synced_at) AS last_synced_us,
  r.missing_on_primary, farshore.microseconds(r.due_since) AS due_since_us, r.force_to_redownload,
  farshore.microseconds(r.created_at) AS created_us, r.verification_state,
  farshore.microseconds(r.verified_at) AS verified_us,
  farshore.microseconds(r.unverified_since) AS unverified_us, r.verification_failure,
  r.findings, r.verification_checksum,
  r.checksum_mismatch, r.verification_checksum_mismatched
)";
registry_row read_row(const pqxx::row& row);

} // namespace farshore
