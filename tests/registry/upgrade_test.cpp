// A node migrates what older versions have left: databases of 0.1 as they were dumped then, with
// three migrations, some records and a change in the log.

#include "primary_fixture.hpp"
#include "registry/migrations.hpp"
#include "registry/pg_store.hpp"
#include "registry/primary_reader.hpp"
#include "registry/registry_view.hpp"

#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;

namespace {

/// A database that holds what the file says.
struct old_database : test::database {
  explicit old_database(const std::string& name) {
    std::ifstream file{FARSHORE_SCHEMA_3 "/" + name + ".sql"};
    const std::string sql{std::istreambuf_iterator<char>{file}, {}};
    REQUIRE_FALSE(sql.empty());
    exec(sql);
  }
};

/// Columns, indexes, constraints, triggers and functions of schema farshore, those of single types
/// left out.
std::string shape(test::database& db) {
  return db.query_value(
      "SELECT string_agg(line, E'\\n' ORDER BY line) FROM ("
      " SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' ||"
      "   coalesce(column_default, '') AS line FROM information_schema.columns"
      " WHERE table_schema = 'farshore' AND table_name !~ '._registry$'"
      " UNION ALL SELECT indexdef FROM pg_indexes"
      " WHERE schemaname = 'farshore' AND tablename !~ '._registry$'"
      " UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint"
      " WHERE connamespace = 'farshore'::regnamespace AND conrelid::regclass::text !~ '._registry$'"
      " UNION ALL SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c"
      "   ON c.oid = t.tgrelid WHERE c.relnamespace = 'farshore'::regnamespace"
      "   AND NOT tgisinternal AND c.relname !~ '._registry$'"
      " UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc"
      " WHERE pronamespace = 'farshore'::regnamespace AND proname !~ '^log_'"
      " UNION ALL SELECT number || ' ' || name FROM farshore.migrations) AS all_of_it");
}

} // namespace

TEST_CASE("a primary's database of 0.1 is migrated, and keeps its log and its types", "[upgrade]") {
  old_database db{"primary"};
  // What only a dump that was loaded elsewhere gets wrong: numbers of transactions and of tables.
  db.exec("UPDATE farshore.event_log SET xid = pg_current_xact_id();"
          "UPDATE farshore.log_cursor SET xid = pg_current_xact_id();"
          "UPDATE farshore.replicable_type SET table_oid = ('public.' || name || 's')::regclass");
  auto store = primary_store::open(db.url());
  REQUIRE(store);
  CHECK(db.query_value("SELECT max(number) FROM farshore.migrations") ==
        std::to_string(primary_migrations().back().number));
  CHECK(db.query_value("SELECT count(*) FROM farshore.event_log") == "1");

  const std::vector<replicable_type> types{test::make_type("file", "files"),
                                           test::make_type("note", "notes")};
  const auto stands = (*store)->install(types);
  REQUIRE(stands);
  for (const auto& one : *stands)
    CHECK((one.waiting.empty() || one.waiting.starts_with("numbering")));
  while (*(*store)->fold(100) > 0) {
  }
  while (*(*store)->seed(100)) {
  }
  REQUIRE((*store)->install(types));
  db.exec("INSERT INTO public.files VALUES (9, 'nine')");
  auto reader = primary_reader::open(db.url());
  REQUIRE(reader);
  (*reader)->declare(types);
  const auto page = (*reader)->events({}, 100);
  REQUIRE(page);
  CHECK(page->events.size() == 2); // one of them from before
  const auto rows = (*reader)->catalogue("file", record_id_before_all, 100);
  REQUIRE(rows);
  CHECK(rows->rows.size() == 5);

  test::database fresh;
  REQUIRE(primary_store::open(fresh.url()));
  CHECK(shape(db) == shape(fresh));
}

TEST_CASE("a secondary's database of 0.1 is migrated, and keeps what it knows of each record",
          "[upgrade]") {
  old_database db{"secondary"};
  const auto epoch = db.query_value("SELECT epoch FROM farshore.log_cursor");
  {
    auto store = pg_store::open(db.url(), system_time(), 2s);
    REQUIRE(store);
    CHECK(db.query_value("SELECT max(number) FROM farshore.migrations") ==
          std::to_string(secondary_migrations().back().number));
    auto view = registry_view::open(db.url());
    REQUIRE(view);
    const auto synced = (*view)->list("file", {sync_state::synced}, record_id_before_all, 100);
    REQUIRE(synced);
    CHECK(synced->rows.size() == 3);
    const auto failed = (*view)->list("file", {sync_state::failed}, record_id_before_all, 100);
    REQUIRE(failed);
    REQUIRE(failed->rows.size() == 1);
    CHECK(failed->rows.front().missing_on_primary);
  }
  CHECK(db.query_value("SELECT epoch FROM farshore.log_cursor") == epoch);
  test::database fresh;
  REQUIRE(pg_store::open(fresh.url(), system_time(), 2s));
  CHECK(shape(db) == shape(fresh));
}

TEST_CASE("a database of a newer version is refused, with a sentence", "[upgrade]") {
  for (const auto* role : {"primary", "secondary"}) {
    old_database db{role};
    db.exec("INSERT INTO farshore.migrations VALUES (9999, '" + std::string{role} +
            ": from the future')");
    const auto why = std::string{role} == "primary"
                         ? primary_store::open(db.url()).error()
                         : pg_store::open(db.url(), system_time(), 2s).error();
    CHECK(why.code == ec::database_rejected);
    CHECK_THAT(why.message, Catch::Contains("from the future"));
  }
}
