// What only the registry in PostgreSQL can do: be opened twice, be of the wrong kind, lose its
// connection; and the view that reads it.

#include "registry/migrations.hpp"
#include "tests/registry/pg_registry.hpp"
#include "tests/registry/registry_fixture.hpp"

#include <functional>
#include <future>
#include <string>
#include <vector>

using namespace farshore;
using namespace farshore::test;

namespace {

using pg_fixture = registry_fixture<pg_registry>;

std::vector<record_id> records_of(const std::vector<registry_row>& rows) {
  std::vector<record_id> records;
  for (const auto& row : rows)
    records.push_back(row.record);
  return records;
}

void cut_connection(database& db) {
  db.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
          " WHERE application_name = 'farshore registry' AND datname = current_database()");
}

} // namespace

TEST_CASE("a second node on the same database is refused, and says so", "[pg_store]") {
  held_time time;
  pg_registry first{time};
  const auto second = pg_store::open(first.db.url(), time, 50ms);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ec::invalid_config);
  CHECK(second.error().message == "another node works on this database; several nodes of one site "
                                  "are not supported yet");
  REQUIRE(first.store().begin());
  CHECK(first.store().commit());
}

TEST_CASE("a node waits for the connection of the one before it to vanish", "[pg_store]") {
  held_time time;
  database db;
  auto first = value_or_throw(pg_store::open(db.url(), time, 60s));
  auto second = std::async(std::launch::async, [&] { return pg_store::open(db.url(), time, 60s); });
  while (db.query_value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                        " AND database = (SELECT oid FROM pg_database"
                        "                 WHERE datname = current_database())") != "1")
    REQUIRE(second.wait_for(0s) == std::future_status::timeout);
  first.reset();
  CHECK(second.get());
}

TEST_CASE("a database of the other role, or of a newer program, is refused", "[pg_store]") {
  held_time time;
  database db;
  SECTION("the other role's") {
    REQUIRE(migrate(db.connection(), primary_migrations()));
  }
  SECTION("a newer program's") {
    REQUIRE(pg_store::open(db.url(), time, lease));
    db.exec("INSERT INTO farshore.migrations (number, name) VALUES (4242, 'of the future')");
  }
  const auto opened = pg_store::open(db.url(), time, lease);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ec::database_rejected);
}

TEST_CASE("a server that is not there is unavailable", "[pg_store]") {
  held_time time;
  const auto opened = pg_store::open("postgresql:///x?host=/nowhere", time, lease);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ec::database_unavailable);
  CHECK(registry_view::open("postgresql:///x?host=/nowhere").error().code ==
        ec::database_unavailable);
}

TEST_CASE_METHOD(pg_fixture, "each type has a partition of its name", "[pg_store]") {
  const std::string longest = "a23456789_123456789_123456789_123456789_";
  declare({type(longest, "/srv/a"), type("file", "/srv/a")});
  events({of_type(longest, present(1, 1, "a"))});
  CHECK(backend.db.query_value("SELECT count(*) FROM farshore." + longest + "_registry") == "1");
  CHECK(backend.db.query_value("SELECT count(*) FROM farshore.file_registry") == "0");
}

TEST_CASE_METHOD(pg_fixture, "kept counts are what counting would find", "[pg_store]") {
  for (record_id n = 1; n <= 20; ++n)
    events({present(next_id(), n, "place" + std::to_string(n))});
  for (const auto& one : claim_all(12).claims)
    finish(one.id.record % 3 == 0 ? failed(one) : synced(one));
  events({gone(100, 1), truncated(8)});
  CHECK(backend.db.query_value(
            "SELECT ROW (c.registry, c.pending, c.started, c.synced, c.failed, c.removing)::text ="
            " (SELECT ROW (count(*), count(*) FILTER (WHERE state = 0),"
            "   count(*) FILTER (WHERE state = 1), count(*) FILTER (WHERE state = 2),"
            "   count(*) FILTER (WHERE state = 3), count(*) FILTER (WHERE NOT wanted))::text"
            "  FROM farshore.file_registry)"
            " FROM farshore.registry_counts AS c JOIN farshore.replicable_type AS t"
            "   ON t.id = c.type_id WHERE t.name = 'file'") == "t");
}

TEST_CASE_METHOD(pg_fixture, "a broken connection voids the batch, and the next store goes on",
                 "[pg_store]") {
  make_synced(1, "a");
  const auto before = backend.rows("file");
  events_page page;
  page.events = {present(50, 1, "moved")};
  page.upto = {70, 70, 70};
  SECTION("before the batch") {
    cut_connection(backend.db);
    const bool begun = store().begin().has_value();
    CHECK_FALSE((begun && store().apply_events(page)));
  }
  SECTION("within it") {
    REQUIRE(store().begin());
    REQUIRE(store().apply_events(page));
    cut_connection(backend.db);
    const auto failed_call = store().counts("file");
    REQUIRE_FALSE(failed_call);
    CHECK(failed_call.error().code == ec::database_unavailable);
  }
  SECTION("at its commit") {
    REQUIRE(store().begin());
    REQUIRE(store().apply_events(page));
    cut_connection(backend.db);
    const auto ended = store().commit();
    REQUIRE_FALSE(ended);
    CHECK((ended.error().code == ec::database_unavailable ||
           ended.error().code == ec::database_in_doubt));
  }
  backend.reopen();
  CHECK(backend.rows("file") == before);
  CHECK(in_batch([&] { return store().cursor(); }).place.xid < 70);
  in_batch([&] { return store().apply_events(page); });
  CHECK(row(1).locator == "moved");
}

// The connection is cut before the Nth call, for N = 1, 2, 3 … until it is never reached; what was
// lost is done again, as a node that starts anew would. Nothing may differ in the end.
TEST_CASE("wherever the connection is cut, the end is the same", "[pg_store]") {
  held_time time;
  std::vector<registry_row> expected;
  for (int cut_before = 0;; ++cut_before) {
    CAPTURE(cut_before);
    pg_registry registry{time};
    int calls = 0;
    const auto call = [&](const std::function<result<void>(registry_store&)>& one) {
      if (++calls == cut_before)
        cut_connection(registry.db);
      return one(registry.store());
    };
    const auto batch = [&](const std::function<result<void>(registry_store&)>& body) {
      for (;;) {
        if (call([](auto& store) { return store.begin(); }) && call(body) &&
            call([](auto& store) { return store.commit(); }))
          return;
        registry.reopen();
      }
    };
    const auto drop_value = [](const auto& got) -> result<void> {
      if (!got)
        return fail(got.error());
      return {};
    };
    const std::vector<store_type> types{{"file", "files", "/srv/a", true}};
    batch([&](auto& store) { return store.declare_types(types); });
    catalogue_page listing;
    listing.type = "file";
    listing.generation = 1;
    listing.rows = {listed(1, "a", 1), listed(2, "b", 2), listed(3, "c", 3)};
    listing.next_after = 3;
    listing.last = true;
    batch([&](auto& store) { return drop_value(store.apply_catalogue(listing)); });
    events_page page;
    page.events = {present(10, 1, "moved"), gone(11, 2), present(12, 4, "d")};
    page.upto = {5, 12, 1};
    batch([&](auto& store) { return drop_value(store.apply_events(page)); });
    batch([&](auto& store) -> result<void> {
      auto got = store.claim_due("file", 10, claim_scope::all);
      if (!got)
        return fail(got.error());
      std::vector<outcome> outcomes;
      for (const auto& one : got->claims)
        outcomes.push_back(one.wanted ? synced(one) : removed(one));
      return drop_value(store.finish(outcomes));
    });
    const auto rows = registry.rows("file");
    if (cut_before == 0)
      expected = rows;
    CHECK(rows.size() == 3);
    CHECK(rows == expected);
    if (cut_before > calls)
      break;
  }
}

TEST_CASE_METHOD(pg_fixture, "the view lists rows page by page, of all states or one",
                 "[registry_view]") {
  catalogue({listed(-5, "a"), listed(2, "b"), listed(3, "c"), listed(9, "d")});
  const auto got = claim_all();
  finish_all({synced(got.claims[0], 7, 70), failed(got.claims[1], ec::disk, 5s, "no space"),
              synced(got.claims[3])});
  auto& view = backend.view();
  const auto list = [&](std::optional<sync_state> state, record_id after, std::size_t limit) {
    return value_or_throw(view.list("file", {.state = state}, after, limit)).rows;
  };
  CHECK(records_of(list({}, record_id_before_all, 3)) == std::vector<record_id>{-5, 2, 3});
  CHECK(records_of(list({}, 3, 3)) == std::vector<record_id>{9});
  CHECK(list({}, 9, 3).empty());
  CHECK(records_of(list(sync_state::synced, record_id_before_all, 9)) ==
        std::vector<record_id>{-5, 9});
  CHECK(records_of(list(sync_state::synced, -5, 9)) == std::vector<record_id>{9});
  CHECK(list(sync_state::started, record_id_before_all, 9).empty());
  const auto failing = list(sync_state::failed, record_id_before_all, 9);
  REQUIRE(records_of(failing) == std::vector<record_id>{3});
  CHECK(failing.front() == row(3));
  CHECK(failing.front().last_sync_failure == "no space");
  CHECK(failing.front().retry_at == wall() + 5s);
}

TEST_CASE_METHOD(pg_fixture, "the view finds rows by record, and knows no unknown type",
                 "[registry_view]") {
  catalogue({listed(1, "a"), listed(2, "b"), listed(3, "c")});
  auto& view = backend.view();
  const std::vector<record_id> ids{3, 1, 3, 77};
  CHECK(records_of(value_or_throw(view.find("file", ids))) == std::vector<record_id>{1, 3});
  CHECK(value_or_throw(view.find("file", {})).empty());
  CHECK(value_or_throw(view.find("scan", ids)).empty());
  CHECK(view.find("unheard", ids).error().code == ec::not_found);
  CHECK(view.list("unheard", {}, 0, 1).error().code == ec::not_found);
}

TEST_CASE_METHOD(pg_fixture, "the view sees nothing that is not committed", "[registry_view]") {
  REQUIRE(store().begin());
  events_page page;
  page.events = {present(1, 1, "a")};
  REQUIRE(store().apply_events(page));
  CHECK(backend.rows("file").empty());
  REQUIRE(store().commit());
  CHECK(backend.rows("file").size() == 1);
}
