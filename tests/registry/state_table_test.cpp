// What the primary knows of its records, kept level with the log.

#include "tests/registry/primary_fixture.hpp"

using namespace farshore;
using namespace farshore::test;

namespace {

class state_fixture : public primary_fixture {
public:
  state_fixture() {
    db.exec("CREATE TABLE widgets (id integer PRIMARY KEY, path text)");
    db.exec("CREATE TABLE notes (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), path text)");
  }

  void ready_both() { ready({make_type("widget", "widgets"), make_type("note", "notes")}); }

  /// Kept counts against counted ones.
  void check_counts() {
    for (const auto& kept : must(store->counts())) {
      const auto counted = [&](const std::string& condition) {
        return std::stoll(
            db.query_value("SELECT count(*) FROM farshore.state JOIN"
                           " farshore.replicable_type USING (type_id) WHERE name = '" +
                           kept.type + "' AND " + condition));
      };
      CHECK(kept.records == counted("true"));
      CHECK(kept.checksummed == counted("verification_state = 2"));
      CHECK(kept.checksum_failed == counted("verification_state = 3"));
    }
  }
};

} // namespace

TEST_CASE_METHOD(state_fixture, "a row has a state row of its newest event", "[state]") {
  ready_both();
  db.exec("INSERT INTO widgets VALUES (1, 'a'), (2, 'b')");
  db.exec("UPDATE widgets SET path = 'c' WHERE id = 1");
  db.exec("DELETE FROM widgets WHERE id = 2");
  db.exec("INSERT INTO notes (path) VALUES ('n')");
  CHECK(must(store->fold(100)) == 5);
  CHECK(state_of("widget") == "1:3");
  CHECK(state_of("note") == "1:5");
  check_counts();
  CHECK(counts_of("widget").records == 1);
}

TEST_CASE_METHOD(state_fixture, "a fold takes no more than its limit, and goes on where it was",
                 "[state]") {
  ready_both();
  db.exec("INSERT INTO widgets SELECT n, 'p' FROM generate_series(1, 10) AS n");
  CHECK(must(store->fold(4)) == 4);
  CHECK(counts_of("widget").records == 4);
  CHECK(must(store->fold(4)) == 4);
  store = must(primary_store::open(db.url()));
  must(store->install(types));
  CHECK(must(store->fold(4)) == 2);
  CHECK(must(store->fold(4)) == 0);
  CHECK(counts_of("widget").records == 10);
}

TEST_CASE_METHOD(state_fixture, "a fold that finds nothing writes nothing", "[state]") {
  ready_both();
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  settle();
  const auto bounds = must(reader->bounds());
  for (int i = 0; i < 10; ++i)
    CHECK(must(store->fold(100)) == 0);
  CHECK(must(reader->bounds()).xmax == bounds.xmax); // whoever writes takes a transaction id
}

TEST_CASE_METHOD(state_fixture, "a second node on the same log is refused", "[state]") {
  ready_both();
  auto other = must(primary_store::open(db.url()));
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  CHECK(must(store->fold(10)) == 1);
  const auto refused = other->fold(10);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ec::database_rejected);
  CHECK_THAT(refused.error().message, Catch::Contains("another node"));
  CHECK(counts_of("widget").records == 1);
}

TEST_CASE_METHOD(state_fixture, "a node that locks others out is alone until it ends", "[state]") {
  using namespace std::chrono_literals;
  auto other = must(primary_store::open(db.url()));
  REQUIRE(store->lock_out_others(50ms));
  const auto refused = other->lock_out_others(50ms);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ec::invalid_config);
  CHECK_THAT(refused.error().message, Catch::Contains("another node works on this database"));
  store.reset();
  CHECK(other->lock_out_others(5s));
}

TEST_CASE_METHOD(state_fixture, "a change makes the row's verification due again", "[state]") {
  ready_both();
  db.exec("INSERT INTO widgets VALUES (1, 'a'), (2, 'b')");
  settle();
  db.exec("UPDATE farshore.state SET verification_state = 3, verification_failure = 'x',"
          " verification_retry_count = 4 WHERE record_id = 1");
  db.exec("UPDATE farshore.state SET verification_state = 2 WHERE record_id = 2");
  check_counts();
  CHECK(counts_of("widget").checksum_failed == 1);
  db.exec("UPDATE widgets SET path = path || '2'");
  settle();
  check_counts();
  CHECK(counts_of("widget").checksum_failed == 0);
  CHECK(counts_of("widget").checksummed == 0);
  CHECK(db.query_value("SELECT count(*) FROM farshore.state WHERE verification_state = 0"
                       " AND verification_retry_count = 0 AND verification_failure IS NULL") ==
        "2");
}

TEST_CASE_METHOD(state_fixture, "a checksum's event raises the revision and leaves the checksum",
                 "[state]") {
  ready_both();
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  settle();
  db.exec("UPDATE farshore.state SET verification_state = 2");
  const auto rev = must(store->publish("widget", "1", operation::checksum_succeeded));
  settle();
  CHECK(state_of("widget") == "1:" + std::to_string(rev));
  CHECK(counts_of("widget").checksummed == 1);
}

TEST_CASE_METHOD(state_fixture, "rows from before are seeded page by page, newer events go before",
                 "[state]") {
  db.exec("INSERT INTO widgets SELECT n, 'p' FROM generate_series(1, 25) AS n");
  db.exec("INSERT INTO notes (path) SELECT 'n' FROM generate_series(1, 25)");
  types = {make_type("widget", "widgets"), make_type("note", "notes")};
  install();
  db.exec("UPDATE widgets SET path = 'q' WHERE id = 20");
  db.exec("DELETE FROM widgets WHERE id = 21");
  settle();
  check_counts();
  CHECK(counts_of("widget").records == 24);
  CHECK(counts_of("note").records == 25);
  CHECK(db.query_value("SELECT revision FROM farshore.state JOIN farshore.replicable_type"
                       " USING (type_id) WHERE name = 'widget' AND record_id = 20") == "1");
  CHECK_FALSE(must(store->seed(10)));
}

TEST_CASE_METHOD(state_fixture, "seeding survives a restart where it was", "[state]") {
  db.exec("INSERT INTO notes (path) SELECT 'n' FROM generate_series(1, 25)");
  types = {make_type("note", "notes")};
  install();
  CHECK(must(store->seed(10)));
  store = must(primary_store::open(db.url()));
  install();
  CHECK(must(store->seed(10)));
  CHECK_FALSE(must(store->seed(10)));
  CHECK(counts_of("note").records == 25);
  CHECK(status("note").generation == 1);
}

TEST_CASE_METHOD(state_fixture, "a table that is dropped during its seeding is no failure",
                 "[state]") {
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  types = {make_type("widget", "widgets")};
  install();
  db.exec("DROP TABLE widgets");
  CHECK_FALSE(must(store->seed(10)));
  CHECK(must(store->fold(10)) == 0);
}

TEST_CASE_METHOD(state_fixture, "an event can be published by hand for a row that is there",
                 "[publish]") {
  ready_both();
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  db.exec("INSERT INTO notes VALUES ('0190D0E8-0000-7000-8000-00000000ABCD', 'n')");
  settle();
  news();
  const auto rev = must(store->publish("widget", " 1", operation::updated));
  CHECK(rev == newest());
  CHECK(must(store->publish("note", "0190D0E8-0000-7000-8000-00000000ABCD", operation::updated)) ==
        rev + 1);
  settle();
  CHECK(news() == std::vector<std::string>{"updated widget/1 a",
                                           "updated note/0190d0e8-0000-7000-8000-00000000abcd n"});
  CHECK(counts_of("note").records == 1);
}

TEST_CASE_METHOD(state_fixture, "what can't be published says why", "[publish]") {
  ready_both();
  const auto failure = [&](const std::string& type, const std::string& key, operation op) {
    const auto before = newest();
    const auto got = store->publish(type, key, op);
    REQUIRE_FALSE(got);
    CHECK(newest() == before);
    CHECK(got.error().code == ec::not_found);
    return got.error().message;
  };
  CHECK_THAT(failure("gadget", "1", operation::updated), Catch::Contains("no such type"));
  CHECK_THAT(failure("widget", "1", operation::updated), Catch::Contains("no such row"));
  CHECK_THAT(failure("widget", "x", operation::updated), Catch::Contains("no such key"));
  CHECK_THAT(failure("widget", "99999999999999999999", operation::updated),
             Catch::Contains("no such key"));
  CHECK_THAT(failure("note", "1", operation::updated), Catch::Contains("no such key"));
  CHECK_THAT(failure("widget", "1", operation::truncated), Catch::Contains("not of a record"));
}

TEST_CASE_METHOD(state_fixture, "an event published by hand never overtakes a change under way",
                 "[publish]") {
  ready_both();
  db.exec("INSERT INTO widgets VALUES (1, 'a')");
  pqxx::connection session{db.url()};
  pqxx::work writer{session};
  writer.exec("UPDATE widgets SET path = 'b'");
  const auto refused = store->publish("widget", "1", operation::updated);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ec::overloaded);
  writer.commit();
  const auto rev = must(store->publish("widget", "1", operation::updated));
  CHECK(rev == newest());
}

TEST_CASE_METHOD(state_fixture, "a log that came with another server's dump starts over",
                 "[state]") {
  ready_both();
  db.exec("INSERT INTO widgets VALUES (1, 'a'), (2, 'b')");
  settle();
  const auto last = newest();
  // Loaded into a server that has not come that far, they look so.
  db.exec("UPDATE farshore.event_log SET xid = '4000000000'");
  db.exec("UPDATE farshore.log_cursor SET xid = '4000000000'");
  store = must(primary_store::open(db.url()));
  CHECK(status("widget").generation == 2);
  settle();
  db.exec("UPDATE widgets SET path = 'c' WHERE id = 2");
  db.exec("INSERT INTO notes (path) VALUES ('n')");
  settle();
  CHECK(news().size() == 2);
  CHECK(counts_of("widget").records == 2);
  for (const auto& row : must(reader->catalogue("widget", 0, 10)).rows)
    CHECK(row.rev > last);
}

TEST_CASE_METHOD(state_fixture, "counts are of the declared types", "[state]") {
  ready_both();
  CHECK(must(store->counts()).size() == 2);
  types.pop_back();
  install();
  const auto counts = must(store->counts());
  REQUIRE(counts.size() == 1);
  CHECK(counts[0].type == "widget");
}

TEST_CASE_METHOD(state_fixture, "a database of a newer program, or of another role, is refused",
                 "[state]") {
  db.exec("INSERT INTO farshore.migrations VALUES (99, 'from the future')");
  const auto refused = primary_store::open(db.url());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ec::database_rejected);
}
