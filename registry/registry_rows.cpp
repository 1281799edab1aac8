#include "registry/registry_rows.hpp"

#include "registry/held_rows.hpp"
#include "registry/row_rules.hpp"
#include "registry/sql_array.hpp"
#include "registry/suspect_rows.hpp"
#include "registry/type_statements.hpp"
#include "registry/verification_rows.hpp"

#include <string_view>
#include <utility>

namespace farshore {

namespace {

// Every statement here joins a small set with a large, fast growing table. A plan that was made for
// the small table it was a minute ago would be kept for ever, and statistics lag behind a backfill:
// so plans are made anew, and only of the one sensible shape. What the planner must know it knows
// from the partition's unique key; so statements go to the partition itself. (By way of the parent
// they would name the type, of which without statistics one row in 200 is believed to be; then a
// look at all of "these few" for each record of a batch seems cheap.)
constexpr auto planner_sql = R"(
  SET plan_cache_mode = force_custom_plan;
  SET enable_hashjoin = off;
  SET enable_mergejoin = off;
  SET enable_bitmapscan = off;
  SET enable_sort = off;
  SET max_parallel_workers_per_gather = 0;
  SET jit = off
)";

// -- pages ---------------------------------------------------------------------------------------

constexpr auto events = "registry events";
constexpr auto events_sql = R"(
  WITH p AS (
    SELECT record_id, id, present, brings_sum, key, locator, size, decode(sum, 'hex') AS sum, pool
    FROM unnest($4::bigint[], $5::bigint[], $6::boolean[], $7::boolean[], $8::text[], $9::text[],
                $10::bigint[], $11::text[], $12::text[])
      AS page (record_id, id, present, brings_sum, key, locator, size, sum, pool)
  ), raised AS (
    UPDATE {table} AS r SET
      target_revision = p.id,
      synced_revision = p.id,
      key = p.key,
      primary_checksum = p.sum,
      pool = p.pool,
      {confirm} farshore.at($3) END
    FROM p
    WHERE r.record_id = p.record_id AND r.target_revision < p.id
      AND (p.present AND {on_disk}) IS TRUE
    RETURNING 1
  ), changed AS (
    UPDATE {table} AS r SET
      target_revision = p.id,
      wanted = p.present,
      stale_locators = CASE WHEN p.present THEN {relocated} ELSE r.stale_locators END,
      locator = CASE WHEN p.present THEN p.locator ELSE r.locator END,
      key = CASE WHEN p.present THEN p.key ELSE r.key END,
      size = CASE WHEN p.present THEN p.size ELSE r.size END,
      primary_checksum = CASE WHEN p.present THEN p.sum ELSE r.primary_checksum END,
      pool = CASE WHEN p.present THEN p.pool ELSE r.pool END,
      due_since = CASE WHEN NOT {never_synced} THEN least(r.due_since, farshore.at($1)) END,
      unverified_since =
        CASE WHEN NOT {never_verified} THEN least(r.unverified_since, farshore.at($1)) END,
      state = CASE WHEN {keeps_place} THEN r.state ELSE 0 END,
      retry_at = CASE WHEN {keeps_place} THEN r.retry_at END
    FROM p
    WHERE r.record_id = p.record_id AND r.target_revision < p.id
      AND (p.present AND {on_disk}) IS NOT TRUE
    RETURNING 1
  ), inserted AS (
    INSERT INTO {table} (type_id, record_id, key, locator, target_revision, size,
                         primary_checksum, pool, due_since, unverified_since, created_at)
    SELECT {type}, record_id, key, locator, id, size, sum, pool, farshore.at($2), farshore.at($2),
           farshore.at($3)
    FROM p
    WHERE present AND NOT EXISTS (SELECT FROM {table} AS r WHERE r.record_id = p.record_id)
    RETURNING 1
  ) {effect}
)";

constexpr auto truncation = "registry truncation";
constexpr auto truncation_sql = R"(
  UPDATE {table} AS r SET
    target_revision = $1::bigint,
    wanted = false,
    due_since = CASE WHEN NOT {never_synced} THEN least(r.due_since, farshore.at($2)) END,
    unverified_since =
      CASE WHEN NOT {never_verified} THEN least(r.unverified_since, farshore.at($2)) END,
    state = 0,
    retry_at = NULL
  WHERE r.target_revision < $1::bigint
)";

// $8: asked for by id, so that an unwanted row is wanted again, and one named otherwise put right.
constexpr auto catalogue = "registry catalogue";
constexpr auto catalogue_sql = R"(
  WITH p AS (
    SELECT record_id, revision, key, locator, size, decode(sum, 'hex') AS sum, pool,
           {bulk_due} AS due_at
    FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[],
                $9::text[])
      AS page (record_id, revision, key, locator, size, sum, pool)
  ), raised AS (
    UPDATE {table} AS r SET
      target_revision = p.revision,
      synced_revision = p.revision,
      key = p.key,
      primary_checksum = p.sum,
      pool = p.pool,
      {confirm} farshore.at($1) END
    FROM p
    WHERE r.record_id = p.record_id AND {on_disk} IS TRUE
      AND (r.target_revision < p.revision OR ($8::boolean AND {named_otherwise}))
    RETURNING 1
  ), changed AS (
    UPDATE {table} AS r SET
      target_revision = greatest(r.target_revision, p.revision),
      wanted = true,
      stale_locators = {relocated},
      locator = p.locator,
      key = p.key,
      size = p.size,
      primary_checksum = p.sum,
      pool = p.pool,
      due_since = {untold},
      unverified_since = {untold_unverified},
      state = 0,
      retry_at = CASE WHEN {is_live} THEN NULL ELSE p.due_at END
    FROM p
    WHERE r.record_id = p.record_id
      AND (r.target_revision < p.revision
           OR ($8::boolean AND (NOT r.wanted OR {named_otherwise})))
      AND {on_disk} IS NOT TRUE
    RETURNING 1
  ), inserted AS (
    INSERT INTO {table} (type_id, record_id, key, locator, target_revision, size,
                         primary_checksum, pool, retry_at, created_at)
    SELECT {type}, record_id, key, locator, revision, size, sum, pool,
           CASE WHEN pool IS NULL THEN due_at ELSE {late_bulk_due} END, farshore.at($1)
    FROM p
    WHERE NOT EXISTS (SELECT FROM {table} AS r WHERE r.record_id = p.record_id)
    RETURNING 1
  ) {effect}
)";

constexpr auto epoch_rows = "registry epoch";
constexpr auto epoch_rows_sql = R"(
  UPDATE farshore.registry SET
    target_revision = 0,
    synced_revision = NULL,
    primary_checksum = NULL,
    due_since = NULL,
    missing_on_primary = false,
    verification_state = 0,
    verified_at = NULL,
    unverified_since = NULL,
    retry_count = 0,
    state = 0,
    retry_at = {bulk_due}
)";

constexpr auto let_go = "registry let go";
constexpr auto let_go_sql = R"(
  UPDATE {table} AS r SET
    wanted = false,
    due_since = {untold},
    unverified_since = {untold_unverified},
    state = 0,
    retry_at = CASE WHEN {is_live} THEN NULL ELSE {bulk_due} END
  FROM unnest($2::bigint[]) AS absent (id)
  CROSS JOIN LATERAL (SELECT FROM farshore.suspect AS s
                      WHERE s.type_id = {type} AND s.record_id = absent.id
                        AND s.suspicion = 3 LIMIT 1) AS approved
  WHERE r.record_id = absent.id AND r.wanted
)";

// A change that is due at once keeps its place; what failed waits as before.
constexpr auto distrust = "registry distrust";
constexpr auto distrust_sql = R"(
  UPDATE {table} AS r SET
    synced_revision = NULL,
    due_since = NULL,
    verification_checksum = NULL,
    verified_at = NULL,
    unverified_since = NULL,
    verification_state = 0,
    state = CASE WHEN r.state = 3 THEN 3 ELSE 0 END,
    retry_at = CASE WHEN r.state = 3 OR (r.state = 0 AND r.retry_at IS NULL) THEN r.retry_at
                    ELSE {bulk_due} END
)";

// -- claims --------------------------------------------------------------------------------------

// Two ranges of one index, in its order; the second is read only as far as the first leaves room,
// and at most $3 of it. $4: removals only.
constexpr auto due = "registry due";
constexpr auto due_sql = R"(
  SELECT nextval('farshore.claim_token') AS token, due.*,
         farshore.microseconds(retry_at) AS retry_us
  FROM (
    (SELECT record_id, key, locator, stale_locators, wanted, target_revision, primary_checksum,
            size, pool, retry_count, state, retry_at, force_to_redownload
     FROM {table}
     WHERE state <> 2 AND retry_at IS NULL AND (NOT $4::boolean OR NOT wanted)
     ORDER BY retry_at NULLS FIRST, record_id LIMIT $1::bigint)
    UNION ALL
    (SELECT record_id, key, locator, stale_locators, wanted, target_revision, primary_checksum,
            size, pool, retry_count, state, retry_at, force_to_redownload
     FROM {table}
     WHERE state <> 2 AND retry_at <= farshore.at($2) AND (NOT $4::boolean OR NOT wanted)
     ORDER BY retry_at NULLS FIRST, record_id LIMIT $3::bigint)
    LIMIT $1::bigint
  ) AS due
)";

constexpr auto waiting = "registry waiting";
constexpr auto waiting_sql = R"(
  SELECT record_id, farshore.microseconds(retry_at) AS retry_us
  FROM {table}
  WHERE state <> 2 AND retry_at > farshore.at($2)
  ORDER BY retry_at NULLS FIRST, record_id LIMIT $1::bigint
)";

constexpr auto wanted_elsewhere = "registry wanted elsewhere";
// An expression for each place, not a join: however many places, each is one look-up.
constexpr auto wanted_elsewhere_sql = R"(
  SELECT EXISTS (
    SELECT FROM farshore.registry AS r
    WHERE r.type_id = ANY ($4::integer[]) AND r.wanted
      AND hashtextextended(r.locator, 0) = hashtextextended(place.locator, 0)
      AND r.locator = place.locator
      AND NOT (r.type_id = $1::integer AND r.record_id = place.record_id)) AS is_wanted
  FROM unnest($2::bigint[], $3::text[]) WITH ORDINALITY AS place (record_id, locator, n)
  ORDER BY place.n
)";
// In `due_since`: a row that is no longer never synced, and yet lacks a change. In
// `stale_locators`: where the resource lies now is remembered, whatever was settled.
constexpr auto synced = "registry synced";
constexpr auto synced_sql = R"(
  UPDATE {table} AS r SET
    synced_revision = CASE WHEN {settled} THEN r.target_revision ELSE o.reached END,
    state = CASE WHEN {settled} THEN 2 ELSE 0 END,
    due_since = CASE WHEN {settled} THEN NULL
                     WHEN {never_synced} THEN farshore.at(0)
                     ELSE r.due_since END,
    size = CASE WHEN {settled} THEN o.size ELSE r.size END,
    retry_at = NULL,
    retry_count = 0,
    last_sync_failure = NULL,
    last_synced_at = farshore.at($1),
    missing_on_primary = false,
    force_to_redownload = false,
    verification_state = CASE WHEN {same_as_primary} THEN 2 WHEN $9::boolean THEN 0 ELSE 4 END,
    verified_at = CASE WHEN {same_as_primary} OR NOT $9::boolean THEN farshore.at($1) END,
    unverified_since =
      CASE WHEN {settled} AND ({same_as_primary} OR NOT $9::boolean) THEN NULL
           WHEN {same_as_primary} OR NOT $9::boolean THEN r.unverified_since
           ELSE coalesce(r.unverified_since, farshore.at(0)) END,
    verification_failure = NULL,
    verification_checksum = o.sum,
    checksum_mismatch = false,
    verification_checksum_mismatched = NULL,
    stale_locators = CASE
      WHEN o.place = r.locator OR o.place = '' OR o.place = ANY ({unsettled})
      THEN {unsettled} ELSE {unsettled} || o.place END
  FROM (
    SELECT record_id, reached, decode(sum, 'hex') AS sum, size, settled, outdated, place
    FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::integer[], $7::boolean[],
                $8::text[]) AS ended (record_id, reached, sum, size, settled, outdated, place)
  ) AS o
  WHERE r.record_id = o.record_id
)";

// By place: after a truncation the planner, by statistics from before, takes what is not wanted for
// rare, and would go through the table for it.
constexpr auto removed = "registry removed";
constexpr auto removed_sql = R"(
  WITH o AS (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[])
      AS ended (record_id, reached, settled)
  ), found AS MATERIALIZED (
    SELECT o.record_id, o.settled, spot.* FROM o CROSS JOIN LATERAL (
      SELECT r.ctid AS at, NOT r.wanted AND r.target_revision = o.reached AS is_gone
      FROM {table} AS r WHERE r.record_id = o.record_id LIMIT 1) AS spot
  ), deleted AS (
    DELETE FROM {table} AS r WHERE r.ctid = ANY (ARRAY(SELECT at FROM found WHERE is_gone))
  )
  UPDATE {table} AS r SET
    stale_locators = {unsettled},
    synced_revision = NULL,
    state = 0,
    retry_at = NULL
  FROM found AS o
  WHERE r.record_id = o.record_id AND NOT o.is_gone
)";

// The first update is of what is no longer wanted so: it is due at once.
constexpr auto failed = "registry failed";
constexpr auto failed_sql = R"(
  WITH o AS (
    SELECT record_id, reached, outdated, retry_at, failure, missing, mismatch,
           decode(sum, 'hex') AS sum
    FROM unnest($1::bigint[], $2::bigint[], $3::boolean[], $4::bigint[], $5::text[], $6::boolean[],
                $7::boolean[], $8::text[])
      AS ended (record_id, reached, outdated, retry_at, failure, missing, mismatch, sum)
  ), passed AS (
    UPDATE {table} AS r SET state = 0, retry_at = NULL
    FROM o
    WHERE r.record_id = o.record_id
      AND (o.outdated OR r.target_revision <> o.reached)
  )
  UPDATE {table} AS r SET
    state = 3,
    retry_at = farshore.at(o.retry_at),
    retry_count = r.retry_count + 1,
    last_sync_failure = nullif(o.failure, ''),
    missing_on_primary = o.missing,
    checksum_mismatch = r.checksum_mismatch OR o.mismatch,
    verification_checksum_mismatched =
      CASE WHEN o.mismatch THEN o.sum ELSE r.verification_checksum_mismatched END
  FROM o
  WHERE r.record_id = o.record_id
    AND NOT (o.outdated OR r.target_revision <> o.reached)
)";

constexpr auto given_back = "registry given back";
// The state is no condition: without statistics the planner would take it for the rarer thing, and
// go through the table for it.
constexpr auto given_back_sql = R"(
  UPDATE {table} AS r SET
    state = CASE WHEN r.state = 1 THEN o.state ELSE r.state END,
    retry_at = CASE WHEN r.state = 1 THEN farshore.at(o.retry_at) ELSE r.retry_at END
  FROM unnest($1::bigint[], $2::smallint[], $3::bigint[]) AS o (record_id, state, retry_at)
  WHERE r.record_id = o.record_id
)";
constexpr auto started = "registry started";
constexpr auto started_sql = R"(
  UPDATE {table} SET state = 1, retry_at = farshore.at($2)
  WHERE record_id = ANY ($1::bigint[])
)";

// `state <> 2` lets it use the index of what is due.
constexpr auto reset_started_sql = R"(
  UPDATE farshore.registry SET state = 0, retry_at = NULL WHERE state = 1 AND state <> 2
)";

// -- resync --------------------------------------------------------------------------------------

constexpr auto resync_ids = "registry resync records";
constexpr auto resync_ids_sql = R"(
  WITH changed AS ({resync} WHERE r.record_id = ANY ($2::bigint[]) AND {resync_changes})
  SELECT count(*) FROM {table} AS r WHERE r.record_id = ANY ($2::bigint[])
)";

constexpr auto resync_failing = "registry resync failed";
constexpr auto resync_failing_sql = R"(
  WITH changed AS ({resync} WHERE r.state = 3 AND r.state <> 2 RETURNING r.record_id)
  SELECT (SELECT count(*) FROM changed) AS changed, claimed.record_id
  FROM (VALUES (1)) AS one LEFT JOIN changed AS claimed ON claimed.record_id = ANY ($2::bigint[])
)";

constexpr auto resync_some = "registry resync slice";
constexpr auto resync_some_sql = R"(
  WITH slice AS (
    SELECT record_id AS id FROM {table}
    WHERE record_id > $2::bigint AND record_id <= $3::bigint
    ORDER BY record_id LIMIT $4::bigint
  ), changed AS ({resync} FROM slice WHERE r.record_id = slice.id AND {resync_changes})
  SELECT max(id) AS last,
         EXISTS (SELECT FROM {table}
                 WHERE record_id > (SELECT max(id) FROM slice)
                   AND record_id <= $3::bigint) AS more
  FROM slice
)";

constexpr auto last = "registry last record";
constexpr auto last_sql = R"(
  SELECT max(record_id) AS last FROM {table}
)";

constexpr auto lag = "registry lag";
constexpr auto lag_sql = R"(
  SELECT c.never_synced, c.never_verified,
         (SELECT farshore.microseconds(min(due_since)) FROM {table}
          WHERE due_since IS NOT NULL AND NOT missing_on_primary)
           AS since_us,
         (SELECT farshore.microseconds(min(unverified_since)) FROM {table}
          WHERE unverified_since IS NOT NULL AND NOT missing_on_primary)
           AS unverified_us
  FROM farshore.registry_counts AS c WHERE c.type_id = {type}
)";

std::optional<std::int64_t> signed_size(std::optional<std::uint64_t> size) {
  return size ? std::optional{static_cast<std::int64_t>(*size)} : std::nullopt;
}

std::optional<std::string> hex(const std::optional<checksum>& sum) {
  return sum ? std::optional{to_hex(*sum)} : std::nullopt;
}

std::optional<std::string> text_or_null(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional{text};
}

std::optional<std::uint64_t> size_of(const pqxx::field& size) {
  return size.is_null() ? std::nullopt : std::optional{size.as<std::uint64_t>()};
}

std::vector<std::string> texts_of(const pqxx::field& array) {
  std::vector<std::string> texts;
  auto parser = array.as_array();
  for (auto next = parser.get_next(); next.first != pqxx::array_parser::done;
       next = parser.get_next())
    if (next.first == pqxx::array_parser::string_value)
      texts.push_back(next.second);
  return texts;
}

page_effect effect_of(const pqxx::row& row) {
  return {row["raised"].as<std::size_t>(), row["due"].as<std::size_t>()};
}

} // namespace

std::optional<checksum> checksum_of(const pqxx::field& bytes) {
  checksum sum;
  if (bytes.is_null() || !from_hex(bytes.c_str() + 2, sum)) // \x…
    return {};
  return sum;
}

std::optional<std::int64_t> to_microseconds(std::optional<wall_time> t) {
  if (!t)
    return {};
  return std::chrono::floor<std::chrono::microseconds>(t->time_since_epoch()).count();
}

std::optional<wall_time> time_of(const pqxx::field& microseconds) {
  if (microseconds.is_null())
    return {};
  return wall_time{std::chrono::microseconds{microseconds.as<std::int64_t>()}};
}

void prepare_registry_statements(pqxx::connection_base& db) {
  pqxx::nontransaction{db}.exec0(planner_sql);
  db.prepare(epoch_rows, expanded(epoch_rows_sql));
  db.prepare(wanted_elsewhere, wanted_elsewhere_sql);
  prepare_held_statements(db);
}

void prepare_registry_statements(pqxx::connection_base& db, type_number type,
                                 const std::string& name) {
  const auto prepare = [&](const char* statement, const char* text) {
    prepare_for_type(db, type, name, statement, text);
  };
  prepare(events, events_sql);
  prepare(truncation, truncation_sql);
  prepare(catalogue, catalogue_sql);
  prepare(let_go, let_go_sql);
  prepare(distrust, distrust_sql);
  prepare(due, due_sql);
  prepare(waiting, waiting_sql);
  prepare(synced, synced_sql);
  prepare(removed, removed_sql);
  prepare(failed, failed_sql);
  prepare(given_back, given_back_sql);
  prepare(started, started_sql);
  prepare(resync_ids, resync_ids_sql);
  prepare(resync_failing, resync_failing_sql);
  prepare(resync_some, resync_some_sql);
  prepare(last, last_sql);
  prepare(lag, lag_sql);
  prepare_suspect_statements(db, type, name);
  prepare_verification_statements(db, type, name);
  prepare_held_statements(db, type, name);
}

page_effect write_events(pqxx::transaction_base& tx, type_number type,
                         std::span<const served_event> page, wall_time since,
                         std::optional<wall_time> since_of_new, wall_time now) {
  const auto brings_sum = [](const auto& e) { return e.op == operation::checksum_succeeded; };
  return effect_of(tx.exec_prepared1(
      statement_of(events, type), to_microseconds(since), to_microseconds(since_of_new),
      to_microseconds(now), sql_array(page, [](const auto& e) { return e.record; }),
      sql_array(page, [](const auto& e) { return e.id; }),
      sql_array(page, [](const auto& e) { return e.present; }), sql_array(page, brings_sum),
      sql_array(page, [](const auto& e) { return std::string_view{e.key}; }),
      sql_array(page, [](const auto& e) { return std::string_view{e.locator}; }),
      sql_array(page, [](const auto& e) { return signed_size(e.size); }),
      sql_array(page, [](const auto& e) { return hex(e.sum); }),
      sql_array(page, [](const auto& e) { return text_or_null(e.pool); })));
}

std::size_t write_truncation(pqxx::transaction_base& tx, type_number type, revision id,
                             wall_time since) {
  return tx.exec_prepared0(statement_of(truncation, type), id, to_microseconds(since))
      .affected_rows();
}

page_effect write_catalogue(pqxx::transaction_base& tx, type_number type,
                            std::span<const catalogue_row> rows, wall_time now, bool asked) {
  return effect_of(
      tx.exec_prepared1(statement_of(catalogue, type), to_microseconds(now),
                        sql_array(rows, [](const auto& c) { return c.record; }),
                        sql_array(rows, [](const auto& c) { return c.rev; }),
                        sql_array(rows, [](const auto& c) { return std::string_view{c.key}; }),
                        sql_array(rows, [](const auto& c) { return std::string_view{c.locator}; }),
                        sql_array(rows, [](const auto& c) { return signed_size(c.size); }),
                        sql_array(rows, [](const auto& c) { return hex(c.sum); }), asked,
                        sql_array(rows, [](const auto& c) { return text_or_null(c.pool); })));
}

void write_epoch(pqxx::transaction_base& tx, wall_time now) {
  tx.exec_prepared0(epoch_rows, to_microseconds(now));
}

std::size_t write_gone(pqxx::transaction_base& tx, type_number type,
                       std::span<const record_id> absent, wall_time now) {
  return tx
      .exec_prepared0(statement_of(let_go, type), to_microseconds(now),
                      sql_array(absent, [](record_id id) { return id; }))
      .affected_rows();
}

void write_distrust(pqxx::transaction_base& tx, type_number type, wall_time now) {
  tx.exec_prepared0(statement_of(distrust, type), to_microseconds(now));
}

// -- claims --------------------------------------------------------------------------------------

std::vector<due_row> read_due(pqxx::transaction_base& tx, type_number type, std::size_t limit,
                              claim_scope scope, wall_time now) {
  std::vector<due_row> rows;
  const auto of_bulk = scope == claim_scope::live ? 0 : limit;
  for (const auto& found : tx.exec_prepared(statement_of(due, type), limit, to_microseconds(now),
                                            of_bulk, scope == claim_scope::removals)) {
    auto& [token, row] = rows.emplace_back();
    token = found["token"].as<claim_token>();
    row.record = found["record_id"].as<record_id>();
    row.key = found["key"].as<std::string>();
    row.locator = found["locator"].as<std::string>();
    row.stale_locators = texts_of(found["stale_locators"]);
    row.wanted = found["wanted"].as<bool>();
    row.target_revision = found["target_revision"].as<revision>();
    row.primary_checksum = checksum_of(found["primary_checksum"]);
    row.size = size_of(found["size"]);
    row.pool = found["pool"].as<std::string>("");
    row.retry_count = found["retry_count"].as<int>();
    row.state = static_cast<sync_state>(found["state"].as<int>());
    row.retry_at = time_of(found["retry_us"]);
    row.force_to_redownload = found["force_to_redownload"].as<bool>();
  }
  return rows;
}

std::vector<registry_row> read_waiting(pqxx::transaction_base& tx, type_number type,
                                       std::size_t limit, wall_time now) {
  std::vector<registry_row> rows;
  for (const auto& found :
       tx.exec_prepared(statement_of(waiting, type), limit, to_microseconds(now))) {
    auto& row = rows.emplace_back();
    row.record = found["record_id"].as<record_id>();
    row.retry_at = time_of(found["retry_us"]);
  }
  return rows;
}

std::vector<bool> find_wanted_elsewhere(pqxx::transaction_base& tx, type_number type,
                                        std::span<const left_place> places,
                                        std::span<const type_number> sharing) {
  const auto rows = tx.exec_prepared_n(
      places.size(), wanted_elsewhere, type,
      sql_array(places, [](const auto& p) { return p.record; }),
      sql_array(places, [](const auto& p) { return std::string_view{p.locator}; }),
      sql_array(sharing, [](type_number n) { return std::int64_t{n}; }));
  std::vector<bool> found;
  for (const auto& row : rows)
    found.push_back(row.front().as<bool>());
  return found;
}

void write_synced(pqxx::transaction_base& tx, type_number type, std::span<const ended_claim> ended,
                  bool verifies, wall_time now) {
  tx.exec_prepared0(
      statement_of(synced, type), to_microseconds(now),
      sql_array(ended, [](const auto& e) { return e.how.id.record; }),
      sql_array(ended, [](const auto& e) { return e.how.reached; }),
      sql_array(ended, [](const auto& e) { return to_hex(e.how.sum); }),
      sql_array(ended, [](const auto& e) { return static_cast<std::int64_t>(e.how.size); }),
      sql_array(ended,
                [](const auto& e) { return static_cast<std::int64_t>(e.how.stale_settled); }),
      sql_array(ended, [](const auto& e) { return e.of.outdated; }),
      sql_array(ended, [](const auto& e) { return std::string_view{e.of.locator}; }), verifies);
}

void write_removed(pqxx::transaction_base& tx, type_number type,
                   std::span<const ended_claim> ended) {
  tx.exec_prepared0(statement_of(removed, type),
                    sql_array(ended, [](const auto& e) { return e.how.id.record; }),
                    sql_array(ended, [](const auto& e) { return e.how.reached; }),
                    sql_array(ended, [](const auto& e) {
                      return static_cast<std::int64_t>(e.how.stale_settled);
                    }));
}

void write_failed(pqxx::transaction_base& tx, type_number type, std::span<const ended_claim> ended,
                  wall_time now) {
  const auto is_mismatch = [](const auto& e) { return e.how.why.code == ec::checksum_mismatch; };
  tx.exec_prepared0(
      statement_of(failed, type), sql_array(ended, [](const auto& e) { return e.how.id.record; }),
      sql_array(ended, [](const auto& e) { return e.how.reached; }),
      sql_array(ended, [](const auto& e) { return e.of.outdated; }),
      sql_array(ended, [&](const auto& e) { return to_microseconds(now + e.how.retry_after); }),
      sql_array(ended, [](const auto& e) { return failure_text(e.how.why.message); }),
      sql_array(ended, [](const auto& e) { return e.how.why.code == ec::missing_on_primary; }),
      sql_array(ended, is_mismatch),
      sql_array(ended, [](const auto& e) { return hex(known_checksum(e.how.sum)); }));
}

void write_given_back(pqxx::transaction_base& tx, type_number type,
                      std::span<const ended_claim> ended) {
  tx.exec_prepared0(
      statement_of(given_back, type),
      sql_array(ended, [](const auto& e) { return e.how.id.record; }),
      sql_array(ended, [](const auto& e) { return static_cast<std::int64_t>(e.of.found_state); }),
      sql_array(ended, [](const auto& e) { return to_microseconds(e.of.found_retry_at); }));
}

void write_started(pqxx::transaction_base& tx, type_number type, std::span<const record_id> records,
                   wall_time lease_end) {
  tx.exec_prepared0(statement_of(started, type),
                    sql_array(records, [](record_id id) { return id; }),
                    to_microseconds(lease_end));
}

void reset_started(pqxx::transaction_base& tx) {
  tx.exec0(reset_started_sql);
}

std::size_t resync_records(pqxx::transaction_base& tx, type_number type,
                           std::span<const record_id> records, wall_time now) {
  return tx
      .exec_prepared1(statement_of(resync_ids, type), to_microseconds(now),
                      sql_array(records, [](record_id id) { return id; }))
      .front()
      .as<std::size_t>();
}

resynced_failed resync_failed(pqxx::transaction_base& tx, type_number type,
                              std::span<const record_id> under_claim, wall_time now) {
  resynced_failed done;
  for (const auto& row :
       tx.exec_prepared(statement_of(resync_failing, type), to_microseconds(now),
                        sql_array(under_claim, [](record_id id) { return id; }))) {
    done.count = row["changed"].as<std::size_t>();
    if (!row["record_id"].is_null())
      done.claimed.push_back(row["record_id"].as<record_id>());
  }
  return done;
}

resynced_slice resync_slice(pqxx::transaction_base& tx, type_number type, record_id after,
                            record_id upto, std::size_t limit, wall_time now) {
  const auto row =
      tx.exec_prepared1(statement_of(resync_some, type), to_microseconds(now), after, upto, limit);
  if (row["last"].is_null())
    return {};
  return {row["last"].as<record_id>(), row["more"].as<bool>()};
}

std::optional<record_id> last_record(pqxx::transaction_base& tx, type_number type) {
  const auto found = tx.exec_prepared1(statement_of(last, type)).front();
  return found.is_null() ? std::nullopt : std::optional{found.as<record_id>()};
}

type_lag read_lag(pqxx::transaction_base& tx, type_number type) {
  const auto row = tx.exec_prepared1(statement_of(lag, type));
  return {row["never_synced"].as<std::int64_t>(), time_of(row["since_us"]),
          row["never_verified"].as<std::int64_t>(), time_of(row["unverified_us"])};
}

registry_row read_row(const pqxx::row& found) {
  registry_row row;
  row.record = found["record_id"].as<record_id>();
  row.key = found["key"].as<std::string>();
  row.locator = found["locator"].as<std::string>();
  row.stale_locators = texts_of(found["stale_locators"]);
  row.wanted = found["wanted"].as<bool>();
  row.target_revision = found["target_revision"].as<revision>();
  if (!found["synced_revision"].is_null())
    row.synced_revision = found["synced_revision"].as<revision>();
  row.size = size_of(found["size"]);
  row.pool = found["pool"].as<std::string>("");
  row.primary_checksum = checksum_of(found["primary_checksum"]);
  row.state = static_cast<sync_state>(found["state"].as<int>());
  row.retry_at = time_of(found["retry_us"]);
  row.retry_count = found["retry_count"].as<int>();
  row.last_sync_failure = found["last_sync_failure"].as<std::string>("");
  row.last_synced_at = time_of(found["last_synced_us"]);
  row.missing_on_primary = found["missing_on_primary"].as<bool>();
  row.due_since = time_of(found["due_since_us"]);
  row.force_to_redownload = found["force_to_redownload"].as<bool>();
  row.created_at = time_of(found["created_us"]).value_or(wall_time{});
  row.verification = static_cast<verification_state>(found["verification_state"].as<int>());
  row.verified_at = time_of(found["verified_us"]);
  row.unverified_since = time_of(found["unverified_us"]);
  row.verification_failure = found["verification_failure"].as<std::string>("");
  row.findings = found["findings"].as<std::string>("");
  row.sum = checksum_of(found["verification_checksum"]);
  row.checksum_mismatch = found["checksum_mismatch"].as<bool>();
  row.verification_checksum_mismatched = checksum_of(found["verification_checksum_mismatched"]);
  return row;
}

} // namespace farshore
