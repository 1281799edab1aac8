#include "registry/migrations.hpp"

#include "registry/database.hpp"

#include <algorithm>
#include <map>

namespace farshore {

namespace {

// Any number that nobody else uses: the text "farshore" as a bigint's bytes.
constexpr auto lock_sql = "SELECT pg_advisory_xact_lock(7377581253823296101)";

constexpr auto bookkeeping_sql = R"(
  CREATE SCHEMA IF NOT EXISTS farshore;
  CREATE TABLE IF NOT EXISTS farshore.migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now())
)";

result<void> apply(pqxx::connection_base& db, const migration& step) {
  return guarded("migration " + std::string{step.name}, [&] {
    pqxx::work tx{db};
    tx.exec(lock_sql);
    const auto known =
        tx.exec_params("SELECT 1 FROM farshore.migrations WHERE number = $1", step.number);
    if (!known.empty())
      return;
    tx.exec(std::string{step.sql});
    tx.exec_params("INSERT INTO farshore.migrations (number, name) VALUES ($1, $2)", step.number,
                   std::string{step.name});
    tx.commit();
  });
}

} // namespace

result<void> migrate(pqxx::connection_base& db, std::span<const migration> wanted) {
  auto applied = guarded("read migrations", [&]() -> result<std::map<int, std::string>> {
    pqxx::work tx{db};
    if (tx.exec1("SELECT pg_is_in_recovery()")[0].as<bool>())
      return fail(ec::database_unavailable,
                  "the database is still recovering, or a standby: it takes no writes until it is "
                  "promoted");
    tx.exec(lock_sql);
    tx.exec(bookkeeping_sql);
    std::map<int, std::string> found;
    for (const auto& row : tx.exec("SELECT number, name FROM farshore.migrations"))
      found.emplace(row["number"].as<int>(), row["name"].as<std::string>());
    tx.commit();
    return found;
  });
  if (!applied)
    return fail(std::move(applied).error());
  for (const auto& [number, name] : *applied) {
    const auto known = std::ranges::find(wanted, number, &migration::number);
    if (known == wanted.end() || known->name != name)
      return fail(ec::database_rejected,
                  "the database has migration " + std::to_string(number) + " \"" + name +
                      "\", which this program does not know: it was written by a newer Farshore, "
                      "or by a site of the other role; use that program, or another database");
  }
  for (const auto& step : wanted) {
    if (applied->contains(step.number))
      continue;
    if (auto done = apply(db, step); !done)
      return done;
  }
  return {};
}

} // namespace farshore
