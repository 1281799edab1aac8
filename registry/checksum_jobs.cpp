#include "registry/checksum_jobs.hpp"

#include "registry/database.hpp"
#include "registry/installed_type.hpp"
#include "registry/state_seed.hpp"

#include <algorithm>

#include <spdlog/spdlog.h>

namespace farshore {

namespace {

constexpr auto note_places_sql = R"(
  UPDATE farshore.replicable_type t SET verification = d.place,
    reverify = CASE WHEN d.place = 'off' THEN NULL WHEN t.verification = 'off' THEN 'all'
               ELSE t.reverify END,
    reverified_to = CASE WHEN t.verification = 'off' OR d.place = 'off' THEN NULL
                    ELSE t.reverified_to END,
    columns_to = CASE WHEN d.place = 'columns' THEN -9223372036854775808 END
  FROM unnest($1::text[], $2::text[]) AS d(name, place)
  WHERE t.name = d.name AND t.verification <> d.place
)";

// What is verified stays so until it is read: it is only due. The time is the epoch for a few
// records that a person waits for, and now for all of them.
constexpr auto marks = R"(
  verification_state = CASE WHEN s.verification_state IN (1, 4) THEN 0
                       ELSE s.verification_state END,
  verification_started_at = NULL
)";

std::string mark_some_sql() {
  return "UPDATE farshore.state s SET verification_retry_at ="
         " CASE WHEN s.verification_state IN (2, 3) THEN 'epoch'::timestamptz END," +
         std::string{marks} +
         " FROM (SELECT DISTINCT unnest($2::bigint[]) AS record_id) w"
         " CROSS JOIN LATERAL (SELECT ctid AS place FROM farshore.state"
         "  WHERE type_id = $1 AND record_id = w.record_id LIMIT 1) AS l"
         " WHERE s.ctid = l.place";
}

std::string mark_page_sql(bool failed_only) {
  return std::string{
             "WITH page AS MATERIALIZED (SELECT record_id, ctid AS place"
             " FROM farshore.state WHERE type_id = $1::integer AND record_id > $2::bigint"} +
         (failed_only ? " AND verification_state = 3" : "") +
         " ORDER BY record_id LIMIT $3::bigint),"
         " marked AS (UPDATE farshore.state s SET verification_retry_at ="
         " CASE WHEN s.verification_state IN (2, 3) THEN now() END," +
         marks +
         " FROM page p WHERE s.ctid = p.place)"
         " SELECT count(*) AS rows, max(record_id) AS last FROM page";
}

// Each kind by the index that it has.
constexpr const char* not_disabled[] = {
    "verification_state = 0 AND verification_retry_at IS NULL",
    "verification_state IN (0, 3) AND verification_retry_at IS NOT NULL",
    "verification_state = 3 AND record_id IS NOT NULL",
    "verification_state = 1",
    "verification_state = 2",
};

constexpr auto look_again_sql = R"(
  WITH page AS MATERIALIZED (
    SELECT s.record_id, s.verification_state, s.ctid AS place
    FROM farshore.state AS s
    WHERE s.type_id = (SELECT type_id FROM farshore.replicable_type
                       WHERE name = $1 AND verification <> 'off')
      AND s.record_id > $2::bigint
    ORDER BY s.record_id LIMIT $3::bigint
  ), marked AS (
    UPDATE farshore.state AS s SET verification_state = 0, verification_retry_at = NULL
    FROM page AS p WHERE s.ctid = p.place AND p.verification_state = 4
  )
  SELECT count(*) AS rows, max(record_id) AS last FROM page
)";

std::string switch_off_sql(const std::string& condition) {
  return "WITH page AS MATERIALIZED (SELECT ctid AS place FROM farshore.state WHERE type_id = $1 "
         "AND " +
         condition +
         " LIMIT $2::bigint)"
         " UPDATE farshore.state s SET verification_state = 4, verification_started_at = NULL,"
         " verification_retry_at = NULL, verification_retry_count = 0,"
         " verification_checksum = NULL, verification_failure = NULL,"
         " verification_missing = false"
         " FROM page p WHERE s.ctid = p.place";
}

} // namespace

result<void> checksum_jobs::declare(std::span<const replicable_type> types) {
  return guarded("note where verification is kept", [&] {
    std::vector<std::string> names;
    std::vector<std::string> places;
    for (const auto& type : types)
      if (type.enabled) {
        names.push_back(type.name);
        places.emplace_back(to_string(type.verification));
      }
    if (names == names_ && places == places_)
      return; // called every second
    pqxx::work tx{db_};
    tx.exec_params(note_places_sql, text_array_literal(names), text_array_literal(places));
    tx.commit();
    names_ = std::move(names);
    places_ = std::move(places);
  });
}

result<std::int64_t> checksum_jobs::reverify(const std::string& name,
                                             const record_selection& which) {
  using kind = record_selection::kind;
  return guarded("make records of " + name + " due", [&]() -> result<std::int64_t> {
    pqxx::work tx{db_};
    const auto found = tx.exec_params(
        "SELECT t.type_id, t.verification, coalesce(c.records, 0) AS records,"
        " coalesce(c.checksum_failed, 0) AS failed FROM farshore.replicable_type t"
        " LEFT JOIN farshore.state_counts c ON c.type_id = t.type_id WHERE t.name = $1",
        name);
    if (found.empty() || std::ranges::find(names_, name) == names_.end())
      return fail(ec::not_found, "\"" + name + "\" is no type that is enabled here");
    if (found[0]["verification"].as<std::string>() == "off")
      return fail(ec::not_found, "\"" + name +
                                     "\" is not verified: its declaration says verification = "
                                     "\"off\"; write \"state_table\", and reload");
    const auto type_id = found[0]["type_id"].as<std::int32_t>();
    std::int64_t marked = 0;
    if (which.which == kind::ids) {
      marked = static_cast<std::int64_t>(
          tx.exec_params(mark_some_sql(), type_id, array_literal(which.ids)).affected_rows());
    } else {
      const bool failed_only = which.which == kind::failed;
      marked = found[0][failed_only ? "failed" : "records"].as<std::int64_t>();
      // One of all goes before one of the failed.
      tx.exec_params("UPDATE farshore.replicable_type SET reverified_to = NULL, reverify ="
                     " CASE WHEN reverify = 'all' THEN 'all' ELSE $2 END WHERE type_id = $1",
                     type_id, failed_only ? "failed" : "all");
    }
    tx.commit();
    return marked;
  });
}

result<void> checksum_jobs::sweep(const std::string& type) {
  for (const auto& name : names_)
    if ((type.empty() || type == name) &&
        std::ranges::find(sweeps_, name, &sweeping::type) == sweeps_.end())
      sweeps_.push_back({name, {}, 0});
  return {};
}

result<bool> checksum_jobs::tend(std::size_t limit) {
  return guarded("tend the state table", [&] {
    bool more = false;
    const auto refusal = refused([&] {
      pqxx::work tx{db_};
      tx.exec0("SET LOCAL lock_timeout = '100ms'");
      more = mark_page(tx, limit);
      more = switch_off_page(tx, limit) || more;
      tx.commit();
    });
    const auto not_swept = refused([&] {
      pqxx::work tx{db_};
      tx.exec0("SET LOCAL lock_timeout = '100ms'");
      more = sweep_page(tx, limit) || more;
      tx.commit();
    });
    if (not_swept && !not_swept->passing())
      sweeps_.pop_front(); // the table is gone, or not what it was: the installer's business
    return more && !refusal && !not_swept;
  });
}

bool checksum_jobs::mark_page(pqxx::work& tx, std::size_t limit) {
  const auto job = tx.exec("SELECT type_id, reverify, reverified_to FROM farshore.replicable_type"
                           " WHERE reverify IS NOT NULL ORDER BY type_id LIMIT 1");
  if (job.empty())
    return false;
  const auto type_id = job[0]["type_id"].as<std::int32_t>();
  const auto page =
      tx.exec_params1(mark_page_sql(job[0]["reverify"].as<std::string>() == "failed"), type_id,
                      job[0]["reverified_to"].as<std::int64_t>(INT64_MIN), limit);
  const bool last = page["rows"].as<std::size_t>() < limit;
  tx.exec_params("UPDATE farshore.replicable_type SET"
                 " reverify = CASE WHEN $2 THEN NULL ELSE reverify END,"
                 " reverified_to = CASE WHEN $2 THEN NULL ELSE $3::bigint END WHERE type_id = $1",
                 type_id, last, optional_of<std::int64_t>(page["last"]));
  return true;
}

bool checksum_jobs::switch_off_page(pqxx::work& tx, std::size_t limit) {
  bool more = false;
  for (const auto& row :
       tx.exec("SELECT type_id FROM farshore.replicable_type WHERE verification = 'off'"))
    for (const auto* condition : not_disabled)
      more = tx.exec_params(switch_off_sql(condition), row[0].as<std::int32_t>(), limit)
                     .affected_rows() == limit ||
             more;
  return more;
}

bool checksum_jobs::sweep_page(pqxx::work& tx, std::size_t limit) {
  if (sweeps_.empty())
    return false;
  auto& now = sweeps_.front();
  if (now.looked_again_to) {
    if (look_again_page(tx, now, limit))
      return true;
    sweeps_.pop_front();
    return !sweeps_.empty();
  }
  const auto found =
      tx.exec_params(std::string{installed_types_sql} + "WHERE t.name = $1 AND t.seeded", now.type);
  std::size_t rows = 0;
  if (!found.empty()) {
    const auto page = add_state_rows(tx, read_installed(found[0]), now.at, limit);
    rows = page.rows;
    now.at = page.last;
    now.found += page.added;
  }
  if (rows == limit)
    return true;
  if (now.found > 0)
    spdlog::warn("{}: {} rows of its table had no state, since no event told of them (triggers "
                 "that were off?); they have one now",
                 now.type, now.found);
  now.looked_again_to = record_id_before_all;
  return true;
}

/// What was not available may be by now, with nobody telling: it is due, and judged anew.
bool checksum_jobs::look_again_page(pqxx::work& tx, sweeping& now, std::size_t limit) {
  const auto page = tx.exec_params1(look_again_sql, now.type, *now.looked_again_to, limit);
  now.looked_again_to = page["last"].as<record_id>(*now.looked_again_to);
  return page["rows"].as<std::size_t>() == limit;
}

} // namespace farshore
