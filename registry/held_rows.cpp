#include "registry/held_rows.hpp"

#include "registry/registry_rows.hpp"
#include "registry/row_comparison.hpp"
#include "registry/sql_array.hpp"

#include <algorithm>
#include <set>

namespace farshore {

namespace {

constexpr auto held = "registry held";
constexpr auto held_sql = R"(
  SELECT record_id, locator, wanted, target_revision, synced_revision, state, verification_state,
         checksum_mismatch, primary_checksum, verification_checksum
  FROM {table}
  WHERE record_id > $1::bigint AND record_id <= $2::bigint
  ORDER BY record_id LIMIT $3::bigint
)";

// ORDER BY and LIMIT within: each range is a walk along the key, whatever the planner takes the
// table for.
constexpr auto in_ranges = "registry in ranges";
constexpr auto in_ranges_sql = R"(
  SELECT {columns}
  FROM unnest($1::bigint[], $2::bigint[]) AS p (after_id, upto)
  CROSS JOIN LATERAL (SELECT * FROM {table} AS one
                      WHERE one.record_id > p.after_id AND one.record_id <= p.upto
                      ORDER BY one.record_id LIMIT $3::bigint) AS r
  LIMIT $3::bigint
)";

constexpr auto unequal_ranges = "registry suspect unequal";
constexpr auto unequal_ranges_sql = R"(
  WITH p AS MATERIALIZED (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::boolean[]) AS u (after_id, upto, there)
  )
  INSERT INTO farshore.suspect (type_id, record_id)
  SELECT {type}, record_id FROM (
    SELECT upto AS record_id FROM p WHERE there
    UNION ALL
    SELECT r.record_id FROM p
    CROSS JOIN LATERAL (SELECT one.record_id FROM {table} AS one
                        WHERE one.record_id > p.after_id AND one.record_id <= p.upto
                          AND one.wanted
                        ORDER BY one.record_id LIMIT 9223372036854775807) AS r
  ) AS differing
  ON CONFLICT DO NOTHING
)";

// One look-up for each locator, however many.
constexpr auto wanted_at = "registry wanted at";
constexpr auto wanted_at_sql = R"(
  SELECT EXISTS (
    SELECT FROM farshore.registry AS r
    WHERE r.type_id = ANY ($1::integer[]) AND r.wanted
      AND hashtextextended(r.locator, 0) = hashtextextended(place.locator, 0)
      AND r.locator = place.locator)
  FROM unnest($2::text[]) WITH ORDINALITY AS place (locator, n)
  ORDER BY place.n
)";

// Places that are still to be left: of rows that are not synced. Read in the order of the index of
// what is due, which has just these.
constexpr auto leaving = "registry leaving";
constexpr auto leaving_sql = R"(
  SELECT DISTINCT place.locator
  FROM (SELECT wanted, locator, stale_locators FROM {table}
        WHERE state <> 2 ORDER BY retry_at NULLS FIRST, record_id
        LIMIT 9223372036854775807) AS r
  CROSS JOIN LATERAL unnest(r.stale_locators || r.locator) AS place (locator)
  WHERE (NOT r.wanted OR r.stale_locators <> '{}') AND place.locator = ANY ($1::text[])
)";

std::optional<checksum> sum_of(const pqxx::field& bytes) {
  checksum sum;
  if (bytes.is_null() || !from_hex(bytes.c_str() + 2, sum)) // \x…
    return {};
  return sum;
}

/// Of a row as `held_sql` reads it.
registry_row read_short_row(const pqxx::row& found) {
  registry_row row;
  row.record = found[0].as<record_id>();
  row.locator = found[1].c_str();
  row.wanted = found[2].as<bool>();
  row.target_revision = found[3].as<revision>();
  if (!found[4].is_null())
    row.synced_revision = found[4].as<revision>();
  row.state = static_cast<sync_state>(found[5].as<int>());
  row.verification = static_cast<verification_state>(found[6].as<int>());
  row.checksum_mismatch = found[7].as<bool>();
  row.primary_checksum = sum_of(found[8]);
  row.sum = sum_of(found[9]);
  return row;
}

} // namespace

void prepare_held_statements(pqxx::connection_base& db) {
  db.prepare(wanted_at, wanted_at_sql);
}

void prepare_held_statements(pqxx::connection_base& db, type_number type, const std::string& name) {
  prepare_for_type(db, type, name, held, held_sql);
  std::string ranges{in_ranges_sql};
  constexpr std::string_view columns = "{columns}";
  ranges.replace(ranges.find(columns), columns.size(), row_columns);
  prepare_for_type(db, type, name, in_ranges, ranges);
  prepare_for_type(db, type, name, unequal_ranges, unequal_ranges_sql);
  prepare_for_type(db, type, name, leaving, leaving_sql);
}

held_digests digest_held(pqxx::transaction_base& tx, type_number type, const held_request& asked) {
  held_digests found;
  if (asked.bounds.empty())
    return found;
  const auto limit = std::max<std::size_t>(asked.rows_max, 1);
  const auto rows =
      tx.exec_prepared(statement_of(held, type), asked.after, asked.bounds.back(), limit);
  std::vector<registry_row> read;
  for (const auto& row : rows)
    read.push_back(read_short_row(row));
  const bool cut = read.size() == limit;
  return digest_rows(asked, read, cut);
}

std::vector<registry_row> read_held(pqxx::transaction_base& tx, type_number type,
                                    std::span<const record_range> ranges, std::size_t limit) {
  std::vector<registry_row> rows;
  for (const auto& row : tx.exec_prepared(
           statement_of(in_ranges, type), sql_array(ranges, [](const auto& r) { return r.after; }),
           sql_array(ranges, [](const auto& r) { return r.upto; }), limit))
    rows.push_back(read_row(row));
  return rows;
}

std::vector<bool> find_named(pqxx::transaction_base& tx, std::span<const type_number> types,
                             std::span<const std::string> locators) {
  const auto text = [](const auto& locator) { return std::string_view{locator}; };
  const auto wanted = tx.exec_prepared_n(
      locators.size(), wanted_at, sql_array(types, [](type_number n) { return std::int64_t{n}; }),
      sql_array(locators, text));
  std::vector<bool> found;
  std::vector<std::string> unwanted;
  for (std::size_t i = 0; i < locators.size(); ++i) {
    found.push_back(wanted[static_cast<pqxx::result::size_type>(i)].front().as<bool>());
    if (!found[i])
      unwanted.push_back(locators[i]);
  }
  if (unwanted.empty())
    return found;
  std::set<std::string> left;
  const auto places = sql_array(unwanted, text);
  for (const auto type : types)
    for (const auto& row : tx.exec_prepared(statement_of(leaving, type), places))
      left.insert(row.front().as<std::string>());
  for (std::size_t i = 0; i < locators.size(); ++i)
    found[i] = found[i] || left.contains(locators[i]);
  return found;
}

void suspect_unequal(pqxx::transaction_base& tx, type_number type,
                     std::span<const unequal_range> unequal) {
  tx.exec_prepared0(statement_of(unequal_ranges, type),
                    sql_array(unequal, [](const auto& u) { return u.range.after; }),
                    sql_array(unequal, [](const auto& u) { return u.range.upto; }),
                    sql_array(unequal, [](const auto& u) { return u.on_primary; }));
}

} // namespace farshore
