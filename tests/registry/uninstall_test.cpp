// Farshore leaves a database as it found it.

#include "primary_fixture.hpp"
#include "registry/pg_store.hpp"
#include "registry/uninstall.hpp"

#include <atomic>
#include <cstdio>
#include <thread>

#include <catch2/catch.hpp>

using namespace farshore;
using Catch::Contains;
using namespace std::chrono_literals;

namespace {

const uninstall_patience short_patience{2s, &system_time(), [](std::chrono::milliseconds pause) {
                                          std::this_thread::sleep_for(pause);
                                        }};

/// All of the database as SQL, without what differs from one dump to the next.
std::string dump(const test::database& db) {
  std::string out;
  auto* pipe = popen(("pg_dump '" + db.url() + "' | grep -v '^.\\(un\\)\\?restrict'").c_str(), "r");
  REQUIRE(pipe != nullptr);
  char chunk[8192];
  while (std::fgets(chunk, sizeof chunk, pipe) != nullptr)
    out += chunk;
  REQUIRE(pclose(pipe) == 0);
  return out;
}

/// An application's database with tables of every shape that gets triggers.
struct application_database : test::database {
  application_database() {
    exec("CREATE TABLE files (id bigint PRIMARY KEY, path text);"
         "INSERT INTO files SELECT i, i::text FROM generate_series(1, 20) i;"
         "CREATE TABLE parts (id bigint PRIMARY KEY, path text) PARTITION BY RANGE (id);"
         "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (100);"
         "CREATE SCHEMA other; CREATE TABLE other.\"odd name\" (id text PRIMARY KEY, path text);"
         "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS "
         "'BEGIN RETURN NEW; END';"
         "CREATE TRIGGER log_own BEFORE INSERT ON files FOR EACH ROW EXECUTE FUNCTION touch()");
  }
  void install() {
    auto store = primary_store::open(url());
    REQUIRE(store);
    const std::vector<replicable_type> types{test::make_type("file", "files"),
                                             test::make_type("part", "parts"),
                                             test::make_type("odd", "other.odd name")};
    const auto stands = (*store)->install(types);
    REQUIRE(stands);
    for (const auto& one : *stands)
      if (one.name != "odd")
        CHECK(one.waiting == "");
  }
};

} // namespace

TEST_CASE("uninstall leaves the application's database as it was, and may be called again",
          "[uninstall]") {
  application_database db;
  const auto before = dump(db);
  db.install();
  db.exec("INSERT INTO files VALUES (21, '21'); INSERT INTO parts VALUES (7, '7')");
  db.exec("DELETE FROM files WHERE id = 21; DELETE FROM parts");
  REQUIRE(dump(db) != before);
  const auto parts = find_installed(db.url(), site_role::primary);
  REQUIRE(parts);
  CHECK(parts->schema);
  CHECK_THAT(parts->traced_tables, Catch::VectorContains(std::string{"public.files"}) &&
                                       Catch::VectorContains(std::string{"public.parts"}));
  REQUIRE(uninstall(db.url(), site_role::primary, short_patience));
  CHECK(dump(db) == before);
  CHECK_FALSE(find_installed(db.url(), site_role::primary)->schema);
  CHECK(uninstall(db.url(), site_role::primary, short_patience));
  // And what was removed can be installed anew.
  db.install();
  CHECK(db.query_value("SELECT count(*) FROM farshore.replicable_type") == "3");
}

TEST_CASE("uninstall waits for transactions that use the tables, but not for ever", "[uninstall]") {
  application_database db;
  db.install();
  {
    pqxx::connection application{db.url()};
    pqxx::work open{application};
    open.exec("INSERT INTO files VALUES (22, '22')");
    const auto removed =
        uninstall(db.url(), site_role::primary, {300ms, &system_time(), short_patience.sleep});
    REQUIRE_FALSE(removed);
    CHECK(removed.error().code == ec::overloaded);
    CHECK_THAT(removed.error().message, Contains("public.files") && Contains("call again"));
    // The transaction ends while somebody waits for it.
    std::atomic<bool> waited{false};
    uninstall_patience patience = short_patience;
    patience.limit = 60s;
    patience.sleep = [&](std::chrono::milliseconds) {
      if (!waited.exchange(true))
        open.commit();
    };
    CHECK(uninstall(db.url(), site_role::primary, patience));
    CHECK(waited);
  }
  CHECK(db.query_value("SELECT count(*) FROM files") == "21");
  CHECK_FALSE(find_installed(db.url(), site_role::primary)->schema);
}

TEST_CASE("uninstall is refused while a node works on the database", "[uninstall]") {
  application_database db;
  db.install();
  auto node = primary_store::open(db.url());
  REQUIRE(node);
  REQUIRE((*node)->lock_out_others(1s));
  const auto removed = uninstall(db.url(), site_role::primary, short_patience);
  REQUIRE_FALSE(removed);
  CHECK_THAT(removed.error().message, Contains("a node works on this database"));
  node->reset();
  CHECK(uninstall(db.url(), site_role::primary, short_patience));
}

TEST_CASE("uninstall takes away nothing that is not Farshore's", "[uninstall]") {
  SECTION("what somebody built on its tables") {
    application_database db;
    db.install();
    db.exec("CREATE VIEW report AS SELECT count(*) FROM farshore.event_log");
    const auto removed = uninstall(db.url(), site_role::primary, short_patience);
    REQUIRE_FALSE(removed);
    CHECK_THAT(removed.error().message, Contains("other objects depend on"));
    CHECK_NOTHROW(db.query_value("SELECT * FROM report"));
    db.exec("DROP VIEW report");
    CHECK(uninstall(db.url(), site_role::primary, short_patience));
  }
  SECTION("a schema of that name that somebody else made") {
    test::database db;
    db.exec("CREATE SCHEMA farshore; CREATE TABLE farshore.precious (id int)");
    const auto removed = uninstall(db.url(), site_role::primary, short_patience);
    REQUIRE_FALSE(removed);
    CHECK_THAT(removed.error().message, Contains("was not made by Farshore"));
    CHECK(db.query_value("SELECT count(*) FROM farshore.precious") == "0");
  }
  SECTION("the database of a site of the other role") {
    application_database db;
    db.install();
    const auto removed = uninstall(db.url(), site_role::secondary, short_patience);
    REQUIRE_FALSE(removed);
    CHECK_THAT(removed.error().message, Contains("that of a primary"));
  }
  SECTION("a table of the application's that lies in its schema") {
    test::database db;
    REQUIRE(primary_store::open(db.url()));
    db.exec("CREATE TABLE farshore.files (id bigint PRIMARY KEY, path text)");
    auto store = primary_store::open(db.url());
    REQUIRE((*store)->install(std::vector{test::make_type("file", "farshore.files")}));
    const auto removed = uninstall(db.url(), site_role::primary, short_patience);
    REQUIRE_FALSE(removed);
    CHECK_THAT(removed.error().message, Contains("move it first"));
    CHECK(db.query_value("SELECT count(*) FROM farshore.files") == "0");
  }
}

TEST_CASE("uninstall removes a secondary's tracking schema", "[uninstall]") {
  test::database db;
  const auto before = dump(db);
  REQUIRE(pg_store::open(db.url(), system_time(), 2s));
  REQUIRE(dump(db) != before);
  REQUIRE(uninstall(db.url(), site_role::secondary, short_patience));
  CHECK(dump(db) == before);
}
