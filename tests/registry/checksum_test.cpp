// The primary's verification in the database.

#include "tests/registry/checksum_fixture.hpp"

#include <set>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;

using kind = checksum_result::kind;

TEST_CASE_METHOD(checksum_fixture, "a fresh record is claimed, and its first checksum is an event",
                 "[checksum]") {
  ready_widgets(1);
  const auto claims = claim();
  REQUIRE(claims.size() == 1);
  CHECK(state(1, "verification_state") == "1");
  CHECK(state(1, "verification_started_at IS NOT NULL") == "t");
  CHECK(claim().empty()); // it is in hand
  news();
  CHECK(finish({good(claims[0], 7)}) == 1);
  CHECK(state(1, "verification_state") == "2");
  CHECK(state(1, "verification_checksum = decode(repeat('07', 32), 'hex')") == "t");
  CHECK(state(1, "verified_at IS NOT NULL") == "t");
  CHECK(state_of("widget") == "1:" + std::to_string(newest())); // served with its checksum

  SECTION("served at once, also before the log is folded") {
    const auto got = page();
    REQUIRE(got.events.size() == 1);
    CHECK(got.events[0].op == operation::checksum_succeeded);
    REQUIRE(got.events[0].sum);
    CHECK(*got.events[0].sum == sum_of(7));
  }
  SECTION("the fold leaves it as it is") {
    const auto before = state(1, "xmin");
    settle();
    CHECK(state(1, "xmin") == before);
  }
}

TEST_CASE_METHOD(checksum_fixture, "the same checksum again sends nothing, another one does",
                 "[checksum]") {
  ready_widgets(1);
  verify_all(7);
  settle();
  const auto rev = state(1, "revision");
  CHECK(claim().empty()); // not due
  set(1, "verification_retry_at = now(), verified_at = 'epoch'");
  auto again = claim();
  REQUIRE(again.size() == 1);
  CHECK(again[0].again);
  CHECK(state(1, "verification_state") == "2"); // verified until the result is there
  CHECK(claim("widget", 100, {1}).empty());
  CHECK(finish({good(again[0], 7)}) == 1);
  CHECK(checksum_events() == "1");
  CHECK(state(1, "revision") == rev);
  CHECK(state(1, "verified_at > 'epoch'") == "t");
  CHECK(claim().empty());

  set(1, "verification_retry_at = now()");
  again = claim();
  REQUIRE(again.size() == 1);
  CHECK(finish({good(again[0], 8)}) == 1);
  CHECK(checksum_events() == "2");
  CHECK(state(1, "revision") == std::to_string(newest()));
  CHECK(state(1, "verification_checksum = decode(repeat('08', 32), 'hex')") == "t");
}

TEST_CASE_METHOD(checksum_fixture, "what somebody waits for does not wait behind a backlog",
                 "[checksum]") {
  ready_widgets(40);
  verify_all(1);
  db.exec("UPDATE farshore.state SET verification_retry_at = now() - interval '1 day'");
  db.exec("INSERT INTO widgets SELECT n, 'p/' || n FROM generate_series(1001, 2000) AS n");
  settle();
  CHECK(must(store->reverify("widget", {record_selection::kind::ids, {7, 8, 9}})) == 3);
  std::vector<record_id> again;
  for (const auto& one : claim("widget", 20)) // of which a tenth is theirs
    if (one.again)
      again.push_back(one.record);
  std::sort(again.begin(), again.end());
  REQUIRE(again.size() == 2);
  CHECK((again[0] >= 7 && again[1] <= 9));
  // Those in hand are not given out twice, and what is only due by its age goes on waiting.
  std::vector<record_id> rest;
  for (const auto& one : claim("widget", 20, again))
    if (one.again)
      rest.push_back(one.record);
  REQUIRE(rest.size() == 1);
  CHECK((rest[0] >= 7 && rest[0] <= 9));
}

TEST_CASE_METHOD(checksum_fixture, "a record that changes while it is hashed goes back to pending",
                 "[checksum]") {
  ready_widgets(2);
  const auto claims = claim();
  REQUIRE(claims.size() == 2);
  const auto& first = claims[0].record == 1 ? claims[0] : claims[1];
  const auto& second = claims[0].record == 1 ? claims[1] : claims[0];

  db.exec("UPDATE widgets SET path = 'other' WHERE id = 1");
  settle();
  CHECK(state(1, "verification_state") == "0");
  CHECK(finish({good(first, 7), bad(second, kind::changed, 0ms)}) == 1);
  CHECK(state(1, "verification_state") == "0");
  CHECK(state(1, "verification_checksum") == "NULL");
  CHECK(state(2, "verification_state") == "0");
  CHECK(checksum_events() == "0");
  CHECK(claim().size() == 2);
}

TEST_CASE_METHOD(checksum_fixture, "a result of an older claim changes nothing", "[checksum]") {
  ready_widgets(1);
  const auto old = claim();
  must(store->release_checksums({"widget", {1}})); // somebody has it in hand
  CHECK(state(1, "verification_state") == "1");
  must(store->release_checksums({"widget", {}}));
  CHECK(state(1, "verification_state") == "0");
  CHECK(finish({good(old[0], 7)}) == 0);
  const auto now = claim();
  REQUIRE(now.size() == 1);
  CHECK(finish({good(old[0], 7)}) == 0);
  CHECK(finish({good(now[0], 8)}) == 1);
  CHECK(state(1, "verification_checksum = decode(repeat('08', 32), 'hex')") == "t");
}

TEST_CASE_METHOD(checksum_fixture, "what failed waits, is counted, and says why", "[checksum]") {
  ready_widgets(3);
  auto claims = claim();
  REQUIRE(claims.size() == 3);
  std::ranges::sort(claims, {}, &checksum_claim::record);
  const std::string far(3000, 'x');
  auto lost = bad(claims[0], kind::missing);
  lost.failure = "widget/1 at \"" + far + "\": no such file; bring it back";
  CHECK(finish({lost, bad(claims[1], kind::unreadable, 0ms), good(claims[2], 1)}) == 3);
  CHECK(state(1, "verification_state") == "3");
  CHECK(state(1, "verification_missing") == "t");
  CHECK(state(1, "char_length(verification_failure)") == "255");
  CHECK_THAT(state(1, "verification_failure"), Catch::EndsWith("bring it back"));
  CHECK(state(2, "verification_missing") == "f");
  const auto counts = counts_of("widget");
  CHECK(counts.records == 3);
  CHECK(counts.checksummed == 1);
  CHECK(counts.checksum_failed == 2);
  CHECK(counts.missing == 1);
  CHECK(counts.pending == 0);

  const auto due = claim(); // of the two only one
  REQUIRE(due.size() == 1);
  CHECK(due[0].record == 2);
  CHECK(due[0].retry_count == 1);
  CHECK(finish({bad(due[0], kind::unreadable, 0ms)}) == 1);
  CHECK(claim()[0].retry_count == 2);

  SECTION("a change ends the wait, and all failures are forgotten") {
    db.exec("UPDATE widgets SET path = 'q' WHERE id = 1");
    settle();
    CHECK(counts_of("widget").missing == 0);
    const auto again = claim();
    REQUIRE(again.size() == 1);
    CHECK(again[0].record == 1);
    CHECK(again[0].retry_count == 0);
  }
}

TEST_CASE_METHOD(checksum_fixture, "what is found again as it was is no news", "[checksum]") {
  ready_widgets(1);
  verify_all(7);
  set(1, "verification_retry_at = now()");
  CHECK(finish({bad(claim()[0], kind::missing, 0ms)}) == 1);
  CHECK(must(reader->catalogue("widget", 0, 10)).rows[0].sum == std::nullopt);
  CHECK(finish({good(claim()[0], 7)}) == 1);
  CHECK(checksum_events() == "1");
  CHECK(must(reader->catalogue("widget", 0, 10)).rows[0].sum == sum_of(7));
}

TEST_CASE_METHOD(checksum_fixture, "what is not available is not verified", "[checksum]") {
  ready_widgets(1);
  CHECK(finish({bad(claim()[0], kind::unavailable)}) == 1);
  CHECK(state(1, "verification_state") == "4");
  CHECK(counts_of("widget").disabled == 1);
  CHECK(claim().empty());
  db.exec("UPDATE widgets SET path = 'q'");
  settle();
  CHECK(claim().size() == 1);
}

TEST_CASE_METHOD(checksum_fixture,
                 "a checksum never overtakes a change under way, and waits for no one",
                 "[checksum]") {
  ready_widgets(2);
  auto claims = claim();
  REQUIRE(claims.size() == 2);
  pqxx::connection session{db.url()};
  pqxx::work writer{session};
  writer.exec("UPDATE widgets SET path = 'b' WHERE id = 1");
  const auto first = claims[0].record == 1 ? claims[0] : claims[1];
  const auto second = claims[0].record == 1 ? claims[1] : claims[0];
  CHECK(finish({good(first, 7), good(second, 7)}) == 2);
  CHECK(state(1, "verification_state") == "0"); // a little later
  CHECK(state(1, "verification_checksum") == "NULL");
  CHECK(state(2, "verification_state") == "2");
  CHECK(checksum_events() == "1");
  writer.commit();
  settle();
  verify_all(9);
  CHECK(state(1, "verification_checksum = decode(repeat('09', 32), 'hex')") == "t");
}

TEST_CASE_METHOD(checksum_fixture, "a locked table makes results wait, nothing else",
                 "[checksum]") {
  ready_widgets(1);
  const auto claims = claim();
  pqxx::connection session{db.url()};
  {
    pqxx::work owner{session};
    owner.exec("LOCK TABLE widgets");
    const auto refused = store->finish_checksums({"widget", {good(claims[0], 7)}});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ec::overloaded);
  }
  CHECK(finish({good(claims[0], 7)}) == 1);
}

TEST_CASE_METHOD(checksum_fixture, "records whose keys are texts are verified like others",
                 "[checksum]") {
  ready({make_type("note", "notes", "name")});
  db.exec("INSERT INTO notes VALUES ('a \"quoted\" {key}', 'a'), ('b', 'b')");
  settle();
  news();
  CHECK(verify_all(3, "note") == 2);
  const auto got = page();
  REQUIRE(got.events.size() == 2);
  for (const auto& event : got.events) {
    CHECK(event.op == operation::checksum_succeeded);
    CHECK(event.sum == sum_of(3));
  }
}

TEST_CASE_METHOD(checksum_fixture, "the newest go before a backlog, and none waits for ever",
                 "[checksum]") {
  ready_widgets(1000);
  db.exec("UPDATE widgets SET path = 'now' WHERE id = 500");
  settle();
  set(7, "verification_state = 3, verification_retry_at = now()");
  const auto claims = claim("widget", 10);
  std::set<record_id> records;
  for (const auto& one : claims)
    records.insert(one.record);
  CHECK(records.contains(500));
  CHECK(records.contains(1));
  CHECK(records.contains(7));
  CHECK(records.size() == claims.size());
  CHECK(claims.size() <= 10);
}

TEST_CASE_METHOD(checksum_fixture, "reverify makes records due, as many as were named",
                 "[checksum][reverify]") {
  ready_widgets(20);
  verify_all(1);
  set(3, "verification_state = 3, verification_retry_at = now() + interval '1 day'");
  set(4, "verification_state = 4, verification_retry_at = NULL");
  const auto ids = [](std::vector<record_id> which) {
    return record_selection{record_selection::kind::ids, std::move(which)};
  };
  CHECK(must(store->reverify("widget", ids({2, 3, 4, 4, 99}))) == 3);
  std::set<record_id> due;
  auto claims = claim();
  for (const auto& one : claims)
    due.insert(one.record);
  CHECK(due == std::set<record_id>{2, 3, 4});

  SECTION("all of them, page by page, and verified they stay") {
    must(store->release_checksums({"widget", {}}));
    CHECK(must(store->reverify("widget", {record_selection::kind::all, {}})) == 20);
    CHECK(counts_of("widget").checksummed == 18);
    while (must(store->tend(7)))
      ;
    CHECK(counts_of("widget").checksummed == 18);
    CHECK(verify_all(1) == 20);
    CHECK(checksum_events() == "20"); // none of those that were verified before
  }
  SECTION("those that failed") {
    must(store->release_checksums({"widget", {}}));
    for (const auto& one : claim())
      finish({bad(one, kind::unreadable)});
    const auto failed = counts_of("widget").checksum_failed;
    CHECK(must(store->reverify("widget", {record_selection::kind::failed, {}})) == failed);
    while (must(store->tend(100)))
      ;
    CHECK(claim().size() == static_cast<std::size_t>(failed));
  }
  SECTION("of a type that is there, and verified") {
    const auto unknown = store->reverify("gadget", ids({1}));
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().code == ec::not_found);
    types[0].verification = verification_place::off;
    install();
    const auto off = store->reverify("widget", ids({1}));
    REQUIRE_FALSE(off);
    CHECK_THAT(off.error().message, Catch::Contains("verification = \"off\""));
  }
}

TEST_CASE_METHOD(checksum_fixture, "a reading that began before the order does not settle it",
                 "[checksum][reverify]") {
  ready_widgets(1);
  verify_all(1);
  set(1, "verification_retry_at = now()");
  const auto before = claim();
  REQUIRE(before.size() == 1);
  CHECK(must(store->reverify("widget", {record_selection::kind::ids, {1}})) == 1);
  CHECK(finish({good(before[0], 1)}) == 0);
  const auto after = claim();
  REQUIRE(after.size() == 1);
  CHECK(finish({good(after[0], 1)}) == 1);
  CHECK(claim().empty());
}

TEST_CASE_METHOD(checksum_fixture, "a fresh record goes before all that is verified again",
                 "[checksum][reverify]") {
  ready_widgets(50);
  verify_all(1);
  must(store->reverify("widget", {record_selection::kind::all, {}}));
  while (must(store->tend(100)))
    ;
  db.exec("INSERT INTO widgets VALUES (99, 'q'), (98, 'q')");
  settle();
  const auto claims = claim("widget", 4);
  REQUIRE(claims.size() == 2);
  CHECK_FALSE(claims[0].again);
}

TEST_CASE_METHOD(checksum_fixture, "verification that is off, and on again", "[checksum]") {
  ready_widgets(30);
  verify_all(1);
  set(1, "verification_state = 3, verification_retry_at = now(), verification_missing = true");
  set(2, "verification_state = 0, verification_retry_at = NULL");
  set(3, "verification_state = 1");
  types[0].verification = verification_place::off;
  install();
  while (must(store->tend(7)))
    ;
  CHECK(counts_of("widget").disabled == 30);
  CHECK(counts_of("widget").missing == 0);
  CHECK(must(reader->catalogue("widget", 0, 10)).rows[0].sum == std::nullopt);
  const auto generation = status("widget").generation;

  types[0].verification = verification_place::state_table;
  install();
  while (must(store->tend(7)))
    ;
  CHECK(counts_of("widget").pending == 30);
  CHECK(verify_all(1) == 30);
  CHECK(status("widget").generation == generation);
}

TEST_CASE_METHOD(checksum_fixture, "rows that no event told of are found", "[checksum][sweep]") {
  ready({make_type("widget", "widgets"), make_type("note", "notes", "name")});
  db.exec("INSERT INTO widgets SELECT n, 'p' FROM generate_series(1, 20) AS n");
  settle();
  // As while the triggers were off.
  db.exec("ALTER TABLE widgets DISABLE TRIGGER ALL; ALTER TABLE notes DISABLE TRIGGER ALL;"
          "INSERT INTO widgets SELECT n, 'p' FROM generate_series(-10, 0) AS n;"
          "INSERT INTO notes SELECT 'note ' || n, 'p' FROM generate_series(1, 15) AS n");
  db.exec("ALTER TABLE widgets ENABLE ALWAYS TRIGGER farshore_widget_ins;"
          "ALTER TABLE widgets ENABLE ALWAYS TRIGGER farshore_widget_upd;"
          "ALTER TABLE widgets ENABLE ALWAYS TRIGGER farshore_widget_del;"
          "ALTER TABLE widgets ENABLE ALWAYS TRIGGER farshore_widget_tru;"
          "ALTER TABLE notes ENABLE ALWAYS TRIGGER farshore_note_ins;"
          "ALTER TABLE notes ENABLE ALWAYS TRIGGER farshore_note_upd;"
          "ALTER TABLE notes ENABLE ALWAYS TRIGGER farshore_note_del;"
          "ALTER TABLE notes ENABLE ALWAYS TRIGGER farshore_note_tru");
  settle();
  CHECK(counts_of("widget").records == 20);
  must(store->sweep(""));
  while (must(store->tend(7)))
    ;
  CHECK(counts_of("widget").records == 31);
  CHECK(counts_of("note").records == 15);
  news();
  CHECK(verify_all(1) == 31);
  CHECK(verify_all(1, "note") == 15);
  CHECK(page().events.size() == 46); // their first checksums tell of them
}

// -- the state machine, cell by cell --------------------------------------------------------------

TEST_CASE_METHOD(checksum_fixture, "each message does to each state what the table says",
                 "[checksum][table]") {
  ready_widgets(1);
  const auto put = [&](verification_state at) {
    set(1, "verification_state = " + std::to_string(static_cast<int>(at)) +
               ", verification_checksum = NULL, verification_started_at = '2026-01-01',"
               " verification_retry_count = 0, verification_missing = false,"
               " verification_retry_at = " +
               (at == verification_state::succeeded || at == verification_state::failed ? "now()"
                                                                                        : "NULL"));
  };
  const auto rev = [&] { return std::stoll(state(1, "revision")); };
  for (int s = 0; s < 5; ++s)
    for (int m = 0; m < checksum_messages; ++m) {
      const auto at = static_cast<verification_state>(s);
      const auto message = static_cast<checksum_message>(m);
      put(at);
      // In force where the record is at what it was claimed as; else of a former claim.
      const checksum_claim of{1, rev(), at == verification_state::succeeded,
                              at == verification_state::succeeded
                                  ? state(1, "verification_retry_at::text")
                                  : "2026-01-01 00:00:00+00",
                              0};
      switch (message) {
      case checksum_message::claimed:
        claim();
        break;
      case checksum_message::succeeded:
        finish({good(of, 1)});
        break;
      case checksum_message::missing:
        finish({bad(of, kind::missing)});
        break;
      case checksum_message::unreadable:
        finish({bad(of, kind::unreadable)});
        break;
      case checksum_message::changed:
        finish({bad(of, kind::changed)});
        break;
      case checksum_message::unavailable:
        finish({bad(of, kind::unavailable)});
        break;
      case checksum_message::touched:
        db.exec("UPDATE widgets SET path = path || 'x'");
        settle();
        break;
      case checksum_message::reverify:
        must(store->reverify("widget", {record_selection::kind::ids, {1}}));
        break;
      case checksum_message::switched_off:
        types[0].verification = verification_place::off;
        install();
        while (must(store->tend(10)))
          ;
        break;
      case checksum_message::released:
        must(store->release_checksums({"widget", {}}));
        break;
      }
      CAPTURE(s, m);
      CHECK(state(1, "verification_state") ==
            std::to_string(static_cast<int>(next_state(at, message))));
      if (message == checksum_message::switched_off) {
        types[0].verification = verification_place::state_table;
        install();
        while (must(store->tend(10)))
          ;
      }
    }
}
