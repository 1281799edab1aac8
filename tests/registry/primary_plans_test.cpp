// What a call of the primary's reads follows its limit and not the tables' size: at a million rows,
// and while the tables grow and the planner has no statistics. By the server's own count of what
// was read, which tells more than a plan: a plan can name an index and still walk all of it.

#include "config/clock.hpp"
#include "tests/registry/primary_fixture.hpp"

#include <chrono>

using namespace farshore;
using namespace farshore::test;

namespace {

struct reads {
  std::int64_t whole_tables = 0;
  std::int64_t index_entries = 0;
};

class filled_fixture : public primary_fixture {
public:
  filled_fixture(std::int64_t widgets, std::int64_t notes, bool known)
      : widgets_{widgets}, notes_{notes} {
    db.exec("CREATE TABLE widgets (id bigint PRIMARY KEY, path text, ready boolean)");
    db.exec("CREATE INDEX ON widgets (path)"); // as README advises for repositories
    db.exec("CREATE TABLE notes (name text PRIMARY KEY, path text)");
    auto widget = make_type("widget", "widgets");
    widget.model->available = "ready";
    widget.model->select_column = "id";
    ready({widget, make_type("note", "notes", "name")});
    if (!known)
      for (const auto* table :
           {"widgets", "notes", "farshore.event_log", "farshore.state", "farshore.record_keys"})
        db.exec(std::string{"ALTER TABLE "} + table + " SET (autovacuum_enabled = off)");
    db.exec("INSERT INTO widgets SELECT n, 'p/' || n, true FROM generate_series(1, " +
            std::to_string(widgets) + ") AS n");
    db.exec("INSERT INTO notes SELECT 'note ' || n, 'n/' || n FROM generate_series(1, " +
            std::to_string(notes) + ") AS n");
    while (must(store->fold(100'000)) > 0)
      ;
    observe();
    if (known)
      db.exec("ANALYZE");
  }

  void each_call_reads_what_it_returns();
  void trimming_reads_what_it_trims();
  void verifying_reads_what_it_claims();

  /// As a node does each minute; what is in no sample yet is counted at its next start.
  void observe() { must(store->observe_log(now += std::chrono::minutes{2}, {})); }

  wall_time now = system_time().wall();

  /// What `call` reads of the tables of both sides, by the sessions of Farshore.
  template <class Call>
  reads count(const std::string& what, Call&& call) {
    close_sessions();
    const auto before = so_far();
    open_sessions();
    const auto started = std::chrono::steady_clock::now();
    call();
    const std::chrono::duration<double, std::milli> took =
        std::chrono::steady_clock::now() - started;
    close_sessions();
    const auto after = so_far();
    const reads read{after.whole_tables - before.whole_tables,
                     after.index_entries - before.index_entries};
    open_sessions();
    WARN(what << ": " << took.count() << " ms, " << read.index_entries << " index entries");
    return read;
  }

private:
  void open_sessions() {
    store = must(primary_store::open(db.url()));
    reader = must(primary_reader::open(db.url()));
    reader->declare(types);
  }

  /// A session hands in its counts when it ends.
  void close_sessions() {
    store.reset();
    reader.reset();
    db.exec("SELECT pg_stat_force_next_flush()");
    while (db.query_value("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE"
                          " 'farshore primary%' AND datname = current_database()") != "0")
      ;
  }

  reads so_far() {
    pqxx::work tx{db.connection()};
    // Tables of a page or two are read whole, and should be.
    const auto tables = tx.exec1("SELECT sum(seq_tup_read) FROM pg_stat_user_tables"
                                 " WHERE relname IN ('widgets', 'notes', 'event_log', 'state',"
                                 " 'record_keys')");
    const auto indexes = tx.exec1("SELECT sum(idx_tup_read) FROM pg_stat_user_indexes"
                                  " WHERE relname IN ('widgets', 'notes', 'event_log', 'state',"
                                  " 'record_keys')");
    return {tables[0].as<std::int64_t>(), indexes[0].as<std::int64_t>()};
  }

  std::int64_t widgets_;
  std::int64_t notes_;
};

void filled_fixture::each_call_reads_what_it_returns() {
  const auto middle = must(reader->events({}, static_cast<std::size_t>(widgets_ / 2))).upto;
  const auto check = [](const reads& read, std::int64_t index_entries) {
    CHECK(read.whole_tables == 0);
    CHECK(read.index_entries <= index_entries);
  };

  check(count("events, 2,000 of integer keys",
              [&] { CHECK(must(reader->events(middle, 2000)).events.size() == 2000); }),
        3 * 2000 + 10);
  check(count("an event that is the newest",
              [&] {
                CHECK(must(reader->events(must(reader->newest_place()), 2000)).events.empty());
              }),
        10);
  const auto notes = [&] {
    auto at = middle;
    at.id = std::stoll(db.query_value("SELECT max(id) FROM farshore.event_log WHERE key = 'note " +
                                      std::to_string(notes_ / 2) + "'"));
    pqxx::work tx{db.connection()};
    const auto row = tx.exec1("SELECT xid::text, token FROM farshore.event_log WHERE id = " +
                              std::to_string(at.id));
    at.xid = row[0].as<std::uint64_t>();
    at.token = row[1].as<std::int32_t>();
    return at;
  }();
  check(count("events, 2,000 of text keys",
              [&] { CHECK(must(reader->events(notes, 2000)).events.size() == 2000); }),
        4 * 2000 + 10);
  check(count("catalogue, 5,000 of integer keys",
              [&] {
                CHECK(must(reader->catalogue("widget", widgets_ / 2, 5000)).rows.size() == 5000);
              }),
        3 * 5000 + 10);
  site_scope few;
  few.columns["id"] = {"1", std::to_string(widgets_ / 2 + 7), std::to_string(widgets_ - 3)};
  check(count("catalogue, 5,000 of integer keys, one of them in scope",
              [&] {
                const auto read = must(reader->catalogue("widget", widgets_ / 2, 5000, few));
                CHECK(read.rows.size() == 1);
                CHECK(read.next_after == widgets_ / 2 + 5000);
              }),
        3 * 5000 + 10);
  check(count("events, 2,000 of integer keys, under a scope",
              [&] { CHECK(must(reader->events(middle, 2000, few)).events.size() == 2000); }),
        3 * 2000 + 10);
  check(count("catalogue, 5,000 of text keys",
              [&] { CHECK(must(reader->catalogue("note", 0, 5000)).rows.size() == 5000); }),
        3 * 5000 + 10);
  std::vector<record_id> some;
  for (record_id id = 1; id <= 1000; ++id)
    some.push_back(id * (notes_ / 1200));
  check(count("resolve, 1,000 of each",
              [&] {
                CHECK(must(reader->resolve("widget", some)).back().present);
                CHECK(must(reader->resolve("note", some)).back().present);
              }),
        5 * 1000 + 10);

  check(count("what lies at a locator",
              [&] {
                CHECK(must(reader->key_at("widget", "p/" + std::to_string(widgets_ / 3))));
                CHECK_FALSE(must(reader->key_at("widget", "p/none")));
              }),
        10);

  check(count("fold, nothing new", [&] { CHECK(must(store->fold(5000)) == 0); }), 10);
  db.exec("UPDATE widgets SET path = path || 'x' WHERE id BETWEEN 3001 AND 7000");
  db.exec(
      "DELETE FROM notes WHERE name IN (SELECT 'note ' || n FROM generate_series(1, 100) AS n)");
  db.exec("INSERT INTO notes SELECT 'new ' || n, 'n' FROM generate_series(1, 500) AS n");
  check(count("fold, 4,600 events", [&] { CHECK(must(store->fold(5000)) == 4600); }),
        7 * 4600 + 100);
  observe();

  db.exec("UPDATE farshore.replicable_type SET seeded = false, seeded_to = '5000'"
          " WHERE name = 'widget'");
  check(count("seed, 5,000 rows", [&] { CHECK(must(store->seed(5000))); }), 3 * 5000 + 10);
  db.exec("UPDATE farshore.replicable_type SET seeded = true, pruned = false, pruned_to = 100");
  check(count("prune, 5,000 rows", [&] { CHECK(must(store->seed(5000))); }), 4 * 5000 + 10);
}

void filled_fixture::verifying_reads_what_it_claims() {
  const auto check = [](const reads& read, std::int64_t index_entries) {
    CHECK(read.whole_tables == 0);
    CHECK(read.index_entries <= index_entries);
  };
  const auto finish = [&](const std::string& type, const std::vector<checksum_claim>& claims,
                          checksum_result::kind how) {
    checksum_report report{type, {}};
    for (const auto& one : claims)
      report.results.push_back({one, how, {}, "failed", std::chrono::hours{1}});
    CHECK(must(store->finish_checksums(report)) == claims.size());
  };
  using kind = checksum_result::kind;
  for (const std::string type : {"widget", "note"}) {
    std::vector<checksum_claim> claims;
    const auto claim = [&] { claims = must(store->claim_checksums({type, 1000, {}})); };
    check(count(type + ": claim 800 of a backlog", claim), 4 * 800 + 10);
    REQUIRE(claims.size() == 800);
    check(count(type + ": their first checksums, and events",
                [&] { finish(type, claims, kind::succeeded); }),
          6 * 800 + 10);
    check(count(type + ": claim 800 behind these", claim), 6 * 800 + 10);
    check(count(type + ": 800 that failed", [&] { finish(type, claims, kind::missing); }),
          5 * 800 + 10);
    db.exec("UPDATE farshore.state SET verification_retry_at = now() WHERE verification_state = 3");
    check(count(type + ": claim 200 that failed, 800 that are fresh", claim), 8 * 1000 + 10);
    REQUIRE(claims.size() == 1000);
    check(count(type + ": give back what was claimed",
                [&] {
                  must(store->release_checksums({type, {}}));
                }),
          6 * 1000 + 10);
  }
  const auto wal = [&] { return db.query_value("SELECT pg_current_wal_insert_lsn()"); };
  const auto at_first = wal();
  check(count("10 pages of 1,000, as refs are compared by",
              [&] {
                auto at = record_id_before_all;
                for (int n = 0; n < 10; ++n)
                  at = must(reader->catalogue("widget", at, 1000)).next_after;
                CHECK(at >= 10'000);
              }),
        4 * 10'000 + 10); // with what is left of rows that were written just now
  WARN("WAL of these pages, and of whatever else was at work: "
       << db.query_value("SELECT '" + wal() + "'::pg_lsn - '" + at_first + "'::pg_lsn")
       << " bytes");
  // As when refs are found to differ: some of many, behind a backlog.
  std::vector<record_id> some;
  {
    pqxx::work tx{db.connection()};
    for (const auto& row :
         tx.exec("SELECT record_id FROM farshore.state WHERE verification_state = 2 AND type_id ="
                 " (SELECT type_id FROM farshore.replicable_type WHERE name = 'widget')"
                 " ORDER BY record_id LIMIT 250"))
      some.push_back(row[0].as<record_id>());
  }
  REQUIRE(some.size() == 250);
  install();
  CHECK(must(store->reverify("widget", {record_selection::kind::ids, some})) == 250);
  std::vector<checksum_claim> mixed;
  check(count("claim of a backlog, and 100 of these",
              [&] {
                mixed = must(store->claim_checksums({"widget", 1000, {}}));
              }),
        10 * 1000 + 10);
  CHECK(std::ranges::count_if(mixed, &checksum_claim::again) == 100);
  must(store->release_checksums({"widget", {}}));
  install();
  must(store->reverify("widget", {record_selection::kind::all, {}}));
  check(
      count("a page of all that is to be verified again", [&] { CHECK(must(store->tend(5000))); }),
      4 * 5000 + 10);
}

void filled_fixture::trimming_reads_what_it_trims() {
  const auto middle = must(reader->events({}, static_cast<std::size_t>(widgets_ / 2))).upto;
  const auto check = [](const reads& read, std::int64_t index_entries) {
    CHECK(read.whole_tables == 0);
    CHECK(read.index_entries <= index_entries);
  };
  const log_retention keep;
  const site_note level{"lisbon", must(reader->newest_place()), now, "", "1", ""};
  must(store->note_sites(std::vector{level, site_note{"porto", middle, now, "", "1", ""}}));
  check(count("how far two sites are behind, one of them half the log",
              [&] { CHECK(must(store->sites(now)).back().lag_events > 500'000); }),
        1'010'000);
  const auto slice = [&](std::size_t size) {
    CHECK(must(store->trim(now + std::chrono::hours{1}, keep, size)).events == size);
  };
  check(count("trim, 10,000 events", [&] { slice(10'000); }), 2 * 10'000 + 10);
  must(store->trim(now + std::chrono::hours{1}, keep, 200'000));
  check(count("trim, 10,000 events, behind 210,000 dead entries", [&] { slice(10'000); }),
        2 * 10'000 + 10);
}

struct million_fixture : filled_fixture {
  million_fixture() : filled_fixture{700'000, 300'000, true} {}
};

struct growing_fixture : filled_fixture {
  growing_fixture() : filled_fixture{15'000, 6'000, false} {}
};

} // namespace

TEST_CASE_METHOD(million_fixture, "at a million rows each call reads what it returns",
                 "[plans][slow]") {
  each_call_reads_what_it_returns();
  verifying_reads_what_it_claims();
  trimming_reads_what_it_trims();
}

TEST_CASE_METHOD(growing_fixture,
                 "in tables that the planner takes for small each call reads what it returns",
                 "[plans][growing]") {
  each_call_reads_what_it_returns();
  verifying_reads_what_it_claims();
}
