// From a statement of the application's to what a secondary is told.

#include "tests/registry/primary_fixture.hpp"

using namespace farshore;
using namespace farshore::test;

namespace {

using lines = std::vector<std::string>;

class widgets_fixture : public primary_fixture {
public:
  widgets_fixture() {
    db.exec("CREATE TABLE widgets (id integer PRIMARY KEY, path text, ready boolean DEFAULT true,"
            " bytes bigint)");
    auto type = make_type("widget", "widgets");
    type.model->available = "ready";
    type.model->size = "bytes";
    ready({type});
  }
};

} // namespace

TEST_CASE_METHOD(widgets_fixture, "each change is told with the row as it is now", "[events]") {
  db.exec("INSERT INTO widgets (id, path, bytes) VALUES (1, 'a/b c.txt', 12), (2, 'd', NULL)");
  auto got = page();
  REQUIRE(got.events.size() == 2);
  CHECK(got.events[0].type == "widget");
  CHECK(got.events[0].op == operation::created);
  CHECK(got.events[0].record == 1);
  CHECK(got.events[0].key == "1");
  CHECK(got.events[0].present);
  CHECK(got.events[0].locator == "a/b%20c.txt");
  CHECK(got.events[0].size == 12u);
  CHECK(got.events[1].size == std::nullopt);
  CHECK_FALSE(got.events[0].sum);
  CHECK(got.events[0].id < got.events[1].id);
  CHECK_FALSE(got.more);

  db.exec("UPDATE widgets SET path = 'new' WHERE id = 1");
  db.exec("DELETE FROM widgets WHERE id = 2");
  CHECK(news() == lines{"updated widget/1 new", "deleted widget/2 -"});
  CHECK(news().empty());
}

TEST_CASE_METHOD(primary_fixture, "what a repository shares objects with is told with its row",
                 "[events]") {
  db.exec("CREATE TABLE projects (id integer PRIMARY KEY, path text, pool bytea)");
  auto type = make_type("project", "projects");
  type.strategy = "repository";
  type.model->pool = "pool";
  ready({type});
  db.exec("INSERT INTO projects VALUES (1, 'pool.git', NULL), (2, 'fork.git', 'a b/pool.git')");
  const auto told = page();
  REQUIRE(told.events.size() == 2);
  CHECK(told.events[0].pool.empty());
  CHECK(told.events[1].pool == "a%20b/pool.git");
  const auto listed = must(reader->catalogue("project", record_id_before_all, 10, {}));
  REQUIRE(listed.rows.size() == 2);
  CHECK(listed.rows[0].pool.empty());
  CHECK(listed.rows[1].pool == "a%20b/pool.git");
}

TEST_CASE_METHOD(widgets_fixture, "a statement that touches no row tells nothing", "[events]") {
  db.exec("UPDATE widgets SET path = 'x'");
  db.exec("DELETE FROM widgets");
  db.exec("INSERT INTO widgets SELECT 1, 'x' WHERE false");
  CHECK(news().empty());
}

TEST_CASE_METHOD(widgets_fixture, "a rolled back transaction tells nothing", "[events]") {
  {
    pqxx::work tx{db.connection()};
    tx.exec("INSERT INTO widgets VALUES (1, 'a')");
  }
  {
    pqxx::work tx{db.connection()};
    tx.exec("SAVEPOINT s; INSERT INTO widgets VALUES (2, 'b'); ROLLBACK TO s");
    tx.exec("INSERT INTO widgets VALUES (3, 'c')");
    tx.commit();
  }
  CHECK(news() == lines{"created widget/3 c"});
}

TEST_CASE_METHOD(widgets_fixture, "of a record only its newest event is told in a page",
                 "[events]") {
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  db.exec("INSERT INTO widgets VALUES (2, 'b')");
  db.exec("UPDATE widgets SET path = 'aa' WHERE id = 1");
  const auto got = page();
  REQUIRE(got.events.size() == 2);
  CHECK(got.events[0].record == 2);
  CHECK(got.events[1].record == 1);
  CHECK(got.events[1].op == operation::updated);
  CHECK(got.events[1].id == newest());
}

TEST_CASE_METHOD(widgets_fixture, "a changed key is a record gone and another come", "[events]") {
  db.exec("INSERT INTO widgets VALUES (1, 'a'), (2, 'b'), (3, 'c')");
  news();
  db.exec("UPDATE widgets SET id = 10 WHERE id = 1");
  auto told = news();
  std::ranges::sort(told);
  CHECK(told == lines{"created widget/10 a", "deleted widget/1 -"});

  db.exec("UPDATE widgets SET id = id + 1 WHERE id = 3");
  db.exec("UPDATE widgets SET id = id + 1 WHERE id IN (4)");
  told = news();
  std::ranges::sort(told);
  CHECK(told == lines{"created widget/5 c", "deleted widget/3 -", "deleted widget/4 -"});
  settle();
  CHECK(counts_of("widget").records == 3);
}

TEST_CASE_METHOD(widgets_fixture, "every way to write rows is told", "[events]") {
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  news();
  db.exec("INSERT INTO widgets VALUES (1, 'a2'), (2, 'b') ON CONFLICT (id) DO UPDATE"
          " SET path = excluded.path");
  auto told = news();
  std::ranges::sort(told);
  CHECK(told == lines{"created widget/2 b", "updated widget/1 a2"});
  {
    pqxx::work tx{db.connection()};
    pqxx::stream_to copy{tx, "widgets", std::vector<std::string>{"id", "path"}};
    copy << std::make_tuple(3, "c");
    copy.complete();
    tx.commit();
  }
  CHECK(news() == lines{"created widget/3 c"});
  db.exec("MERGE INTO widgets w USING (VALUES (2), (4)) v(id) ON w.id = v.id"
          " WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'd')");
  told = news();
  std::ranges::sort(told);
  CHECK(told == lines{"created widget/4 d", "deleted widget/2 -"});
  db.exec("WITH gone AS (DELETE FROM widgets WHERE id = 4 RETURNING id)"
          " INSERT INTO widgets SELECT id + 10, 'moved' FROM gone");
  told = news();
  std::ranges::sort(told);
  CHECK(told == lines{"created widget/14 moved", "deleted widget/4 -"});
}

TEST_CASE_METHOD(primary_fixture, "rows that a foreign key takes along are told", "[events]") {
  db.exec("CREATE TABLE owners (id integer PRIMARY KEY)");
  db.exec("CREATE TABLE widgets (id integer PRIMARY KEY, path text,"
          " owner integer REFERENCES owners ON DELETE CASCADE)");
  ready({make_type("widget", "widgets")});
  db.exec("INSERT INTO owners VALUES (1); INSERT INTO widgets VALUES (7, 'a', 1)");
  news();
  db.exec("DELETE FROM owners");
  CHECK(news() == lines{"deleted widget/7 -"});
}

TEST_CASE_METHOD(widgets_fixture, "truncate is one event that names no record", "[events]") {
  db.exec("INSERT INTO widgets VALUES (1, 'a'), (2, 'b')");
  settle();
  CHECK(counts_of("widget").records == 2);
  news();
  {
    pqxx::work tx{db.connection()};
    tx.exec("TRUNCATE widgets");
    tx.exec("INSERT INTO widgets VALUES (3, 'c')");
    tx.commit();
  }
  const auto got = page();
  REQUIRE(got.events.size() == 2);
  CHECK(got.events[0].op == operation::truncated);
  CHECK_FALSE(got.events[0].present);
  CHECK(got.events[1].record == 3);
  CHECK(got.events[0].id < got.events[1].id);
  settle();
  CHECK(state_of("widget") == "3:" + std::to_string(newest()));
  CHECK(counts_of("widget").records == 1);
}

TEST_CASE_METHOD(widgets_fixture, "a session that plays a replica is told of all the same",
                 "[events]") {
  db.exec("SET LOCAL session_replication_role = replica; INSERT INTO widgets VALUES (1, 'a');"
          " UPDATE widgets SET path = 'b'");
  CHECK(news() == lines{"updated widget/1 b"});
  db.exec("SET LOCAL session_replication_role = replica; TRUNCATE widgets");
  CHECK(news() == lines{"truncated widget/ -"});
}

TEST_CASE_METHOD(widgets_fixture, "what is out of scope or has no locator is told as absent",
                 "[events]") {
  db.exec("INSERT INTO widgets VALUES (1, 'a', false), (2, NULL, true), (3, 'c', NULL),"
          " (4, 'd', true)");
  CHECK(news() == lines{"created widget/1 -", "created widget/2 -", "created widget/3 -",
                        "created widget/4 d"});
  db.exec("UPDATE widgets SET ready = true WHERE id = 1");
  CHECK(news() == lines{"updated widget/1 a"});
  CHECK(catalogue("widget") == std::map<std::string, std::string>{{"1", "a"}, {"4", "d"}});
}

TEST_CASE_METHOD(primary_fixture, "a locator of bytes is told byte for byte", "[events]") {
  db.exec("CREATE TABLE widgets (id bigint PRIMARY KEY, path bytea)");
  ready({make_type("widget", "widgets")});
  db.exec("INSERT INTO widgets VALUES (1, '\\x61ff2f0a')");
  CHECK(news() == lines{"created widget/1 a%FF/%0A"});
  CHECK(catalogue("widget").at("1") == "a%FF/%0A");
  const record_id ids[] = {1};
  CHECK(must(reader->resolve("widget", ids)).front().locator == "a%FF/%0A");
}

TEST_CASE_METHOD(primary_fixture,
                 "a locator of text is told in UTF-8, whatever the database's "
                 "encoding",
                 "[events]") {
  db.exec("CREATE TABLE widgets (id bigint PRIMARY KEY, path text)");
  ready({make_type("widget", "widgets", "id", "'x/' || path")});
  db.exec("INSERT INTO widgets VALUES (1, U&'\\00FC')");
  CHECK(news() == lines{"created widget/1 x/%C3%BC"});
}

TEST_CASE_METHOD(primary_fixture,
                 "a row whose expression fails is told without a locator, and the "
                 "others as ever",
                 "[events]") {
  db.exec("CREATE TABLE widgets (id bigint PRIMARY KEY, part integer)");
  ready({make_type("widget", "widgets", "id", "(100 / part)::text")});
  db.exec("INSERT INTO widgets SELECT n, n % 7 FROM generate_series(1, 50) AS n");
  const auto got = page();
  REQUIRE(got.events.size() == 50);
  for (const auto& event : got.events) {
    CHECK(event.present);
    CHECK(event.locator == (event.record % 7 == 0 ? "" : std::to_string(100 / (event.record % 7))));
  }
  const auto rows = catalogue("widget");
  CHECK(rows.size() == 50);
  CHECK(rows.at("14").empty());
  CHECK(rows.at("15") == "100");
  const record_id ids[] = {14, 15, 51};
  const auto resolved = must(reader->resolve("widget", ids));
  CHECK(resolved[0].present);
  CHECK(resolved[0].locator.empty());
  CHECK(resolved[1].locator == "100");
  CHECK_FALSE(resolved[2].present);
}

TEST_CASE_METHOD(primary_fixture, "uuid and text keys get record ids that stay", "[events]") {
  db.exec("CREATE TABLE widgets (id uuid PRIMARY KEY, path text)");
  db.exec("CREATE TABLE notes (name varchar(80) PRIMARY KEY, path text)");
  ready({make_type("widget", "widgets"), make_type("note", "notes", "name")});
  const std::string uuid = "0190d0e8-0000-7000-8000-000000000001";
  const std::string odd = R"(a "b\, {c}' NULL)";
  db.exec("INSERT INTO widgets VALUES ('" + uuid + "', 'w')");
  db.exec("INSERT INTO notes VALUES (" + db.connection().quote(odd) +
          ", 'n'), ('NULL', 'm'), ('', 'e')");
  settle();
  const auto got = page();
  REQUIRE(got.events.size() == 4);
  CHECK(got.events[0].key == uuid);
  CHECK(got.events[0].locator == "w");
  const auto number = got.events[0].record;
  CHECK(number > 0);
  CHECK(got.events[1].key == odd);
  CHECK(got.events[1].locator == "n");
  CHECK(got.events[2].key == "NULL");
  CHECK(got.events[2].locator == "m");
  CHECK(got.events[3].key.empty());
  CHECK(got.events[3].locator == "e");

  db.exec("DELETE FROM widgets");
  db.exec("INSERT INTO widgets VALUES ('" + uuid + "', 'w2')");
  db.exec("UPDATE notes SET name = 'other' WHERE name = 'NULL'");
  settle();
  const auto later = page();
  REQUIRE(later.events.size() == 3);
  CHECK(later.events[0].record == number);
  CHECK(later.events[0].locator == "w2");
  const record_id ids[] = {number, 4711};
  const auto resolved = must(reader->resolve("widget", ids));
  CHECK(resolved[0].locator == "w2");
  CHECK_FALSE(resolved[1].present);
  CHECK(catalogue("note") ==
        std::map<std::string, std::string>{{"", "e"}, {odd, "n"}, {"other", "m"}});
  CHECK(counts_of("widget").records == 1);
  CHECK(counts_of("note").records == 3);
}

TEST_CASE_METHOD(primary_fixture, "a page ends before a record that has no number yet",
                 "[events]") {
  db.exec("CREATE TABLE widgets (id integer PRIMARY KEY, path text)");
  db.exec("CREATE TABLE notes (name text PRIMARY KEY, path text)");
  ready({make_type("widget", "widgets"), make_type("note", "notes", "name")});
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  db.exec("INSERT INTO notes VALUES ('n', 'b')");
  db.exec("INSERT INTO widgets VALUES (2, 'c')");
  auto got = page();
  CHECK(got.events.size() == 1);
  CHECK(got.more);
  got = page();
  CHECK(got.events.empty());
  CHECK_FALSE(got.more);
  const auto xid = std::stoull(db.query_value("SELECT max(xid::text) FROM farshore.event_log"
                                              " WHERE key = 'n'"));
  CHECK(got.covered_xid == xid);
  settle();
  CHECK(news() == lines{"created note/n b", "created widget/2 c"});
}

TEST_CASE_METHOD(widgets_fixture, "a page is bounded by its limit and says so", "[events]") {
  db.exec("INSERT INTO widgets SELECT n, 'p' || n FROM generate_series(1, 10) AS n");
  db.exec("INSERT INTO widgets VALUES (11, 'p11')");
  auto got = page(4);
  CHECK(got.events.size() == 4);
  CHECK(got.more);
  // Of a transaction that is only half told, nothing may be taken as covered.
  CHECK(got.covered_xid == got.upto.xid);
  got = page(7);
  CHECK(got.events.size() == 7);
  got = page(7);
  CHECK(got.events.empty());
  CHECK_FALSE(got.more);
  CHECK(got.covered_xid == must(reader->bounds()).xmin);
  CHECK(got.covered_xid > got.upto.xid);
}

TEST_CASE_METHOD(widgets_fixture,
                 "nothing is told, nor counted as covered, beyond the oldest open "
                 "transaction",
                 "[events]") {
  pqxx::connection slow{db.url()};
  pqxx::work open{slow};
  const auto xid = open.exec1("SELECT pg_current_xact_id()::text")[0].as<std::uint64_t>();
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  auto got = page();
  CHECK(got.events.empty());
  CHECK(got.covered_xid == xid);
  CHECK_FALSE(got.more);
  const auto standing = must(reader->bounds());
  CHECK(standing.xmin == xid);
  CHECK(standing.xmax > xid);
  CHECK(must(reader->newest_place()) == event_position{});
  open.abort();
  CHECK(news() == lines{"created widget/1 a"});
  CHECK(must(reader->newest_place()) == place);
}

TEST_CASE_METHOD(widgets_fixture,
                 "a late delete of an early transaction wins over the create of a "
                 "later one",
                 "[events]") {
  pqxx::connection first_session{db.url()};
  pqxx::work first{first_session};
  first.exec("SELECT pg_current_xact_id()");
  db.exec("INSERT INTO widgets VALUES (7, 'a')");
  first.exec("DELETE FROM widgets WHERE id = 7");
  first.commit();

  SECTION("in one page") {
    const auto got = page();
    REQUIRE(got.events.size() == 1);
    CHECK(got.events[0].op == operation::deleted);
    CHECK_FALSE(got.events[0].present);
    CHECK(got.events[0].id == newest());
    settle();
  }
  SECTION("in pages of their own, the later create first seen last") {
    const auto one = page(1);
    const auto two = page(1);
    REQUIRE(one.events.size() == 1);
    REQUIRE(two.events.size() == 1);
    CHECK(one.events[0].op == operation::deleted);
    CHECK(two.events[0].op == operation::created);
    CHECK(one.events[0].id > two.events[0].id);
    CHECK_FALSE(two.events[0].present);
    CHECK(must(store->fold(1)) == 1);
    CHECK(must(store->fold(1)) == 1);
  }
  CHECK(state_of("widget").empty());
  CHECK(counts_of("widget").records == 0);
}

TEST_CASE_METHOD(widgets_fixture,
                 "the order of transactions is by number, also where their ids "
                 "grow by a digit",
                 "[events]") {
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  const auto digits = std::to_string(must(reader->bounds()).xmax).size();
  {
    pqxx::nontransaction tx{db.connection()};
    tx.exec("DO $$ BEGIN WHILE length(pg_current_xact_id()::text) <= " + std::to_string(digits) +
            " LOOP COMMIT; END LOOP; END $$");
  }
  db.exec("INSERT INTO widgets VALUES (2, 'b')");
  CHECK(must(store->fold(1)) == 1);
  CHECK(counts_of("widget").records == 1);
  CHECK(page(1).events.front().record == 1);
  CHECK(page(1).events.front().record == 2);
  CHECK(must(reader->newest_place()) == place);
}

TEST_CASE_METHOD(widgets_fixture, "a place that the log never held is not known", "[events]") {
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  const auto got = page();
  auto other = got.upto;
  ++other.token;
  auto refused = reader->events(other, 10);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ec::position_unknown);
  other = got.upto;
  ++other.id;
  CHECK(reader->events(other, 10).error().code == ec::position_unknown);
  CHECK(reader->events(got.upto, 10));
  CHECK(must(reader->events({}, 10)).events.size() == 1);
}

TEST_CASE_METHOD(primary_fixture, "whoever may write the table needs no right of Farshore's",
                 "[events]") {
  db.exec("CREATE TABLE widgets (id integer PRIMARY KEY, path text)");
  ready({make_type("widget", "widgets")});
  db.exec("CREATE ROLE guest_of_events; GRANT ALL ON widgets TO guest_of_events");
  // A path of the guest's own making leads the trigger nowhere.
  db.exec("CREATE SCHEMA evil AUTHORIZATION guest_of_events; SET LOCAL ROLE guest_of_events;"
          " SET LOCAL search_path = evil, public;"
          " CREATE TABLE evil.event_log (type_id int, operation int, record_id bigint);"
          " CREATE TABLE evil.farshore_new (id integer);"
          " INSERT INTO widgets VALUES (1, 'a'); UPDATE widgets SET path = 'b';"
          " DELETE FROM widgets; TRUNCATE widgets");
  CHECK(db.query_value("SELECT count(*) FROM farshore.event_log") == "4");
  CHECK(db.query_value("SELECT count(*) FROM evil.event_log") == "0");
  CHECK_THROWS_AS(db.exec("SET LOCAL ROLE guest_of_events; INSERT INTO farshore.event_log"
                          " (type_id, operation) VALUES (1, 4)"),
                  pqxx::insufficient_privilege);
  CHECK_THROWS_AS(db.exec("SET LOCAL ROLE guest_of_events; CREATE TRIGGER mine AFTER TRUNCATE ON"
                          " evil.event_log EXECUTE FUNCTION farshore.log_widget_tru()"),
                  pqxx::insufficient_privilege);
  db.exec("DROP OWNED BY guest_of_events; DROP ROLE guest_of_events");
}

TEST_CASE_METHOD(primary_fixture, "a partitioned table is told of by whichever name it is written",
                 "[events]") {
  db.exec("CREATE TABLE widgets (id integer PRIMARY KEY, path text) PARTITION BY RANGE (id)");
  db.exec("CREATE TABLE low PARTITION OF widgets FOR VALUES FROM (0) TO (100)");
  db.exec("CREATE TABLE high PARTITION OF widgets FOR VALUES FROM (100) TO (200)");
  ready({make_type("widget", "widgets")});
  db.exec("INSERT INTO widgets VALUES (1, 'a'), (101, 'b')");
  db.exec("INSERT INTO low VALUES (2, 'c')");
  db.exec("SET LOCAL session_replication_role = replica; UPDATE high SET path = 'bb'");
  CHECK(news() == lines{"created widget/1 a", "created widget/2 c", "updated widget/101 bb"});
  db.exec("UPDATE widgets SET id = 150 WHERE id = 1"); // moves to the other partition
  CHECK(news() == lines{"deleted widget/1 -", "created widget/150 a"});
  db.exec("TRUNCATE high");
  auto told = news();
  std::ranges::sort(told);
  CHECK(told == lines{"deleted widget/101 -", "deleted widget/150 -"});
  settle();
  CHECK(counts_of("widget").records == 1);
  db.exec("TRUNCATE widgets");
  CHECK_FALSE(news().empty());
  settle();
  CHECK(counts_of("widget").records == 0);
}

TEST_CASE_METHOD(primary_fixture,
                 "a partition, or an inheritance child, is told of by its "
                 "parent's name too",
                 "[events]") {
  db.exec("CREATE TABLE all_widgets (id integer, path text) PARTITION BY LIST (id)");
  db.exec("CREATE TABLE widgets PARTITION OF all_widgets (PRIMARY KEY (id)) DEFAULT");
  db.exec("CREATE TABLE base (id integer, path text)");
  db.exec("CREATE TABLE child (PRIMARY KEY (id)) INHERITS (base)");
  ready({make_type("widget", "widgets"), make_type("child", "child")});
  db.exec("INSERT INTO all_widgets VALUES (1, 'a')");
  db.exec("INSERT INTO child VALUES (2, 'b')");
  CHECK(news() == lines{"created widget/1 a", "created child/2 b"});
  db.exec("UPDATE all_widgets SET path = 'c'");
  db.exec("UPDATE base SET path = 'd'");
  CHECK(news() == lines{"updated widget/1 c", "updated child/2 d"});
  db.exec("TRUNCATE all_widgets");
  CHECK(news() == lines{"truncated widget/ -"});
}

TEST_CASE_METHOD(primary_fixture, "a transaction that holds everything back is named", "[events]") {
  using namespace std::chrono_literals;
  CHECK_FALSE(must(reader->blocker(0s)));
  pqxx::connection slow{db.url()};
  pqxx::work open{slow};
  open.exec("SELECT pg_current_xact_id()");
  const auto pid = open.exec1("SELECT pg_backend_pid()")[0].as<std::int32_t>();
  const auto found = must(reader->blocker(0s));
  REQUIRE(found);
  CHECK(found->pid == pid);
  CHECK_FALSE(must(reader->blocker(1h)));
}

TEST_CASE_METHOD(primary_fixture, "a database keeps its identity, and no other has it",
                 "[events]") {
  const auto own = must(reader->identity());
  CHECK(own == must(must(primary_reader::open(db.url()))->identity()));
  primary_fixture other;
  CHECK(must(other.reader->identity()) != own);
  db.exec("DROP SCHEMA farshore CASCADE");
  store = must(primary_store::open(db.url()));
  CHECK(must(reader->identity()) != own);
}

TEST_CASE_METHOD(widgets_fixture,
                 "the catalogue lists what is available, page by page, with what "
                 "the state table knows",
                 "[catalogue]") {
  db.exec("INSERT INTO widgets SELECT n, 'p' || n, n % 2 = 0, n FROM generate_series(-5, 20) AS n");
  settle();
  auto got = must(reader->catalogue("widget", record_id_before_all, 10));
  CHECK(got.type == "widget");
  CHECK(got.generation == 1);
  REQUIRE(got.rows.size() == 5);
  CHECK(got.rows[0].record == -4);
  CHECK(got.rows[0].rev > 0);
  CHECK_FALSE(got.rows[0].size); // a size can't be negative
  CHECK(got.rows[4].size == 4u);
  CHECK(got.next_after == 4);
  CHECK_FALSE(got.last);
  got = must(reader->catalogue("widget", got.next_after, 16));
  CHECK(got.next_after == 20);
  CHECK_FALSE(got.last);
  got = must(reader->catalogue("widget", got.next_after, 10));
  CHECK(got.rows.empty());
  CHECK(got.next_after == 20);
  CHECK(got.last);
}

TEST_CASE_METHOD(widgets_fixture, "the primary's checksum is told while it is of this revision",
                 "[catalogue]") {
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  settle();
  db.exec("UPDATE farshore.state SET verification_state = 2,"
          " verification_checksum = decode(repeat('ab', 32), 'hex')");
  CHECK(counts_of("widget").checksummed == 1);
  checksum sum;
  sum.fill(0xab);
  CHECK(page().events.front().sum == sum);
  CHECK(must(reader->catalogue("widget", 0, 10)).rows.front().sum == sum);
  db.exec("UPDATE widgets SET path = 'b'");
  CHECK_FALSE(page().events.front().sum);
  settle();
  CHECK_FALSE(must(reader->catalogue("widget", 0, 10)).rows.front().sum);
  CHECK(counts_of("widget").checksummed == 0);
  CHECK(counts_of("widget").records == 1);
}

TEST_CASE_METHOD(primary_fixture, "what lies at a locator is found, where it may be had",
                 "[catalogue]") {
  db.exec(
      "CREATE TABLE widgets (id bigint PRIMARY KEY, path text, ready boolean);"
      "CREATE TABLE papers (id uuid PRIMARY KEY, path bytea);"
      "INSERT INTO widgets VALUES (1, 'a.git', true), (2, 'b.git', false), (3, 'c d.git', true);"
      "INSERT INTO papers VALUES ('00000000-0000-0000-0000-000000000001', '\\x61ff')");
  auto widget = make_type("widget", "widgets");
  widget.model->available = "ready";
  ready({widget, make_type("paper", "papers")});
  using key = std::optional<std::string>;
  CHECK(must(reader->key_at("widget", "a.git")) == key{"1"});
  CHECK(must(reader->key_at("widget", "c%20d.git")) == key{"3"});
  CHECK(must(reader->key_at("widget", "b.git")) == key{});
  CHECK(must(reader->key_at("widget", "x%27%20OR%20true%20--")) == key{});
  CHECK(must(reader->key_at("widget", "%FF")) == key{}); // no text of this database
  CHECK(must(reader->key_at("paper", "a%FF")) == key{"00000000-0000-0000-0000-000000000001"});
  CHECK(reader->key_at("nothing", "a.git").error().code == ec::not_found);
}

TEST_CASE_METHOD(widgets_fixture, "an unknown type is not found", "[catalogue]") {
  CHECK(reader->catalogue("gadget", 0, 10).error().code == ec::not_found);
  const record_id ids[] = {1};
  CHECK(reader->resolve("gadget", ids).error().code == ec::not_found);
}

TEST_CASE_METHOD(widgets_fixture, "a server that goes away is unavailable, not wrong", "[events]") {
  db.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
          " WHERE application_name LIKE 'farshore primary%' AND datname = current_database()");
  CHECK(reader->events({}, 10).error().code == ec::database_unavailable);
  CHECK(store->fold(10).error().code == ec::database_unavailable);
}
