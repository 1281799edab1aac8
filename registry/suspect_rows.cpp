#include "registry/suspect_rows.hpp"

#include "registry/sql_array.hpp"

namespace farshore {

namespace {

constexpr auto differing = "registry suspect differing";
constexpr auto differing_sql = R"(
  INSERT INTO farshore.suspect (type_id, record_id)
  SELECT {type}, p.record_id
  FROM (SELECT record_id, revision, locator, decode(sum, 'hex') AS sum
        FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[])
          AS page (record_id, revision, locator, sum)) AS p
  WHERE NOT EXISTS (SELECT FROM {table} AS r
                    WHERE r.record_id = p.record_id AND r.wanted AND r.target_revision >= p.revision
                      AND NOT {named_otherwise})
  ON CONFLICT DO NOTHING
)";

// `<> ALL` is hashed: an anti-join, here always a nested loop, would compare each row with each id.
constexpr auto unlisted = "registry suspect gone";
constexpr auto unlisted_sql = R"(
  INSERT INTO farshore.suspect (type_id, record_id)
  SELECT {type}, r.record_id FROM {table} AS r
  WHERE r.record_id > $1::bigint AND r.record_id <= $2::bigint AND r.wanted
    AND r.record_id <> ALL ($3::bigint[])
  ON CONFLICT DO NOTHING
)";

constexpr auto next_suspects = "registry next suspects";
constexpr auto next_suspects_sql = R"(
  SELECT record_id FROM farshore.suspect
  WHERE type_id = {type} AND record_id > $1::bigint ORDER BY record_id LIMIT $2::bigint
)";

// Each by its key, whatever the planner takes the tables for: LIMIT 1 keeps it from joining.
constexpr auto settle = "registry settle suspects";
constexpr auto settle_sql = R"(
  WITH present AS (
    DELETE FROM farshore.suspect
    WHERE type_id = {type} AND record_id = ANY ($1::bigint[]) AND record_id <> ALL ($2::bigint[])
  )
  DELETE FROM farshore.suspect AS s
  WHERE s.type_id = {type} AND s.record_id = ANY (ARRAY(
    SELECT absent.record_id FROM unnest($2::bigint[]) AS absent (record_id)
    LEFT JOIN LATERAL (SELECT true AS wanted FROM {table} AS r
                       WHERE r.record_id = absent.record_id AND r.wanted LIMIT 1) AS r ON true
    WHERE r.wanted IS NULL))
)";

constexpr auto confirm = "registry confirm suspects";
constexpr auto confirm_sql = R"(
  UPDATE farshore.suspect SET
    suspicion = CASE WHEN record_id = ANY ($2::bigint[]) THEN 4 WHEN suspicion = 2 THEN 2 ELSE 1 END
  WHERE type_id = {type} AND record_id = ANY ($1::bigint[]) AND suspicion <> 3
)";

constexpr auto suspects_left = "registry count suspects";
constexpr auto suspects_left_sql = R"(
  SELECT count(*) FILTER (WHERE suspicion IN (1, 2)) AS gone,
         count(*) FILTER (WHERE suspicion = 3) AS approved,
         count(*) FILTER (WHERE suspicion = 4) AS outside
  FROM farshore.suspect WHERE type_id = {type}
)";

constexpr auto set_all = "registry set suspicion";
constexpr auto set_all_sql = R"(
  UPDATE farshore.suspect SET suspicion = $1 WHERE type_id = {type}
)";

constexpr auto hold_gone_ones = "registry hold gone suspects";
constexpr auto hold_gone_ones_sql = R"(
  UPDATE farshore.suspect SET suspicion = CASE WHEN suspicion = 4 THEN 3 ELSE 2 END
  WHERE type_id = {type}
)";

constexpr auto approve = "registry approve suspects";
constexpr auto approve_sql = R"(
  UPDATE farshore.suspect SET suspicion = 3 WHERE type_id = {type} AND suspicion = 2
)";

constexpr auto release = "registry release suspects";
constexpr auto release_sql = R"(
  DELETE FROM farshore.suspect
  WHERE type_id = {type} AND record_id = ANY ($1::bigint[]) AND suspicion = 2
)";

constexpr auto release_all = "registry release all suspects";
constexpr auto release_all_sql = R"(
  DELETE FROM farshore.suspect WHERE type_id = {type} AND suspicion = 2
)";

} // namespace

void prepare_suspect_statements(pqxx::connection_base& db, type_number type,
                                const std::string& name) {
  const auto prepare = [&](const char* statement, const char* text) {
    prepare_for_type(db, type, name, statement, text);
  };
  prepare(differing, differing_sql);
  prepare(unlisted, unlisted_sql);
  prepare(next_suspects, next_suspects_sql);
  prepare(settle, settle_sql);
  prepare(confirm, confirm_sql);
  prepare(suspects_left, suspects_left_sql);
  prepare(set_all, set_all_sql);
  prepare(hold_gone_ones, hold_gone_ones_sql);
  prepare(approve, approve_sql);
  prepare(release, release_sql);
  prepare(release_all, release_all_sql);
}

void suspect_differing(pqxx::transaction_base& tx, type_number type,
                       std::span<const catalogue_row> listed) {
  tx.exec_prepared0(statement_of(differing, type),
                    sql_array(listed, [](const auto& c) { return c.record; }),
                    sql_array(listed, [](const auto& c) { return c.rev; }),
                    sql_array(listed, [](const auto& c) { return std::string_view{c.locator}; }),
                    sql_array(listed, [](const auto& c) {
                      return c.sum ? std::optional{to_hex(*c.sum)} : std::nullopt;
                    }));
}

void suspect_gone(pqxx::transaction_base& tx, type_number type, record_id after, record_id upto,
                  std::span<const catalogue_row> listed) {
  tx.exec_prepared0(statement_of(unlisted, type), after, upto,
                    sql_array(listed, [](const auto& c) { return c.record; }));
}

std::vector<record_id> read_suspects(pqxx::transaction_base& tx, type_number type, record_id after,
                                     std::size_t limit) {
  std::vector<record_id> records;
  for (const auto& row : tx.exec_prepared(statement_of(next_suspects, type), after, limit))
    records.push_back(row.front().as<record_id>());
  return records;
}

void settle_suspects(pqxx::transaction_base& tx, type_number type, std::span<const record_id> asked,
                     std::span<const record_id> absent, std::span<const record_id> outside) {
  const auto array = [](std::span<const record_id> ids) {
    return sql_array(ids, [](record_id id) { return id; });
  };
  const auto records = array(asked);
  tx.exec_prepared0(statement_of(settle, type), records, array(absent));
  tx.exec_prepared0(statement_of(confirm, type), records, array(outside));
}

suspect_counts count_suspects(pqxx::transaction_base& tx, type_number type) {
  const auto row = tx.exec_prepared1(statement_of(suspects_left, type));
  return {row["gone"].as<std::int64_t>(), row["approved"].as<std::int64_t>(),
          row["outside"].as<std::int64_t>()};
}

void hold_gone(pqxx::transaction_base& tx, type_number type) {
  tx.exec_prepared0(statement_of(hold_gone_ones, type));
}

void set_suspicion(pqxx::transaction_base& tx, type_number type, suspicion to) {
  tx.exec_prepared0(statement_of(set_all, type), static_cast<int>(to));
}

std::size_t approve_held(pqxx::transaction_base& tx, type_number type) {
  return tx.exec_prepared0(statement_of(approve, type)).affected_rows();
}

std::size_t release_held(pqxx::transaction_base& tx, type_number type,
                         std::span<const served_event> events) {
  return tx
      .exec_prepared0(statement_of(release, type),
                      sql_array(events, [](const auto& e) { return e.record; }))
      .affected_rows();
}

void release_held(pqxx::transaction_base& tx, type_number type) {
  tx.exec_prepared0(statement_of(release_all, type));
}

void forget_suspects(pqxx::transaction_base& tx) {
  tx.exec0("DELETE FROM farshore.suspect");
}

} // namespace farshore
