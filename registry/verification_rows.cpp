#include "registry/verification_rows.hpp"

#include "registry/row_rules.hpp"
#include "registry/sql_array.hpp"

namespace farshore {

namespace {

// In the order of registry_marked, which has just these rows.
constexpr auto marked = "registry marked";
constexpr auto marked_sql = R"(
  SELECT record_id, locator, verification_checksum, synced_revision,
         farshore.microseconds(verified_at) AS verified_us
  FROM {table}
  WHERE state = 2 AND verification_state = 0 AND unverified_since IS NULL
    AND record_id > $1::bigint
  ORDER BY record_id LIMIT $2::bigint
)";

constexpr auto walk = "registry walk at rest";
constexpr auto walk_sql = R"(
  SELECT record_id, locator, verification_checksum, synced_revision,
         farshore.microseconds(verified_at) AS verified_us,
         (state = 2 AND verified_at <= farshore.at($3)) IS TRUE AS is_due
  FROM {table}
  WHERE record_id > $1::bigint
  ORDER BY record_id LIMIT $2::bigint
)";

constexpr auto range = "registry reverify all";
constexpr auto range_sql = R"(
  SELECT record_id, locator, verification_checksum, synced_revision,
         farshore.microseconds(verified_at) AS verified_us,
         state = 2 AND verified_at IS NOT NULL AND verification_state <> 3 AS is_due,
         verification_state = 3 AS is_damaged
  FROM {table}
  WHERE record_id > $1::bigint AND record_id <= $2::bigint
  ORDER BY record_id LIMIT $3::bigint
)";

constexpr auto verified = "registry verified";
constexpr auto verified_sql = R"(
  UPDATE {table} AS r SET
    verification_state = CASE WHEN r.primary_checksum IS NULL THEN 4 ELSE 2 END,
    verified_at = farshore.at($1),
    findings = nullif(o.findings, '')
  FROM unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[])
    AS o (id, place, expected, synced, verified, findings)
  {each_still_that}
  WHERE r.ctid = spot.at
)";

constexpr auto damaged = "registry damaged";
constexpr auto damaged_sql = R"(
  UPDATE {table} AS r SET
    verification_state = 3,
    verification_failure = nullif(o.failure, ''),
    checksum_mismatch = o.found IS NOT NULL,
    verification_checksum_mismatched = decode(o.found, 'hex'),
    force_to_redownload = true,
    retry_count = 0,
    due_since = {untold},
    unverified_since = {untold_unverified},
    state = 0,
    retry_at = {bulk_due}
  FROM unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[],
              $8::text[])
    AS o (id, place, expected, synced, verified, failure, found)
  {each_still_that}
  WHERE r.ctid = spot.at
)";

// What was found damaged is due to be fetched anew, and needs no reading.
constexpr auto ids = "registry reverify records";
constexpr auto ids_sql = R"(
  WITH marked AS (
    UPDATE {table} AS r SET verification_state = 0
    WHERE r.record_id = ANY ($2::bigint[]) AND {can_be_marked}
  ), again AS (
    {resync} WHERE r.record_id = ANY ($2::bigint[]) AND r.verification_state = 3
      AND {resync_changes}
  )
  SELECT count(*) FROM {table} AS r WHERE r.record_id = ANY ($2::bigint[])
)";

constexpr auto failing = "registry reverify failed";
constexpr auto failing_sql = R"(
  WITH again AS (
    {resync} WHERE r.state <> 2 AND r.verification_state = 3 AND {resync_changes}
  )
  SELECT count(*) FROM {table} AS r WHERE r.state <> 2 AND r.verification_state = 3
)";

constexpr auto verifies = "registry verifies";
constexpr auto verifies_sql = R"(
  UPDATE {table} AS r SET
    verification_state = CASE WHEN $2::boolean THEN 0 ELSE 4 END,
    verified_at = CASE WHEN NOT $2::boolean THEN farshore.at($1) END,
    unverified_since = CASE WHEN $2::boolean THEN farshore.at(0) END
  WHERE r.state = 2 AND r.primary_checksum IS NULL
    AND (r.verification_state = 4) = $2::boolean
)";

verification_claim read_claim(const pqxx::row& row, const std::string& type) {
  verification_claim of;
  of.id = {type, row["record_id"].as<record_id>()};
  of.locator = row["locator"].as<std::string>();
  of.expected = checksum_of(row["verification_checksum"]).value_or(checksum{});
  of.synced = row["synced_revision"].as<revision>(0);
  of.verified_at = time_of(row["verified_us"]);
  return of;
}

std::string records_of(std::span<const verification_outcome> outcomes) {
  return sql_array(outcomes, [](const auto& o) { return o.of.id.record; });
}

std::string places_of(std::span<const verification_outcome> outcomes) {
  return sql_array(outcomes, [](const auto& o) { return std::string_view{o.of.locator}; });
}

std::string expected_of(std::span<const verification_outcome> outcomes) {
  return sql_array(outcomes, [](const auto& o) { return to_hex(o.of.expected); });
}

std::string synced_of(std::span<const verification_outcome> outcomes) {
  return sql_array(outcomes, [](const auto& o) { return o.of.synced; });
}

std::string verified_of(std::span<const verification_outcome> outcomes) {
  return sql_array(outcomes, [](const auto& o) { return to_microseconds(o.of.verified_at); });
}

} // namespace

void prepare_verification_statements(pqxx::connection_base& db, type_number type,
                                     const std::string& name) {
  const auto prepare = [&](const char* statement, const char* text) {
    prepare_for_type(db, type, name, statement, text);
  };
  prepare(marked, marked_sql);
  prepare(walk, walk_sql);
  prepare(range, range_sql);
  prepare(verified, verified_sql);
  prepare(damaged, damaged_sql);
  prepare(ids, ids_sql);
  prepare(failing, failing_sql);
  prepare(verifies, verifies_sql);
}

std::vector<verification_claim> read_marked(pqxx::transaction_base& tx, type_number type,
                                            const std::string& name, record_id after,
                                            std::size_t limit) {
  std::vector<verification_claim> claims;
  for (const auto& row : tx.exec_prepared(statement_of(marked, type), after, limit))
    claims.push_back(read_claim(row, name));
  return claims;
}

walked_rows read_walk(pqxx::transaction_base& tx, type_number type, const std::string& name,
                      record_id after, std::size_t limit, std::chrono::milliseconds recent,
                      wall_time now) {
  walked_rows walked;
  for (const auto& row : tx.exec_prepared(statement_of(walk, type), after, limit,
                                          to_microseconds(stored_time(now - recent)))) {
    walked.last = row["record_id"].as<record_id>();
    if (row["is_due"].as<bool>())
      walked.due.push_back(read_claim(row, name));
  }
  return walked;
}

reverified_slice read_range(pqxx::transaction_base& tx, type_number type, const std::string& name,
                            record_id after, record_id upto, std::size_t limit) {
  reverified_slice slice;
  std::size_t rows = 0;
  for (const auto& row : tx.exec_prepared(statement_of(range, type), after, upto, limit)) {
    ++rows;
    slice.last = row["record_id"].as<record_id>();
    if (row["is_due"].as<bool>())
      slice.due.push_back(read_claim(row, name));
    else if (row["is_damaged"].as<bool>())
      slice.damaged.push_back(slice.last);
  }
  slice.at_end = rows < limit;
  if (slice.at_end)
    slice.last = upto;
  return slice;
}

std::size_t write_verified(pqxx::transaction_base& tx, type_number type,
                           std::span<const verification_outcome> outcomes, wall_time now) {
  return tx
      .exec_prepared0(statement_of(verified, type), to_microseconds(now), records_of(outcomes),
                      places_of(outcomes), expected_of(outcomes), synced_of(outcomes),
                      verified_of(outcomes),
                      sql_array(outcomes, [](const auto& o) { return findings_text(o.findings); }))
      .affected_rows();
}

std::size_t write_damaged(pqxx::transaction_base& tx, type_number type,
                          std::span<const verification_outcome> outcomes, wall_time now) {
  const auto failure = [](const auto& o) { return failure_text(o.damage->message); };
  const auto found = [](const auto& o) {
    return o.found ? std::optional{to_hex(*o.found)} : std::nullopt;
  };
  return tx
      .exec_prepared0(statement_of(damaged, type), to_microseconds(now), records_of(outcomes),
                      places_of(outcomes), expected_of(outcomes), synced_of(outcomes),
                      verified_of(outcomes), sql_array(outcomes, failure),
                      sql_array(outcomes, found))
      .affected_rows();
}

std::size_t reverify_records(pqxx::transaction_base& tx, type_number type,
                             std::span<const record_id> records, wall_time now) {
  return tx
      .exec_prepared1(statement_of(ids, type), to_microseconds(now),
                      sql_array(records, [](record_id id) { return id; }))
      .front()
      .as<std::size_t>();
}

std::size_t reverify_failed(pqxx::transaction_base& tx, type_number type, wall_time now) {
  return tx.exec_prepared1(statement_of(failing, type), to_microseconds(now))
      .front()
      .as<std::size_t>();
}

void write_verifies(pqxx::transaction_base& tx, type_number type, bool does, wall_time now) {
  tx.exec_prepared0(statement_of(verifies, type), to_microseconds(now), does);
}

} // namespace farshore
