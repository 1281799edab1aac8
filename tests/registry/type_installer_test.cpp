// Tables that come, go and change under the triggers, in any order.

#include "tests/registry/primary_fixture.hpp"

using namespace farshore;
using namespace farshore::test;

namespace {

using lines = std::vector<std::string>;

class installer_fixture : public primary_fixture {
public:
  installer_fixture() { types = {make_type("widget", "widgets")}; }

  void create_table() { db.exec("CREATE TABLE widgets (id integer PRIMARY KEY, path text)"); }

  /// Why the type waits.
  std::string waiting() {
    const auto now = status("widget");
    CHECK(now.waiting.empty() == (now.generation > 0));
    return now.waiting;
  }
  std::int64_t generation() { return status("widget").generation; }

  /// What readers are told of the type.
  std::int64_t told_generation() { return page().types.front().generation; }

  /// The revision that the catalogue names for record 1.
  revision revision_of_1() {
    for (const auto& row : must(reader->catalogue("widget", record_id_before_all, 10)).rows)
      if (row.record == 1)
        return row.rev;
    return -1;
  }

  std::string triggers() {
    return db.query_value("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'farshore%'");
  }
};

} // namespace

TEST_CASE_METHOD(installer_fixture, "a table may come after its declaration", "[installer]") {
  CHECK(waiting() == "table \"widgets\" does not exist yet");
  CHECK(told_generation() == 0);
  CHECK(reader->catalogue("widget", 0, 10).error().code == ec::type_waiting);
  create_table();
  CHECK(generation() == 1);
  CHECK(told_generation() == 1);
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  CHECK(news() == lines{"created widget/1 a"});
}

TEST_CASE_METHOD(installer_fixture, "rows that were there before have revision 0", "[installer]") {
  create_table();
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  CHECK(generation() == 1);
  settle();
  CHECK(revision_of_1() == 0);
  CHECK(state_of("widget") == "1:0");
  CHECK(news().empty());
}

TEST_CASE_METHOD(installer_fixture, "calling again and again changes nothing", "[installer]") {
  create_table();
  CHECK(generation() == 1);
  const auto before = must(reader->bounds()).xmax;
  for (int i = 0; i < 5; ++i)
    CHECK(generation() == 1);
  CHECK(must(reader->bounds()).xmax == before); // whoever writes takes a transaction id
}

TEST_CASE_METHOD(installer_fixture,
                 "a table that is dropped is waited for, and its successor is a "
                 "new generation whose every row counts as changed",
                 "[installer]") {
  create_table();
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  CHECK(generation() == 1);
  settle();
  const auto was = newest();
  db.exec("DROP TABLE widgets");
  SECTION("noticed in between") {
    CHECK(waiting() == "table \"widgets\" does not exist yet");
    CHECK(told_generation() == 0);
    CHECK(must(store->fold(10)) == 0);
  }
  SECTION("not noticed in between") {}
  create_table();
  db.exec("INSERT INTO widgets VALUES (1, 'other')");
  CHECK(generation() == 2);
  CHECK(told_generation() == 2);
  CHECK(revision_of_1() > was);
  settle();
  CHECK(revision_of_1() > was);
  db.exec("UPDATE widgets SET path = 'b'");
  settle();
  CHECK(revision_of_1() == newest());
}

TEST_CASE_METHOD(installer_fixture, "what a former table left in the state table goes",
                 "[installer]") {
  create_table();
  db.exec("INSERT INTO widgets SELECT n, 'p' FROM generate_series(1, 20) AS n");
  install();
  settle();
  CHECK(counts_of("widget").records == 20);
  db.exec("DROP TABLE widgets");
  create_table();
  db.exec("INSERT INTO widgets SELECT n, 'p' FROM generate_series(11, 25) AS n");
  install();
  while (must(store->seed(4)))
    ;
  CHECK(counts_of("widget").records == 15);
}

TEST_CASE_METHOD(installer_fixture, "a renamed table takes no trigger of ours along",
                 "[installer]") {
  create_table();
  CHECK(generation() == 1);
  db.exec("ALTER TABLE widgets RENAME TO old_widgets");
  SECTION("and nothing stands in its place") {
    CHECK(waiting() == "table \"widgets\" does not exist yet");
    CHECK(triggers() == "0");
    db.exec("ALTER TABLE old_widgets RENAME TO widgets");
    CHECK(generation() == 2);
  }
  SECTION("and another stands in its place") {
    create_table();
    CHECK(generation() == 2);
    CHECK(triggers() == "4");
    db.exec("INSERT INTO old_widgets VALUES (1, 'a')");
    CHECK(news().empty());
  }
}

TEST_CASE_METHOD(installer_fixture,
                 "a column that is renamed never fails the application's "
                 "statements, and costs no change",
                 "[installer]") {
  create_table();
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  CHECK(generation() == 1);
  settle();
  news();
  db.exec("ALTER TABLE widgets RENAME id TO key");
  SECTION("noticed") {
    CHECK_THAT(waiting(), Catch::Contains("has no column \"id\""));
    db.exec("UPDATE widgets SET path = 'b'");
    CHECK(news().empty());
    types[0].model->primary_key = "key";
    CHECK(generation() == 2);
    CHECK(revision_of_1() > 0);
  }
  SECTION("and back before anybody looked") {
    db.exec("UPDATE widgets SET path = 'b'");
    db.exec("DELETE FROM widgets WHERE path = 'none'");
    db.exec("INSERT INTO widgets VALUES (2, 'c')");
    db.exec("ALTER TABLE widgets RENAME key TO id");
    settle();
    CHECK(generation() == 2);
    CHECK(revision_of_1() > 0);
    settle();
    CHECK(generation() == 2);
    CHECK(counts_of("widget").records == 2);
  }
}

TEST_CASE_METHOD(installer_fixture, "a key's type may change to another integer, or to text",
                 "[installer]") {
  create_table();
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  CHECK(generation() == 1);
  settle();
  db.exec("ALTER TABLE widgets ALTER id TYPE bigint");
  db.exec("INSERT INTO widgets VALUES (10000000000, 'b')");
  settle();
  CHECK(generation() == 2);
  CHECK(catalogue("widget").contains("10000000000"));
  db.exec("ALTER TABLE widgets ALTER id TYPE text");
  CHECK(status("widget").waiting == "numbering the rows of table \"widgets\"");
  settle();
  CHECK(generation() == 3);
  db.exec("INSERT INTO widgets VALUES ('x', 'c')");
  settle();
  CHECK(catalogue("widget") ==
        std::map<std::string, std::string>{{"1", "a"}, {"10000000000", "b"}, {"x", "c"}});
  CHECK(counts_of("widget").records == 3);
  CHECK(db.query_value("SELECT count(*) FROM farshore.state") == "3");
}

TEST_CASE_METHOD(installer_fixture, "text keys are ready once every row has its number",
                 "[installer]") {
  db.exec("CREATE TABLE widgets (id text PRIMARY KEY, path text)");
  db.exec("INSERT INTO widgets SELECT n, 'p' || n FROM generate_series(1, 30) AS n");
  CHECK(status("widget").generation == 0);
  CHECK(told_generation() == 0);
  int pages = 0;
  while (must(store->seed(8))) {
    CHECK(status("widget").waiting == "numbering the rows of table \"widgets\"");
    ++pages;
  }
  CHECK(pages >= 3);
  CHECK(generation() == 1);
  CHECK(told_generation() == 1);
  CHECK(catalogue("widget", 7).size() == 30);
  CHECK(counts_of("widget").records == 30);
}

TEST_CASE_METHOD(installer_fixture,
                 "events of text keys that came while the type was not ready "
                 "hold nobody up",
                 "[installer]") {
  db.exec("CREATE TABLE widgets (id text PRIMARY KEY, path text)");
  install();
  settle();
  db.exec("INSERT INTO widgets VALUES ('a', 'p')");
  db.exec("DELETE FROM widgets");
  types[0].model->available = "nonsense"; // not ready while these are folded
  install();
  while (must(store->fold(10)) > 0)
    ;
  types[0].model->available = "";
  install();
  settle();
  CHECK(generation() == 2);
  CHECK_FALSE(page().more);
  CHECK(place == must(reader->newest_place()));
}

TEST_CASE_METHOD(installer_fixture, "each mistake in a declaration has its sentence",
                 "[installer]") {
  create_table();
  db.exec("CREATE VIEW a_view AS SELECT * FROM widgets");
  db.exec("CREATE TABLE no_key (id integer, path text)");
  db.exec("CREATE TABLE some_key (id integer, path text)");
  db.exec("CREATE UNIQUE INDEX ON some_key (id) WHERE path <> ''");
  db.exec("CREATE TABLE late_key (id integer UNIQUE DEFERRABLE, path text)");
  db.exec("CREATE TABLE json_key (id jsonb PRIMARY KEY, path text)");
  db.exec("CREATE TABLE parent (id integer PRIMARY KEY, path text)");
  db.exec("CREATE TABLE child () INHERITS (parent)");
  auto& model = *types[0].model;
  const std::pair<std::string, std::string> mistakes[] = {
      {"a_view", "is a view or a foreign table"},
      {"no_key", "does not tell rows apart"},
      {"some_key", "does not tell rows apart"},
      {"late_key", "does not tell rows apart"},
      {"json_key", "is of type jsonb: a key is an integer, uuid, text or varchar column"},
      {"parent", "has inheritance children"},
      {"elsewhere.widgets", "table \"elsewhere.widgets\" does not exist yet"},
  };
  for (const auto& [declared, text] : mistakes) {
    model.table = declared;
    CHECK_THAT(waiting(), Catch::Contains(text));
    CHECK(told_generation() == 0);
  }
}

TEST_CASE_METHOD(installer_fixture,
                 "each expression that does not fit is named, with the "
                 "database's word",
                 "[installer]") {
  create_table();
  auto& model = *types[0].model;
  SECTION("unknown column") {
    model.locator = "pth";
    CHECK(waiting() == "locator does not fit table \"widgets\": column \"pth\" does not exist");
  }
  SECTION("no names but the table's columns") {
    model.locator = "farshore_record::text";
    CHECK_THAT(waiting(), Catch::Contains("column \"farshore_record\" does not exist"));
  }
  SECTION("no condition") {
    model.available = "path";
    CHECK_THAT(waiting(),
               Catch::StartsWith("available does not fit table") && Catch::Contains("boolean"));
  }
  SECTION("no number") {
    model.size = "ARRAY[1]";
    CHECK_THAT(waiting(), Catch::StartsWith("size does not fit table"));
  }
  SECTION("a function of the application's needs its schema") {
    db.exec("CREATE FUNCTION place(text) RETURNS text LANGUAGE sql IMMUTABLE AS"
            " $$SELECT 'x/' || $1$$");
    model.locator = "place(path)";
    CHECK_THAT(waiting(), Catch::Contains("with their schema"));
    model.locator = "public.place(path)";
    CHECK(waiting().empty());
    db.exec("INSERT INTO widgets VALUES (1, 'a')");
    CHECK(news() == lines{"created widget/1 x/a"});
  }
  SECTION("syntax") {
    model.locator = "path ||";
    CHECK_THAT(waiting(), Catch::Contains("syntax error"));
  }
  SECTION("a comment swallows nothing") {
    model.locator = "path -- the path";
    CHECK(waiting().empty());
  }
  CHECK(db.query_value("SELECT count(*) FROM widgets") != "NULL");
}

TEST_CASE_METHOD(installer_fixture,
                 "an expression that stops fitting stops the type, and once it "
                 "fits again every row counts as changed",
                 "[installer]") {
  create_table();
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  CHECK(generation() == 1);
  settle();
  db.exec("ALTER TABLE widgets RENAME path TO place");
  db.exec("UPDATE widgets SET place = 'b'");
  SECTION("a reader that comes first waits") {
    const auto got = page();
    CHECK(got.events.empty());
    CHECK_FALSE(got.more);
    CHECK(got.upto == event_position{});
  }
  CHECK_THAT(waiting(), Catch::Contains("column \"path\" does not exist"));
  CHECK(told_generation() == 0);
  types[0].model->locator = "place";
  CHECK(generation() == 2);
  CHECK(revision_of_1() > newest());
  CHECK(catalogue("widget").at("1") == "b");
}

TEST_CASE_METHOD(installer_fixture, "a changed declaration is a new generation", "[installer]") {
  create_table();
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  CHECK(generation() == 1);
  settle();
  types[0].model->locator = "'x/' || path";
  // The reader follows first: it must not serve by one declaration what belongs to another.
  reader->declare(types);
  CHECK(told_generation() == 0);
  CHECK(generation() == 2);
  CHECK(told_generation() == 2);
  CHECK(revision_of_1() > 0);
  CHECK(catalogue("widget").at("1") == "x/a");
}

TEST_CASE_METHOD(installer_fixture, "a type that is disabled or gone leaves no trigger",
                 "[installer]") {
  create_table();
  CHECK(generation() == 1);
  CHECK(triggers() == "4");
  SECTION("disabled") {
    types[0].enabled = false;
    CHECK(install().empty());
    CHECK(triggers() == "0");
    db.exec("INSERT INTO widgets VALUES (1, 'a')");
    CHECK(page().types.empty());
    types[0].enabled = true;
  }
  SECTION("gone") {
    const auto kept = types;
    types.clear();
    CHECK(install().empty());
    CHECK(triggers() == "0");
    types = kept;
  }
  CHECK(db.query_value("SELECT count(*) FROM pg_proc WHERE proname LIKE 'log\\_widget%'") == "0");
  CHECK(generation() == 2);
  CHECK(triggers() == "4");
}

TEST_CASE_METHOD(installer_fixture,
                 "triggers that somebody switched off are put right, and what "
                 "was missed is made up for",
                 "[installer]") {
  create_table();
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  CHECK(generation() == 1);
  settle();
  db.exec("ALTER TABLE widgets DISABLE TRIGGER ALL; UPDATE widgets SET path = 'b';"
          " ALTER TABLE widgets ENABLE TRIGGER ALL"); // as pg_restore does
  CHECK(generation() == 2);
  CHECK(revision_of_1() > 0);
  db.exec("DROP TRIGGER farshore_widget_upd ON widgets");
  CHECK(generation() == 3);
  db.exec("SET LOCAL session_replication_role = replica; UPDATE widgets SET path = 'c'");
  CHECK(news() == lines{"updated widget/1 c"});
}

TEST_CASE_METHOD(installer_fixture, "another version's functions are replaced in place",
                 "[installer]") {
  create_table();
  CHECK(generation() == 1);
  db.exec("CREATE OR REPLACE FUNCTION farshore.log_widget_ins() RETURNS trigger LANGUAGE plpgsql"
          " AS $$BEGIN RETURN NULL; END$$");
  CHECK(generation() == 1);
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  CHECK(news() == lines{"created widget/1 a"});
}

TEST_CASE_METHOD(installer_fixture,
                 "a lock that is not to be had is waited for without holding "
                 "the application up",
                 "[installer]") {
  create_table();
  pqxx::connection session{db.url()};
  {
    pqxx::work writer{session};
    writer.exec("INSERT INTO widgets VALUES (1, 'a')");
    CHECK(waiting() == "waiting for a lock on table \"widgets\"");
    CHECK(waiting() == "waiting for a lock on table \"widgets\"");
    // Statements of others go through.
    db.exec("INSERT INTO widgets VALUES (2, 'b')");
    writer.commit();
  }
  // It tries less and less often, but never gives up.
  int calls = 0;
  while (!waiting().empty() && calls < 40)
    ++calls;
  CHECK(calls < 40);
  CHECK(generation() == 1);
  settle();
  CHECK(catalogue("widget").size() == 2);
  CHECK(counts_of("widget").records == 2);
}

TEST_CASE_METHOD(installer_fixture,
                 "a table under an exclusive lock keeps a ready type ready, and "
                 "stops neither the log nor the other types for long",
                 "[installer]") {
  create_table();
  db.exec("CREATE TABLE gadgets (id integer PRIMARY KEY, path text)");
  types.push_back(make_type("gadget", "gadgets"));
  CHECK(generation() == 1);
  settle();
  db.exec("INSERT INTO gadgets VALUES (1, 'a')");
  db.exec("INSERT INTO widgets VALUES (1, 'b')");
  pqxx::connection session{db.url()};
  pqxx::work locker{session};
  locker.exec("LOCK TABLE widgets IN ACCESS EXCLUSIVE MODE");
  CHECK(generation() == 1);
  const auto got = page();
  REQUIRE(got.events.size() == 1);
  CHECK(got.events[0].type == "gadget");
  CHECK(must(store->fold(10)) == 0);
  CHECK(store->publish("widget", "1", operation::updated).error().code == ec::overloaded);
  locker.commit();
  CHECK(news() == lines{"created widget/1 b"});
  CHECK(must(store->fold(10)) == 2);
}

TEST_CASE_METHOD(installer_fixture,
                 "a table that is locked while the node starts anew is not doubted",
                 "[installer]") {
  create_table();
  CHECK(generation() == 1);
  settle();
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  REQUIRE(must(store->fold(10)) == 1);
  store = must(primary_store::open(db.url()));
  pqxx::connection session{db.url()};
  pqxx::work locker{session};
  locker.exec("LOCK TABLE widgets IN ACCESS EXCLUSIVE MODE");
  CHECK(generation() == 1);
  locker.commit();
  CHECK(generation() == 1);
  CHECK(told_generation() == 1);
}

TEST_CASE_METHOD(installer_fixture, "two types may share a table", "[installer]") {
  create_table();
  types.push_back(make_type("thumbnail", "widgets", "id", "'thumbs/' || path"));
  types[1].model->available = "path LIKE '%.jpg'";
  install();
  db.exec("INSERT INTO widgets VALUES (1, 'a.jpg'), (2, 'b')");
  auto told = news();
  std::ranges::sort(told);
  CHECK(told == lines{"created thumbnail/1 thumbs/a.jpg", "created thumbnail/2 -",
                      "created widget/1 a.jpg", "created widget/2 b"});
  types.pop_back();
  install();
  db.exec("DELETE FROM widgets WHERE id = 2");
  CHECK(news() == lines{"deleted widget/2 -"});
}

TEST_CASE_METHOD(installer_fixture, "names that look like SQL are names", "[installer]") {
  const std::string table = "Odd \"t'; DROP TABLE x; -- $1";
  const std::string key = "k\"'; \\ $$ key";
  const auto sql = [this](const std::string& name) { return db.connection().quote_name(name); };
  db.exec("CREATE TABLE x (id integer)");
  db.exec("CREATE SCHEMA " + sql("my schema"));
  db.exec("CREATE TABLE " + sql("my schema") + "." + sql(table) + " (" + sql(key) +
          " text PRIMARY KEY, path text)");
  types = {make_type("widget", "my schema." + table, key)};
  install();
  settle();
  CHECK(waiting().empty());
  const auto row = sql("my schema") + "." + sql(table);
  db.exec("INSERT INTO " + row + " VALUES ('it''s \"1\"', 'a')");
  db.exec("UPDATE " + row + " SET " + sql(key) + " = 'two'");
  settle();
  CHECK(news() == lines{"deleted widget/it's \"1\" -", "created widget/two a"});
  CHECK(must(store->publish("widget", "two", operation::updated)) > 0);
  CHECK(store->publish("widget", "two' OR true --", operation::updated).error().code ==
        ec::not_found);
  CHECK(db.query_value("SELECT count(*) FROM x") == "0");

  db.exec("DROP TABLE " + row);
  db.exec("CREATE TABLE " + row + " (" + sql(key) +
          " integer PRIMARY KEY, path text)"
          " PARTITION BY RANGE (" +
          sql(key) + ")");
  db.exec("CREATE TABLE " + sql("part \"'1") + " PARTITION OF " + row + " DEFAULT");
  CHECK(generation() == 2);
  db.exec("INSERT INTO " + row + " VALUES (1, 'a')");
  settle();
  news();
  db.exec("TRUNCATE " + sql("part \"'1"));
  CHECK(news() == lines{"deleted widget/1 -"});
}

TEST_CASE_METHOD(installer_fixture,
                 "a new partition is a new generation, but no row counts as "
                 "changed for it",
                 "[installer]") {
  db.exec("CREATE TABLE widgets (id integer PRIMARY KEY, path text) PARTITION BY RANGE (id)");
  db.exec("CREATE TABLE low PARTITION OF widgets FOR VALUES FROM (0) TO (100)");
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  CHECK(generation() == 1);
  settle();
  db.exec("CREATE TABLE high (id integer PRIMARY KEY, path text)");
  db.exec("INSERT INTO high VALUES (101, 'b')");
  db.exec("ALTER TABLE widgets ATTACH PARTITION high FOR VALUES FROM (100) TO (200)");
  CHECK(generation() == 2);
  CHECK(revision_of_1() == 0);
  settle();
  CHECK(counts_of("widget").records == 2);
  db.exec("TRUNCATE high");
  CHECK(news() == lines{"deleted widget/101 -"});
}

TEST_CASE_METHOD(installer_fixture, "a table that Farshore's user may not touch says so",
                 "[installer]") {
  create_table();
  db.exec("CREATE ROLE modest_node LOGIN; GRANT CREATE ON DATABASE " +
          db.query_value("SELECT current_database()") +
          " TO modest_node;"
          " DROP SCHEMA farshore CASCADE");
  auto url = db.url();
  url.replace(url.find("farshore@"), 9, "modest_node@");
  {
    auto modest = must(primary_store::open(url));
    auto now = must(modest->install(types));
    CHECK_THAT(now[0].waiting, Catch::Contains("permission denied for table widgets"));
    // To read is not enough: only its owner may put triggers in place that always fire.
    db.exec("GRANT SELECT ON widgets TO modest_node");
    now = must(modest->install(types));
    CHECK(now[0].generation == 0);
    CHECK_THAT(now[0].waiting, Catch::Contains("table \"widgets\" takes no triggers"));
    db.exec("ALTER TABLE widgets OWNER TO modest_node");
    for (int i = 0; i < 40 && now[0].generation == 0; ++i)
      now = must(modest->install(types));
    CHECK(now[0].generation == 1);
  }
  db.exec("DROP OWNED BY modest_node; DROP ROLE modest_node");
}
