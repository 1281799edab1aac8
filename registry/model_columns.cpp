#include "registry/model_columns.hpp"

#include "config/backoff.hpp"
#include "registry/database.hpp"
#include "registry/event_triggers.hpp"
#include "registry/installed_type.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <spdlog/spdlog.h>

namespace farshore {

namespace {

constexpr std::chrono::milliseconds retry_base{200};
constexpr std::chrono::milliseconds retry_cap{5'000};
constexpr std::size_t identifier_bytes_max = 63;

struct column {
  const char* name;
  const char* definition;
};
constexpr std::array<column, 7> columns{{
    {"verification_state", "smallint NOT NULL DEFAULT 0"},
    {"verification_started_at", "timestamptz"},
    {"verification_retry_at", "timestamptz"},
    {"verified_at", "timestamptz"},
    {"verification_retry_count", "smallint"},
    {"verification_checksum", "bytea"},
    {"verification_failure", "text"},
}};

struct index {
  const char* suffix;
  const char* definition;
};
constexpr std::array<index, 4> indexes{{
    {"_verification_state", "(verification_state)"},
    {"_pending_verification", "(verified_at ASC NULLS FIRST) WHERE verification_state = 0"},
    {"_failed_verification",
     "(verification_retry_at ASC NULLS FIRST) WHERE verification_state = 3"},
    {"_needs_verification",
     "(verification_state) WHERE verification_state = 0 OR verification_state = 3"},
}};

constexpr auto table_sql = R"(
  SELECT c.oid, c.relkind FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
  WHERE s.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')
)";

constexpr auto columns_there_sql = R"(
  SELECT attname FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped
)";

constexpr auto limit_there_sql = R"(
  SELECT conname, convalidated FROM pg_constraint WHERE conrelid = $1 AND conname = $2
)";

constexpr auto indexes_there_sql = R"(
  SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  WHERE i.indrelid = $1
)";

constexpr auto kept_types_sql = R"(
  SELECT t.type_id, t.name,
    (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = t.table_oid AND NOT a.attisdropped
       AND a.attname IN ('verification_state', 'verification_started_at', 'verification_retry_at',
                         'verified_at', 'verification_retry_count', 'verification_checksum',
                         'verification_failure')) = 7 AS there
  FROM farshore.replicable_type t
  WHERE t.verification = 'columns' AND t.table_oid IS NOT NULL
  ORDER BY t.type_id
)";

/// `$1` the type's number, `$2` where the page begins, `$3` its limit. What is in hand is written
/// when its result is there.
std::string write_sql(const installed_type& type) {
  const std::string key = type.numbered() ? "k.key" : "p.record_id";
  const std::string keys =
      type.numbered() ? " CROSS JOIN LATERAL (SELECT r.key FROM farshore.record_keys r"
                        "  WHERE r.type_id = $1 AND r.record_id = p.record_id LIMIT 1) AS k"
                      : "";
  const std::string ours = "h.verification_state, h.verification_started_at,"
                           " h.verification_retry_at, h.verified_at, h.verification_retry_count,"
                           " h.verification_checksum, h.verification_failure";
  const std::string names = "verification_state, verification_started_at, verification_retry_at,"
                            " verified_at, verification_retry_count, verification_checksum,"
                            " verification_failure";
  std::string theirs;
  for (const auto& one : columns)
    theirs += std::string{theirs.empty() ? "" : ", "} + "m." + one.name;
  return "WITH page AS MATERIALIZED (SELECT s.*, s.ctid AS place FROM farshore.state s"
         "  WHERE s.type_id = $1::integer AND s.columns_due AND s.record_id > $2::bigint"
         "  ORDER BY s.record_id LIMIT $3::bigint),"
         " held AS MATERIALIZED (SELECT p.*, " +
         key + "::" + std::string{sql_type(type.kind)} + " AS key FROM page p" + keys +
         " CROSS JOIN LATERAL (SELECT true FROM " + type.table + " AS m WHERE m." + type.key +
         " = " + key + type.cast() +
         " LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED) AS l WHERE p.verification_state <> 1),"
         " written AS (UPDATE " +
         type.table + " AS m SET (" + names + ") = ROW(" + ours + ") FROM held h WHERE m." +
         type.key + " = ANY (ARRAY(SELECT key FROM held)) AND m." + type.key + " = h.key AND (" +
         theirs + ") IS DISTINCT FROM (" + ours +
         ")),"
         " level AS (UPDATE farshore.state s SET columns_due = false FROM held h"
         "  WHERE s.ctid = h.place)"
         " SELECT count(*) AS rows, max(record_id) AS last FROM page";
}

std::string cut(std::string name) {
  if (name.size() > identifier_bytes_max)
    name.resize(identifier_bytes_max); // as PostgreSQL does; configured names are ASCII
  return name;
}

} // namespace

result<std::vector<std::string>> missing_columns(const std::string& url,
                                                 const model_declaration& model) {
  auto db = connect(url, "model columns");
  if (!db)
    return fail(std::move(db).error());
  return guarded("look at table " + model.table, [&]() -> result<std::vector<std::string>> {
    pqxx::read_transaction tx{**db};
    const auto name = split_table(model.table);
    const auto table = tx.exec_params(table_sql, name.schema, name.table);
    if (table.empty())
      return fail(ec::not_found, "table \"" + model.table + "\" is not there");
    const auto oid = table[0]["oid"].as<std::uint32_t>();
    const auto on = identifier(name);
    // Not for a partitioned table.
    const std::string concurrently =
        table[0]["relkind"].as<std::string>() == "r" ? "CONCURRENTLY " : "";
    std::vector<std::string> out;

    std::string added;
    const auto there = tx.exec_params(columns_there_sql, oid);
    for (const auto& one : columns)
      if (std::none_of(there.begin(), there.end(), [&](const auto& row) {
            return row[0].template as<std::string>() == one.name;
          }))
        added += (added.empty() ? "ADD COLUMN " : ", ADD COLUMN ") + std::string{one.name} + " " +
                 one.definition;
    if (!added.empty())
      out.push_back("ALTER TABLE " + on + " " + added);

    const auto limit_name = cut(name.table + "_verification_failure_text_limit");
    const auto limit = tx.exec_params(limit_there_sql, oid, limit_name);
    if (limit.empty())
      out.push_back("ALTER TABLE " + on + " ADD CONSTRAINT " + identifier(limit_name) +
                    " CHECK (char_length(verification_failure) <= 255) NOT VALID");
    if (limit.empty() || !limit[0]["convalidated"].as<bool>())
      out.push_back("ALTER TABLE " + on + " VALIDATE CONSTRAINT " + identifier(limit_name));

    const auto indexed = tx.exec_params(indexes_there_sql, oid);
    for (const auto& one : indexes) {
      const auto index_name = cut("index_" + name.table + one.suffix);
      const auto found = std::find_if(indexed.begin(), indexed.end(), [&](const auto& row) {
        return row[0].template as<std::string>() == index_name;
      });
      if (found != indexed.end() && (*found)["indisvalid"].as<bool>())
        continue;
      if (found != indexed.end()) // its making was broken off
        out.push_back("DROP INDEX " + identifier(table_name{name.schema, index_name}));
      out.push_back("CREATE INDEX " + concurrently + identifier(index_name) + " ON " + on + " " +
                    one.definition);
    }
    return out;
  });
}

result<void> add_columns(const std::string& url, const std::vector<std::string>& statements,
                         const migration_patience& patience) {
  auto db = connect(url, "migrate model");
  if (!db)
    return fail(std::move(db).error());
  const auto until = patience.time->now() + patience.limit;
  random_source random{random_seed()};
  return guarded("migrate the model", [&]() -> result<void> {
    pqxx::nontransaction tx{**db};
    tx.exec0("SET statement_timeout = 0");
    for (const auto& statement : statements) {
      // An index that is made concurrently waits for transactions, and holds nobody up.
      const bool waits = statement.find(" CONCURRENTLY ") != std::string::npos;
      tx.exec0(waits ? "SET lock_timeout = 0" : "SET lock_timeout = '100ms'");
      for (int failures = 1;; ++failures) {
        const auto refusal = refused([&] { tx.exec0(statement); });
        if (!refusal)
          break;
        if (!refusal->locked())
          return fail(ec::database_rejected, statement + ": " + refusal->message);
        if (patience.time->now() >= until)
          return fail(ec::overloaded, statement +
                                          ": transactions that use the table do not end; call "
                                          "again, it goes on where it was");
        patience.sleep(backoff(failures, retry_base, retry_cap, random));
      }
    }
    return {};
  });
}

result<bool> model_columns::write(std::size_t limit) {
  return guarded("write verification to the model's columns", [&] {
    std::vector<kept_type> types;
    bool more = false;
    {
      pqxx::work tx{db_};
      std::map<std::string, std::string> troubles;
      for (const auto& row : tx.exec(kept_types_sql)) {
        const auto name = row["name"].as<std::string>();
        if (row["there"].as<bool>())
          types.push_back({row["type_id"].as<std::int32_t>(), name});
        else
          troubles[name] = "its table lacks the columns that verification = \"columns\" needs; run "
                           "farshore migrate-model " +
                           name;
      }
      troubles_ = std::move(troubles);
      if (!types.empty() || !troubles_.empty())
        more = mark_page(tx, limit);
      tx.commit();
    }
    for (const auto& type : types)
      more = write_page(type, limit) || more;
    return more;
  });
}

/// Everything of a type that is kept in columns from now on.
bool model_columns::mark_page(pqxx::work& tx, std::size_t limit) {
  const auto job = tx.exec("SELECT type_id, columns_to FROM farshore.replicable_type"
                           " WHERE columns_to IS NOT NULL ORDER BY type_id LIMIT 1");
  if (job.empty())
    return false;
  const auto type_id = job[0]["type_id"].as<std::int32_t>();
  const auto page = tx.exec_params1(
      "WITH page AS MATERIALIZED (SELECT record_id, ctid AS place FROM farshore.state"
      "  WHERE type_id = $1::integer AND record_id > $2::bigint ORDER BY record_id LIMIT $3),"
      " marked AS (UPDATE farshore.state s SET columns_due = true FROM page p"
      "  WHERE s.ctid = p.place AND NOT s.columns_due)"
      " SELECT count(*) AS rows, max(record_id) AS last FROM page",
      type_id, job[0]["columns_to"].as<std::int64_t>(), limit);
  tx.exec_params("UPDATE farshore.replicable_type SET columns_to = $2 WHERE type_id = $1", type_id,
                 page["rows"].as<std::size_t>() < limit ? std::optional<std::int64_t>{}
                                                        : optional_of<std::int64_t>(page["last"]));
  return true;
}

bool model_columns::write_page(const kept_type& type, std::size_t limit) {
  auto& at = at_.try_emplace(type.type_id, INT64_MIN).first->second;
  std::size_t rows = 0;
  const auto refusal = refused([&] {
    pqxx::work tx{db_};
    // The application's own triggers run here, and find what they find in its sessions.
    tx.exec0("SET LOCAL lock_timeout = '100ms'; SET LOCAL search_path TO DEFAULT");
    const auto found =
        tx.exec_params(std::string{installed_types_sql} + "WHERE t.type_id = $1", type.type_id);
    if (found.empty())
      return;
    tx.exec_params("SELECT set_config($1, $2, true)", own_write_setting,
                   std::to_string(type.type_id));
    const auto page = tx.exec_params1(write_sql(read_installed(found[0])), type.type_id, at, limit);
    tx.commit();
    rows = page["rows"].as<std::size_t>();
    at = rows < limit ? INT64_MIN : page["last"].as<std::int64_t>();
  });
  if (refusal && !refusal->passing())
    troubles_[type.name] = "verification can't be written to its table: " + refusal->message;
  return !refusal && rows == limit;
}

} // namespace farshore
