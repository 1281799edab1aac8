#include "registry/registry_count_check.hpp"

#include "registry/database.hpp"

namespace farshore {

namespace {

// The conditions are those of the counting triggers (secondary_schema.cpp), said once more.
constexpr auto compare_sql = R"(
  WITH counted AS (
    SELECT type_id, count(*) AS registry,
      count(*) FILTER (WHERE state = 0) AS pending,
      count(*) FILTER (WHERE state = 1) AS started,
      count(*) FILTER (WHERE state = 2) AS synced,
      count(*) FILTER (WHERE state = 3) AS failed,
      count(*) FILTER (WHERE state = 3 AND missing_on_primary) AS missing_on_primary,
      count(*) FILTER (WHERE NOT wanted) AS removing,
      count(*) FILTER (WHERE synced_revision IS NULL AND due_since IS NULL
                             AND NOT missing_on_primary) AS never_synced,
      count(*) FILTER (WHERE state = 2 AND verification_state = 2) AS verified,
      count(*) FILTER (WHERE state = 2 AND verification_state = 0) AS verification_pending,
      count(*) FILTER (WHERE state = 2 AND verification_state = 4) AS verification_disabled,
      count(*) FILTER (WHERE state = 2 AND verification_state = 0
                             AND unverified_since IS NULL) AS marked,
      count(*) FILTER (WHERE verification_state = 3) AS verification_failed,
      count(*) FILTER (WHERE verified_at IS NULL AND unverified_since IS NULL
                             AND NOT missing_on_primary) AS never_verified
    FROM farshore.registry GROUP BY type_id
  )
  SELECT t.name, both_sides.counter, both_sides.kept, both_sides.counted
  FROM farshore.replicable_type AS t
  JOIN farshore.registry_counts AS k ON k.type_id = t.id
  LEFT JOIN counted AS c ON c.type_id = t.id
  CROSS JOIN LATERAL (VALUES
    ('registry', k.registry, c.registry),
    ('pending', k.pending, c.pending),
    ('started', k.started, c.started),
    ('synced', k.synced, c.synced),
    ('failed', k.failed, c.failed),
    ('missing_on_primary', k.missing_on_primary, c.missing_on_primary),
    ('removing', k.removing, c.removing),
    ('never_synced', k.never_synced, c.never_synced),
    ('verified', k.verified, c.verified),
    ('verification_pending', k.verification_pending, c.verification_pending),
    ('verification_disabled', k.verification_disabled, c.verification_disabled),
    ('marked', k.marked, c.marked),
    ('verification_failed', k.verification_failed, c.verification_failed),
    ('never_verified', k.never_verified, c.never_verified)
  ) AS both_sides (counter, kept, counted)
  WHERE both_sides.kept <> coalesce(both_sides.counted, 0)
  ORDER BY t.name, both_sides.counter
)";

} // namespace

result<std::vector<count_difference>> check_registry_counts(const std::string& url) {
  auto db = connect(url, "count check");
  if (!db)
    return fail(std::move(db).error());
  return guarded("count the registry", [&] {
    pqxx::read_transaction tx{**db};
    std::vector<count_difference> found;
    for (const auto& row : tx.exec(compare_sql))
      found.push_back({row["name"].as<std::string>(), row["counter"].as<std::string>(),
                       row["kept"].as<std::int64_t>(), row["counted"].as<std::int64_t>(0)});
    return found;
  });
}

} // namespace farshore
