// The rights that `farshore check --grants` prints are enough, on a real server, for a fresh role.

#include "primary_fixture.hpp"
#include "registry/database_checkup.hpp"
#include "registry/grants.hpp"
#include "registry/pg_store.hpp"
#include "registry/primary_reader.hpp"
#include "registry/uninstall.hpp"

#include <catch2/catch.hpp>

using namespace farshore;
using Catch::Contains;
using namespace std::chrono_literals;

namespace {

/// A database of the application's, whose tables belong to a role of the application's; roles live
/// in the cluster, so each object has its own.
struct foreign_database : test::database {
  foreign_database() {
    static int made = 0;
    owner = "app_" + std::to_string(++made);
    user = "rep " + std::to_string(made);
    name = query_value("SELECT current_database()");
    exec("CREATE ROLE " + owner + " LOGIN; CREATE SCHEMA data AUTHORIZATION " + owner +
         "; SET ROLE " + owner +
         "; CREATE TABLE data.files (id bigint PRIMARY KEY, path text);"
         "CREATE TABLE data.parts (id bigint PRIMARY KEY, path text) PARTITION BY RANGE (id);"
         "CREATE TABLE data.parts_1 PARTITION OF data.parts FOR VALUES FROM (1) TO (100);"
         "RESET ROLE");
    settings.site_name = "harbour";
    settings.role = site_role::primary;
    for (const auto* type : {"file", "part"}) {
      replicable_type one;
      one.name = type;
      one.model = model_declaration{"data." + std::string{type} + "s", "id", "path", {}, {}};
      settings.types.push_back(std::move(one));
    }
  }
  ~foreign_database() {
    try {
      exec("DROP OWNED BY \"" + user + "\", " + owner + " CASCADE; DROP ROLE \"" + user + "\", " +
           owner);
    } catch (const std::exception&) { // the cluster goes at the end
    }
  }
  [[nodiscard]] std::string url_as(const std::string& whom) const {
    auto text = url();
    const auto from = text.find("://") + 3;
    std::string encoded;
    for (const char c : whom)
      encoded += c == ' ' ? std::string{"%20"} : std::string{c};
    return text.replace(from, text.find('@') - from, encoded);
  }
  void grant() { exec(grants_sql(settings, user, name)); }

  std::string owner;
  std::string user;
  std::string name;
  config settings;
};

} // namespace

TEST_CASE("with the printed grants a fresh role can do all that a primary does", "[grants]") {
  foreign_database db;
  db.grant();
  db.grant(); // again
  const auto url = db.url_as(db.user);
  auto store = primary_store::open(url);
  REQUIRE(store);
  const auto stands = (*store)->install(db.settings.types);
  REQUIRE(stands);
  for (const auto& one : *stands)
    CHECK(one.waiting == "");

  // The application knows nothing of Farshore's role, and has no right in its schema.
  pqxx::connection application{db.url_as(db.owner)};
  {
    pqxx::work tx{application};
    tx.exec("INSERT INTO data.files VALUES (1, 'one'); INSERT INTO data.parts VALUES (2, 'two')");
    tx.exec("TRUNCATE data.parts_1");
    tx.commit();
  }
  REQUIRE((*store)->fold(100));
  auto reader = primary_reader::open(url);
  REQUIRE(reader);
  CHECK((*reader)->identity());
  (*reader)->declare(db.settings.types);
  const auto page = (*reader)->events({}, 100);
  REQUIRE(page);
  CHECK(page->events.size() == 2);
  const auto rows = (*reader)->catalogue("file", record_id_before_all, 10);
  REQUIRE(rows);
  CHECK(rows->rows.size() == 1);
  CHECK((*store)->publish("file", "1", operation::updated));

  // It sees who holds the log back.
  pqxx::work open{application};
  open.exec("INSERT INTO data.files VALUES (3, 'three')");
  const auto pid = application.backendpid();
  bool named = false;
  for (int i = 0; i < 200 && !named; ++i) {
    const auto blocker = (*reader)->blocker(0s);
    REQUIRE(blocker);
    named = *blocker && (*blocker)->pid == pid;
  }
  CHECK(named);
  open.abort();

  // And can take itself out again.
  store->reset();
  reader->reset();
  CHECK(
      uninstall(url, site_role::primary, {10s, &system_time(), [](std::chrono::milliseconds) {}}));
}

TEST_CASE("with the printed grants a fresh role can do all that a secondary does", "[grants]") {
  foreign_database db;
  db.settings.role = site_role::secondary;
  db.grant();
  CHECK(db.query_value("SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member "
                       "WHERE r.rolname = '" +
                       db.user + "'") == "0");
  auto store = pg_store::open(db.url_as(db.user), system_time(), 2s);
  REQUIRE(store);
}

TEST_CASE("each of the grants is needed, and the doctor says which one is missing", "[grants]") {
  foreign_database db;
  db.grant();
  const auto rights = [&] {
    auto checkup = database_checkup::open(db.url_as(db.user));
    REQUIRE(checkup);
    return std::pair{*(*checkup)->server(), *(*checkup)->tables(db.settings)};
  };
  CHECK(rights().first.may_create);
  CHECK(rights().first.sees_others);
  CHECK(rights().second.at(0).owned);

  db.exec("REVOKE " + db.owner + " FROM \"" + db.user + "\"");
  CHECK_FALSE(rights().second.at(0).owned);
  CHECK(rights().second.at(0).owner == db.owner);
  {
    auto store = primary_store::open(db.url_as(db.user));
    REQUIRE(store);
    const auto stands = (*store)->install(db.settings.types);
    REQUIRE(stands);
    CHECK_THAT(stands->at(0).waiting, Contains("permission denied"));
  }
  db.exec("REVOKE pg_read_all_stats FROM \"" + db.user + "\"");
  CHECK_FALSE(rights().first.sees_others);

  foreign_database other;
  other.grant();
  other.exec("REVOKE CREATE ON DATABASE " + other.name + " FROM \"" + other.user + "\"");
  CHECK_FALSE(primary_store::open(other.url_as(other.user)));
}

TEST_CASE("membership in a superuser's role is never granted", "[grants]") {
  foreign_database db;
  db.exec("ALTER TABLE data.files OWNER TO CURRENT_USER");
  CHECK_THROWS_WITH(db.grant(), Contains("belongs to the superuser") && Contains("OWNER TO"));
}
