// Log cursor: one page at a time, each committed before the next is asked for; no place is believed
// before the registry has it.

#include "actors/log_cursor.hpp"

#include "tests/support/actor_fixture.hpp"
#include "tests/support/fake_partners.hpp"

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;

namespace {

struct cursor_fixture : test::actor_fixture {
  std::shared_ptr<test::fake_registry> registry = std::make_shared<test::fake_registry>();
  std::shared_ptr<test::fake_primary> primary = std::make_shared<test::fake_primary>();
  std::shared_ptr<std::vector<std::string>> due = std::make_shared<std::vector<std::string>>();
  std::shared_ptr<int> reached = std::make_shared<int>(0);
  log_cursor_actor testee;

  void start() {
    log_cursor_parts parts;
    parts.primary = spawn(test::play_primary, primary);
    parts.registry = spawn(test::play_registry, registry);
    parts.time = &time;
    parts.on_due = [due = due](const auto& types) {
      due->insert(due->end(), types.begin(), types.end());
    };
    parts.on_reachable = [reached = reached] { ++*reached; };
    testee = spawn(log_cursor, parts);
    caf::anon_send(testee, atom::declare_v, std::vector<std::string>{"widget"});
    deliver_all();
  }

  void start_known() {
    registry->stored.cursor.epoch = 1;
    registry->stored.cursor.identity = "p";
    registry->stored.cursor.place = {10, 100, 1};
    start();
  }

  template <class T, class Queue>
  auto answer_next(Queue& queue, result<T> with) {
    REQUIRE(queue.size() == 1); // never two pages under way
    auto open = std::move(queue.front());
    queue.pop_front();
    open.answer.deliver(std::move(with));
    deliver_all();
    return open.what;
  }

  events_page page(std::int64_t upto, std::vector<revision> ids = {}) {
    events_page p;
    p.identity = "p";
    p.upto = {10, upto, 1};
    p.covered_xid = 11;
    p.types = {{"widget", 0, {}}};
    for (const auto id : ids)
      p.events.push_back({id, "widget", id, "", operation::created, true, "l", {}, {}});
    return p;
  }

  /// `page`, and the type has a generation that wants backfill.
  events_page with_backfill(events_page p, std::int64_t generation = 1) {
    p.types = {{"widget", generation, {}}};
    return p;
  }

  cursor_status status() {
    auto got = ask<result<cursor_status>>(testee, atom::status_v);
    REQUIRE(got->value);
    return **got->value;
  }
};

} // namespace

TEST_CASE_METHOD(cursor_fixture, "the first contact takes the primary's place before anything else",
                 "[log_cursor]") {
  start();
  CHECK(primary->events.empty());
  CHECK(primary->catalogues.empty());
  answer_next<primary_position>(primary->positions, primary_position{"p", {10, 100, 1}, 12, {}});
  CHECK(primary->events.empty()); // not before the registry has it
  cursor_status begun;
  begun.cursor = {1, "p", {10, 100, 1}, 0, {}};
  CHECK(answer_next<cursor_status>(registry->epochs, begun) == event_position{10, 100, 1});
  REQUIRE(primary->events.size() == 1);
  CHECK(primary->events.front().what.after == event_position{10, 100, 1});
  CHECK(*reached == 1);
}

TEST_CASE_METHOD(cursor_fixture, "the next page is asked for only once the last is committed",
                 "[log_cursor]") {
  start_known();
  CHECK(answer_next<events_page>(primary->events, page(105, {105})).after.id == 100);
  CHECK(primary->events.empty());
  CHECK(due->empty());
  CHECK(status().cursor.place.id == 100);
  answer_next<applied>(registry->events, applied{{"widget"}, 1});
  CHECK(*due == std::vector<std::string>{"widget"});
  REQUIRE(primary->events.size() == 1);
  CHECK(primary->events.front().what.after.id == 105);
  CHECK(status().cursor.place.id == 105);
}

TEST_CASE_METHOD(cursor_fixture, "an empty page costs no transaction but moves the horizon",
                 "[log_cursor]") {
  start_known();
  auto empty = page(100);
  empty.covered_xid = 99;
  empty.horizon = time.wall();
  answer_next<events_page>(primary->events, empty);
  CHECK(registry->events.empty());
  CHECK(registry->horizons == std::vector<std::uint64_t>{99});
  CHECK(status().cursor.covered_xid == 99);
  CHECK(primary->events.front().what.wait > 0ms); // level: now it waits for something to happen
}

TEST_CASE_METHOD(
    cursor_fixture,
    "a server that crashed may give transaction numbers again: what is covered follows",
    "[log_cursor]") {
  start_known();
  auto before = page(100);
  before.covered_xid = 99;
  answer_next<events_page>(primary->events, before);
  auto after = page(100);
  after.covered_xid = 98;
  answer_next<events_page>(primary->events, after);
  CHECK(status().cursor.covered_xid == 98);
}

TEST_CASE_METHOD(cursor_fixture, "backfill and log take turns, one page under way at a time",
                 "[log_cursor]") {
  start_known();
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  CHECK(primary->events.empty());
  catalogue_page first{"widget", 1, {{7, "7", "w/7", {}, 0, {}}}, 7, false};
  CHECK(answer_next<catalogue_page>(primary->catalogues, first).after == record_id_before_all);
  CHECK(primary->events.empty()); // the page is not committed yet
  CHECK(primary->catalogues.empty());
  answer_next<applied>(registry->catalogues, applied{{"widget"}, 1});
  CHECK(primary->catalogues.empty());
  CHECK(answer_next<events_page>(primary->events, with_backfill(page(106, {106}))).wait == 0ms);
  answer_next<applied>(registry->events, applied{{"widget"}, 1});
  catalogue_page last{"widget", 1, {}, 7, true};
  CHECK(answer_next<catalogue_page>(primary->catalogues, last).after == 7);
  answer_next<applied>(registry->catalogues, applied{});
  answer_next<events_page>(primary->events, with_backfill(page(106)));
  CHECK(primary->catalogues.empty()); // complete
  CHECK(primary->events.front().what.wait > 0ms);
}

TEST_CASE_METHOD(cursor_fixture, "a backfill that was broken off goes on where it was",
                 "[log_cursor]") {
  registry->stored.backfills = {{"widget", 1, 4711, false}};
  start_known();
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  CHECK(primary->catalogues.front().what.after == 4711);
}

TEST_CASE_METHOD(cursor_fixture, "a new generation is backfilled from the beginning",
                 "[log_cursor]") {
  registry->stored.backfills = {{"widget", 1, 4711, true}};
  start_known();
  answer_next<events_page>(primary->events, with_backfill(page(100), 2));
  CHECK(primary->catalogues.front().what.after == record_id_before_all);
}

TEST_CASE_METHOD(cursor_fixture, "a type that is waiting, or not wanted, is not backfilled",
                 "[log_cursor]") {
  start_known();
  auto p = page(100);
  p.types = {{"widget", 1, "its table does not exist yet"}, {"gadget", 1, {}}};
  answer_next<events_page>(primary->events, p);
  CHECK(primary->catalogues.empty());
}

TEST_CASE_METHOD(cursor_fixture, "another primary, or a lost place, starts a new epoch",
                 "[log_cursor]") {
  start_known();
  SECTION("another identity") {
    auto p = page(105, {105});
    p.identity = "q";
    answer_next<events_page>(primary->events, p);
  }
  SECTION("a place that the log does not know") {
    answer_next<events_page>(primary->events, fail(ec::position_unknown, "not in the log"));
  }
  CHECK(registry->events.empty());
  answer_next<primary_position>(primary->positions, primary_position{"q", {20, 5, 9}, 21, {}});
  cursor_status begun;
  begun.cursor = {2, "q", {20, 5, 9}, 0, {}};
  answer_next<cursor_status>(registry->epochs, begun);
  CHECK(primary->events.front().what.after.id == 5);
}

TEST_CASE_METHOD(cursor_fixture, "an unreachable primary is asked again, ever more seldom",
                 "[log_cursor]") {
  start_known();
  std::chrono::milliseconds waited{0};
  for (int i = 0; i < 8; ++i) {
    answer_next<events_page>(primary->events, fail(ec::primary_unreachable, "refused"));
    CHECK_FALSE(status().reachable);
    CHECK(status().trouble == "refused");
    for (waited = 0ms; primary->events.empty(); waited += 10ms) {
      REQUIRE(waited < 10s);
      advance(10ms);
    }
  }
  CHECK(waited > 3s);
  answer_next<events_page>(primary->events, page(100));
  CHECK(status().reachable);
  CHECK(*reached == 1);
}

TEST_CASE_METHOD(cursor_fixture, "a failed commit moves nothing", "[log_cursor]") {
  start_known();
  answer_next<events_page>(primary->events, page(105, {105}));
  answer_next<applied>(registry->events, fail(ec::database_in_doubt, "connection lost"));
  CHECK(primary->events.empty());
  CHECK(status().cursor.place.id == 100);
}
