// A healthy secondary's rows digest as its primary's catalogue does: both on PostgreSQL, with all
// kinds of keys, locators and revisions. And what it costs at a million rows.

#include "registry/catalogue_digest.hpp"
#include "tests/registry/pg_registry.hpp"
#include "tests/registry/primary_fixture.hpp"
#include "tests/registry/registry_fixture.hpp"

#include <map>

using namespace farshore;
using namespace farshore::test;

namespace {

/// A primary, and a registry that reads its catalogue and its log.
struct pair_fixture {
  primary_fixture primary;
  held_time time;
  pg_registry registry{time};

  template <class Call>
  auto in_batch(Call call) {
    must(registry.store().begin());
    auto got = must(call());
    must(registry.store().commit());
    return got;
  }
  void declare() {
    std::vector<store_type> types;
    for (const auto& type : primary.types)
      types.push_back({type.name, type.name + "s", "/srv/" + type.name, true});
    must(registry.store().begin());
    must(registry.store().declare_types(types));
    must(registry.store().commit());
  }
  void read_catalogue(const std::string& type) {
    record_id after = record_id_before_all;
    for (bool last = false; !last;) {
      auto page = must(primary.reader->catalogue(type, after, 7));
      page.after = after;
      after = page.next_after;
      last = page.last;
      in_batch([&] { return registry.store().apply_catalogue(page); });
    }
  }
  /// The primary folds first, then the secondary reads; as both do all the time.
  void read_log() {
    primary.settle();
    for (bool more = true; more;) {
      const auto page = primary.page(5);
      more = page.more;
      in_batch([&] { return registry.store().apply_events(page); });
    }
  }

  record_digest there(const std::string& type) {
    const auto page = must(digest_catalogue(
        [&](auto after, auto limit) { return primary.reader->catalogue(type, after, limit); },
        {type, 10, {{}}}));
    record_digest all;
    for (const auto& slice : page.ranges.at(0))
      all += slice.digest;
    return all;
  }
  record_digest here(const std::string& type) {
    held_request asked;
    asked.type = type;
    asked.bounds = {INT64_MAX};
    asked.rows_max = 1'000'000;
    return in_batch([&] { return registry.store().digests(asked); }).slices.at(0);
  }

  void same(const std::string& type, std::int64_t records) {
    INFO(type);
    const auto expected = there(type);
    CHECK(expected.records == records);
    CHECK(here(type) == expected);
  }
};

} // namespace

TEST_CASE_METHOD(pair_fixture, "healthy sites digest alike, whatever the keys and locators",
                 "[compare]") {
  auto& db = primary.db;
  db.exec("CREATE TABLE widgets (id bigint PRIMARY KEY, path text, ready boolean DEFAULT true);"
          "CREATE TABLE papers (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), path bytea);"
          "CREATE TABLE notes (id text PRIMARY KEY, path text);"
          // Older than the first event of their types.
          "INSERT INTO widgets SELECT i, 'w/' || i FROM generate_series(-5, 20) i;"
          "INSERT INTO papers (path) SELECT decode('61ff00ff20', 'hex') || i::text::bytea"
          " FROM generate_series(1, 9) i;"
          "INSERT INTO notes SELECT 'key ' || i, 'ä ö%/' || i FROM generate_series(1, 9) i");
  auto widget = make_type("widget", "widgets");
  widget.model->available = "ready";
  primary.ready({widget, make_type("paper", "papers"), make_type("note", "notes")});
  primary.place = must(primary.reader->folded_place());
  declare();
  for (const auto* type : {"widget", "paper", "note"})
    read_catalogue(type);
  same("widget", 26);
  same("paper", 9);
  same("note", 9);

  SECTION("after changes, with and without events of a record") {
    db.exec("UPDATE widgets SET path = 'moved/' || id WHERE id % 3 = 0;"
            "DELETE FROM widgets WHERE id > 17;"
            "UPDATE widgets SET ready = false WHERE id = 1;"
            "INSERT INTO widgets VALUES (100, 'new', true), (101, 'not yet', false);"
            "INSERT INTO papers (path) VALUES ('\\x0102'::bytea);"
            "UPDATE notes SET path = 'x' WHERE id = 'key 3'; DELETE FROM notes WHERE id = 'key 4'");
    read_log();
    same("widget", 23);
    same("paper", 10);
    same("note", 8);
    db.exec("UPDATE widgets SET ready = true WHERE id IN (1, 101)");
    read_log();
    same("widget", 25);
  }
  SECTION("with checksums that are known, of some") {
    db.exec("UPDATE widgets SET path = path WHERE id IN (2, 3)");
    read_log();
    // As the primary's verification leaves it, and tells of it.
    db.exec("INSERT INTO farshore.state (type_id, record_id, revision)"
            " SELECT type_id, 5, 0 FROM farshore.replicable_type WHERE name = 'widget'"
            " ON CONFLICT DO NOTHING");
    db.exec("UPDATE farshore.state SET verification_state = 2,"
            " verification_checksum = sha256(record_id::text::bytea)"
            " WHERE record_id IN (2, 5) AND type_id ="
            " (SELECT type_id FROM farshore.replicable_type WHERE name = 'widget')");
    CHECK(here("widget") != there("widget"));
    for (const auto* key : {"2", "5"})
      must(primary.store->publish("widget", key, operation::checksum_succeeded));
    read_log();
    same("widget", 26);
    CHECK(db.query_value("SELECT count(*)::text FROM farshore.state"
                         " WHERE verification_checksum IS NOT NULL") == "2");
  }
  SECTION("after the triggers were made anew, and the generation with them") {
    primary.types[0].model->locator = "'new/' || path";
    primary.install();
    primary.settle();
    CHECK(here("widget") != there("widget"));
    read_catalogue("widget");
    same("widget", 26);
  }
  SECTION("damage does not") {
    const auto before = here("widget");
    const auto damage = GENERATE("DELETE FROM farshore.widget_registry WHERE record_id = 3",
                                 "UPDATE farshore.widget_registry SET locator = 'other'"
                                 " WHERE record_id = 3",
                                 "UPDATE farshore.widget_registry SET target_revision = 1000000"
                                 " WHERE record_id = 3",
                                 "UPDATE farshore.widget_registry SET primary_checksum = '\\x"
                                 "0101010101010101010101010101010101010101010101010101010101010101'"
                                 " WHERE record_id = 3");
    INFO(damage);
    registry.db.exec(damage);
    CHECK(here("widget") != before);
  }
}

TEST_CASE_METHOD(pair_fixture, "a row whose own data fail an expression is digested on both sides",
                 "[compare]") {
  primary.db.exec("CREATE TABLE widgets (id bigint PRIMARY KEY, part integer);"
                  "INSERT INTO widgets SELECT i, i FROM generate_series(0, 9) i");
  primary.ready({make_type("widget", "widgets", "id", "(100 / part)::text")});
  declare();
  read_catalogue("widget");
  same("widget", 10);
}
