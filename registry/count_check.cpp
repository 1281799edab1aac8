#include "registry/count_check.hpp"

#include "registry/database.hpp"

namespace farshore {

namespace {

constexpr auto differences_sql = R"(
  WITH counted AS (
    SELECT type_id, count(*) AS records,
      count(*) FILTER (WHERE verification_state = 2) AS checksummed,
      count(*) FILTER (WHERE verification_state = 3) AS checksum_failed,
      count(*) FILTER (WHERE verification_state IN (0, 1)) AS pending,
      count(*) FILTER (WHERE verification_missing) AS missing,
      count(*) FILTER (WHERE verification_state = 4) AS disabled
    FROM farshore.state GROUP BY type_id)
  SELECT coalesce(t.name, 'type ' || type_id) AS name, v.counter, v.kept, v.counted
  FROM farshore.state_counts k FULL JOIN counted c USING (type_id)
  LEFT JOIN farshore.replicable_type t USING (type_id)
  CROSS JOIN LATERAL (VALUES
    ('records', coalesce(k.records, 0), coalesce(c.records, 0)),
    ('checksummed', coalesce(k.checksummed, 0), coalesce(c.checksummed, 0)),
    ('checksum_failed', coalesce(k.checksum_failed, 0), coalesce(c.checksum_failed, 0)),
    ('pending', coalesce(k.pending, 0), coalesce(c.pending, 0)),
    ('missing', coalesce(k.missing, 0), coalesce(c.missing, 0)),
    ('disabled', coalesce(k.disabled, 0), coalesce(c.disabled, 0))) AS v(counter, kept, counted)
  WHERE v.kept <> v.counted
  ORDER BY 1, 2
)";

} // namespace

result<std::vector<count_difference>> check_primary_counts(const std::string& url) {
  auto db = connect(url, "count check");
  if (!db)
    return fail(std::move(db).error());
  return guarded("count the state table", [&] {
    pqxx::read_transaction tx{**db};
    std::vector<count_difference> out;
    for (const auto& row : tx.exec(differences_sql))
      out.push_back({row["name"].as<std::string>(), row["counter"].as<std::string>(),
                     row["kept"].as<std::int64_t>(), row["counted"].as<std::int64_t>()});
    return out;
  });
}

} // namespace farshore
