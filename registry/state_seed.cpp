#include "registry/state_seed.hpp"

#include "registry/database.hpp"

#include <optional>
#include <string>

namespace farshore {

namespace {

/// `$1` the type's number, `$2` where the last page ended (unless it is the first), `$3` the limit.
/// What has a row already has had an event since: that row is the better one.
std::string seed_sql(const installed_type& type, bool first) {
  const auto key = "m." + type.key;
  const auto page =
      "WITH page AS MATERIALIZED (SELECT " + key + " AS k FROM " + type.table + " AS m WHERE " +
      (first ? key + " IS NOT NULL AND $2::text IS NULL" : key + " > ($2::text)" + type.cast()) +
      " ORDER BY " + key + " LIMIT $3),";
  const std::string numbers =
      " fresh AS (INSERT INTO farshore.record_keys (type_id, key)"
      "  SELECT $1::integer, p.k::text FROM page p WHERE NOT EXISTS"
      "   (SELECT FROM farshore.record_keys r WHERE r.type_id = $1 AND r.key = p.k::text)"
      "  ON CONFLICT DO NOTHING RETURNING record_id),"
      " records AS (SELECT record_id FROM fresh UNION ALL"
      "  SELECT r.record_id FROM page p"
      "  JOIN farshore.record_keys r ON r.type_id = $1 AND r.key = p.k::text),";
  return page + (type.numbered() ? numbers : " records AS (SELECT k AS record_id FROM page),") +
         " added AS (INSERT INTO farshore.state (type_id, record_id, revision)"
         "  SELECT $1, record_id, 0 FROM records ON CONFLICT DO NOTHING RETURNING 1)"
         " SELECT count(*) AS rows, (SELECT k::text FROM page ORDER BY k DESC LIMIT 1) AS last,"
         " (SELECT count(*) FROM added) AS added FROM page";
}

std::string prune_sql(const installed_type& type) {
  return "WITH page AS MATERIALIZED (SELECT s.record_id, " +
         std::string{type.numbered() ? "r.key" : "s.record_id"} + " AS k FROM farshore.state s" +
         (type.numbered() ? " JOIN farshore.record_keys r"
                            "  ON r.type_id = s.type_id AND r.record_id = s.record_id"
                          : "") +
         " WHERE s.type_id = $1::integer AND s.record_id > $2 ORDER BY s.record_id LIMIT $3),"
         " gone AS (DELETE FROM farshore.state s USING page p"
         "  WHERE s.type_id = $1 AND s.record_id = p.record_id AND NOT EXISTS (SELECT FROM " +
         type.table + " AS m WHERE m." + type.key + " = p.k" + type.cast() +
         "))"
         " SELECT count(*) AS rows, max(record_id) AS last FROM page";
}

} // namespace

seeded_page add_state_rows(pqxx::work& tx, const installed_type& type,
                           const std::optional<std::string>& after, std::size_t limit) {
  const auto page = tx.exec_params1(seed_sql(type, !after), type.type_id, after, limit);
  return {page["rows"].as<std::size_t>(), optional_of<std::string>(page["last"]),
          page["added"].as<std::int64_t>()};
}

result<bool> state_seed::seed(std::size_t limit) {
  return guarded("seed the state table", [&] {
    bool left = false;
    const auto refusal = refused([&] {
      pqxx::work tx{db_};
      tx.exec0("SET LOCAL lock_timeout = '1s'");
      const auto types = tx.exec(std::string{installed_types_sql} +
                                 "WHERE NOT (t.seeded AND t.pruned) ORDER BY t.type_id");
      std::size_t done = 0;
      for (const auto& row : types) {
        if (done >= limit) {
          left = true;
          break;
        }
        const auto type = read_installed(row);
        const bool seeding = !row["seeded"].as<bool>();
        const auto room = limit - done;
        const auto rows =
            seeding ? seed_page(tx, type, row, room) : prune_page(tx, type, row, room);
        done += rows;
        left = left || rows == room || (seeding && !row["pruned"].as<bool>());
      }
      tx.commit();
    });
    // A locked table is free again some time; one that is gone, or no longer what it was, is the
    // installer's business.
    return refusal ? refusal->passing() : left;
  });
}

std::size_t state_seed::seed_page(pqxx::work& tx, const installed_type& type, const pqxx::row& row,
                                  std::size_t limit) {
  const bool first = row["seeded_to"].is_null();
  const auto from = first ? std::optional<std::string>{} : row["seeded_to"].as<std::string>();
  const auto page = add_state_rows(tx, type, from, limit);
  tx.exec_params("UPDATE farshore.replicable_type SET seeded = $2,"
                 " seeded_to = coalesce($3, seeded_to) WHERE type_id = $1",
                 type.type_id, page.rows < limit, page.last);
  return page.rows;
}

std::size_t state_seed::prune_page(pqxx::work& tx, const installed_type& type, const pqxx::row& row,
                                   std::size_t limit) {
  const auto from = row["pruned_to"].is_null() ? INT64_MIN : row["pruned_to"].as<std::int64_t>();
  const auto page = tx.exec_params1(prune_sql(type), type.type_id, from, limit);
  const auto rows = page["rows"].as<std::size_t>();
  tx.exec_params("UPDATE farshore.replicable_type SET pruned = $2,"
                 " pruned_to = coalesce($3, pruned_to) WHERE type_id = $1",
                 type.type_id, rows < limit, optional_of<std::int64_t>(page["last"]));
  return rows;
}

} // namespace farshore
