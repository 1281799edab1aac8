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
  std::chrono::milliseconds compare_every{0};
  log_cursor_actor testee;
  /// What pages are of.
  scope_digest scope;

  void start() {
    log_cursor_parts parts;
    parts.primary = spawn(test::play_primary, primary);
    parts.registry = spawn(test::play_registry, registry);
    parts.time = &time;
    parts.compare_every = compare_every;
    parts.scope = scope;
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
    p.scope = scope;
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

  static backfill_state walk_at(walk_stage stage, record_id after, bool complete = false) {
    backfill_state walk;
    walk.type = "widget";
    walk.generation = 1;
    walk.after = after;
    walk.complete = complete;
    walk.stage = stage;
    return walk;
  }
  static backfill_state complete_walk() {
    return walk_at(walk_stage::none, record_id_before_all, true);
  }
  /// Started, with a check of everything read, one suspect found, and the log read to its end.
  void start_confirming(std::uint64_t mark = 11) {
    registry->stored.backfills = {walk_at(walk_stage::confirming, record_id_before_all, true)};
    start_known();
    answer_next<events_page>(primary->events, with_backfill(page(100)));
    primary_position now;
    now.identity = "p";
    now.mark_xid = mark;
    answer_next<primary_position>(primary->positions, now);
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
  catalogue_page first{"widget", 1, record_id_before_all, {{7, "7", "w/7", {}, 0, {}}}, 7, false};
  CHECK(answer_next<catalogue_page>(primary->catalogues, first).after == record_id_before_all);
  CHECK(primary->events.empty()); // the page is not committed yet
  CHECK(primary->catalogues.empty());
  answer_next<applied>(registry->catalogues,
                       applied{{"widget"}, 1, walk_at(walk_stage::reading, 7)});
  CHECK(primary->catalogues.empty());
  CHECK(answer_next<events_page>(primary->events, with_backfill(page(106, {106}))).wait == 0ms);
  answer_next<applied>(registry->events, applied{{"widget"}, 1});
  catalogue_page last{"widget", 1, record_id_before_all, {}, 7, true};
  CHECK(answer_next<catalogue_page>(primary->catalogues, last).after == 7);
  CHECK(answer_next<applied>(registry->catalogues, applied{{}, 0, complete_walk()}).after == 7);
  answer_next<events_page>(primary->events, with_backfill(page(106)));
  CHECK(primary->catalogues.empty()); // complete
  CHECK(primary->events.front().what.wait > 0ms);
}

TEST_CASE_METHOD(cursor_fixture, "a backfill that was broken off goes on where it was",
                 "[log_cursor]") {
  registry->stored.backfills = {walk_at(walk_stage::reading, 4711)};
  start_known();
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  CHECK(primary->catalogues.front().what.after == 4711);
}

TEST_CASE_METHOD(cursor_fixture, "a new generation is backfilled from the beginning",
                 "[log_cursor]") {
  registry->stored.backfills = {complete_walk()};
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

// -- checks ---------------------------------------------------------------------------------------

TEST_CASE_METHOD(cursor_fixture, "a node that starts compares what it knows once, and no more",
                 "[log_cursor]") {
  registry->stored.backfills = {complete_walk()};
  start_known();
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  answer_next<catalogue_page>(primary->catalogues,
                              catalogue_page{"widget", 1, record_id_before_all, {}, 0, true});
  answer_next<applied>(registry->catalogues, applied{{}, 0, complete_walk()});
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  CHECK(primary->catalogues.empty());
  SECTION("until it is told to") {
    auto told = ask<result<done>>(testee, atom::recheck_v, std::string{});
    CHECK(*told->value);
    answer_next<events_page>(primary->events, with_backfill(page(100)));
    CHECK(primary->catalogues.front().what.after == record_id_before_all);
  }
  SECTION("and refuses a type that it does not have") {
    auto told = ask<result<done>>(testee, atom::recheck_v, std::string{"gadget"});
    CHECK(told->value->error().code == ec::not_found);
  }
}

TEST_CASE_METHOD(cursor_fixture, "a check compares digests, and reads no page", "[log_cursor]") {
  primary->can_digest = true;
  registry->stored.backfills = {complete_walk()};
  start_known();
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  const auto asked = answer_next<digest_page>(
      primary->digests, digest_page{"widget", 1, {{{7, {2, 0, 1}}, {INT64_MAX, {}}}}});
  CHECK(asked.ranges == std::vector<record_range>{{}});
  answer_next<events_page>(primary->events, with_backfill(page(100))); // live changes come first
  const auto here =
      answer_next<held_digests>(registry->digests, held_digests{{{2, 0, 1}, {3, 9, 9}}, INT64_MAX});
  CHECK(here.bounds == std::vector<record_id>{7, INT64_MAX});
  CHECK(here.view == digest_view::target);
  const auto found = answer_next<applied>(
      registry->compared,
      applied{{}, 0, walk_at(walk_stage::confirming, record_id_before_all, true)});
  CHECK(found.type == "widget");
  CHECK(found.generation == 1);
  CHECK(found.records == 2);
  CHECK(found.unequal == std::vector<unequal_range>{{{7, INT64_MAX}, false}});
  CHECK(primary->catalogues.empty());
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  CHECK(primary->positions.size() == 1); // suspects come as after any walk
}

TEST_CASE_METHOD(cursor_fixture, "where digests can't help, the pages are read instead",
                 "[log_cursor]") {
  primary->can_digest = true;
  registry->stored.backfills = {complete_walk()};
  start_known();
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  SECTION("the primary knows none") {
    answer_next<digest_page>(primary->digests, fail(ec::not_found, "no such route"));
    CHECK(primary->catalogues.size() == 1);
  }
  SECTION("the type is locked just now: it is asked again") {
    answer_next<digest_page>(primary->digests, fail(ec::type_waiting, "locked"));
    CHECK(primary->events.empty());
    advance(300ms);
    answer_next<events_page>(primary->events, with_backfill(page(100)));
    CHECK(primary->digests.size() == 1);
  }
  SECTION("it is another generation by now: the log's next page tells") {
    answer_next<digest_page>(primary->digests, digest_page{"widget", 2, {{{INT64_MAX, {}}}}});
    advance(300ms);
    answer_next<events_page>(primary->events, with_backfill(page(100), 2));
    CHECK(primary->catalogues.size() == 1);
  }
  CHECK(registry->compared.empty());
}

TEST_CASE_METHOD(cursor_fixture, "a comparison goes on where the primary could not answer",
                 "[log_cursor]") {
  primary->can_digest = true;
  registry->stored.backfills = {complete_walk()};
  start_known();
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  const auto way = GENERATE(0, 1);
  if (way == 0)
    answer_next<digest_page>(primary->digests, fail(ec::primary_unreachable, "away"));
  else
    answer_next<digest_page>(primary->digests, digest_page{"gadget", 1, {{{INT64_MAX, {}}}}});
  CHECK_FALSE(status().reachable);
  advance(10s);
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  answer_next<digest_page>(primary->digests, digest_page{"widget", 1, {{{INT64_MAX, {}}}}});
  CHECK(status().reachable);
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  answer_next<held_digests>(registry->digests, held_digests{{{}}, INT64_MAX});
  CHECK(answer_next<applied>(registry->compared, applied{{}, 0, complete_walk()}).unequal.empty());
}

TEST_CASE_METHOD(cursor_fixture, "every type is compared again when the time has come",
                 "[log_cursor]") {
  primary->can_digest = true;
  compare_every = 30s;
  registry->stored.backfills = {complete_walk()};
  start_known();
  const auto compare_once = [&] {
    answer_next<digest_page>(primary->digests, digest_page{"widget", 1, {{{INT64_MAX, {}}}}});
    answer_next<events_page>(primary->events, with_backfill(page(100)));
    answer_next<held_digests>(registry->digests, held_digests{{{}}, INT64_MAX});
    answer_next<applied>(registry->compared, applied{{}, 0, complete_walk()});
  };
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  compare_once(); // at start
  advance(29s);
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  CHECK(primary->digests.empty());
  advance(1s);
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  compare_once();
}

TEST_CASE_METHOD(cursor_fixture, "a walk that was broken off is followed by one from the beginning",
                 "[log_cursor]") {
  registry->stored.backfills = {walk_at(walk_stage::reading, 4711, true)};
  start_known();
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  answer_next<catalogue_page>(primary->catalogues,
                              catalogue_page{"widget", 1, record_id_before_all, {}, 4711, true});
  answer_next<applied>(registry->catalogues, applied{{}, 0, complete_walk()});
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  CHECK(primary->catalogues.front().what.after == record_id_before_all);
}

TEST_CASE_METHOD(cursor_fixture, "suspects are asked for once the log was read beyond the walk",
                 "[log_cursor]") {
  start_confirming(12);
  answer_next<events_page>(primary->events, with_backfill(page(100))); // covers 11
  CHECK(registry->suspects.empty());
  auto later = with_backfill(page(100));
  later.covered_xid = 12;
  answer_next<events_page>(primary->events, later);
  answer_next<std::vector<record_id>>(registry->suspects, std::vector<record_id>{3, 5});
  const records_page found{"widget", 1, {3, 5}, {{5, "5", "w/5", {}, 0, {}}}};
  CHECK(answer_next<records_page>(primary->records, found).records == std::vector<record_id>{3, 5});
  const auto told =
      answer_next<applied>(registry->records, applied{{"widget"}, 1, complete_walk()});
  CHECK(told.asked == std::vector<record_id>{3, 5});
  CHECK(told.rows.size() == 1);
  CHECK(*due == std::vector<std::string>{"widget"});
}

TEST_CASE_METHOD(cursor_fixture,
                 "suspects that events have settled end the walk without a question",
                 "[log_cursor]") {
  start_confirming();
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  answer_next<std::vector<record_id>>(registry->suspects, std::vector<record_id>{});
  CHECK(primary->records.empty());
  CHECK(answer_next<applied>(registry->records, applied{{}, 0, complete_walk()}).asked.empty());
}

TEST_CASE_METHOD(cursor_fixture, "a page that the primary may not send is not applied",
                 "[log_cursor]") {
  registry->stored.backfills = {complete_walk()};
  start_known();
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  catalogue_page bad{"widget", 1, record_id_before_all, {{7, "7", "w/7", {}, 0, {}}}, 7, false};
  SECTION("a record beyond its end") {
    bad.next_after = 6;
  }
  SECTION("without an end") {
    bad.rows.clear();
    bad.next_after = record_id_before_all;
  }
  SECTION("of another type") {
    bad.type = "gadget";
  }
  answer_next<catalogue_page>(primary->catalogues, bad);
  CHECK(registry->catalogues.empty());
  CHECK_FALSE(status().reachable);
}

TEST_CASE_METHOD(cursor_fixture, "an answer about records that were not asked for is not applied",
                 "[log_cursor]") {
  start_confirming();
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  answer_next<std::vector<record_id>>(registry->suspects, std::vector<record_id>{3});
  answer_next<records_page>(primary->records,
                            records_page{"widget", 1, {3}, {{5, "5", "w/5", {}, 0, {}}}});
  CHECK(registry->records.empty());
  CHECK_FALSE(status().reachable);
}

TEST_CASE_METHOD(cursor_fixture, "what is read of another generation than expected is not applied",
                 "[log_cursor]") {
  registry->stored.backfills = {walk_at(walk_stage::reading, 4711)};
  start_known();
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  answer_next<catalogue_page>(primary->catalogues,
                              catalogue_page{"widget", 2, record_id_before_all, {}, 5000, false});
  CHECK(registry->catalogues.empty());
  answer_next<events_page>(primary->events, with_backfill(page(100), 2));
  CHECK(primary->catalogues.front().what.after == record_id_before_all);
}

TEST_CASE_METHOD(cursor_fixture, "a trimmed log is gone on with in the same epoch, and says so",
                 "[log_cursor]") {
  start_known();
  answer_next<events_page>(primary->events, fail(ec::log_trimmed, "the log begins at 300"));
  primary_position now;
  now.identity = "p";
  now.place = {30, 300, 3};
  answer_next<primary_position>(primary->positions, now);
  CHECK(registry->epochs.empty());
  cursor_status skipped;
  skipped.cursor = {1, "p", {30, 300, 3}, 0, {}};
  skipped.backfills = {walk_at(walk_stage::none, record_id_before_all)};
  CHECK(answer_next<cursor_status>(registry->skips, skipped).id == 300);
  CHECK(status().gap == "the log begins at 300");
  auto quiet = with_backfill(page(300));
  quiet.upto = now.place;
  CHECK(answer_next<events_page>(primary->events, quiet).after.id == 300);
  answer_next<catalogue_page>(primary->catalogues,
                              catalogue_page{"widget", 1, record_id_before_all, {}, 0, true});
  answer_next<applied>(registry->catalogues, applied{{}, 0, complete_walk()});
  CHECK(status().gap.empty());
}

TEST_CASE_METHOD(cursor_fixture, "a trimmed log of another primary starts a new epoch",
                 "[log_cursor]") {
  start_known();
  answer_next<events_page>(primary->events, fail(ec::log_trimmed, "the log begins at 300"));
  answer_next<primary_position>(primary->positions, primary_position{"q", {20, 5, 9}, 21, {}});
  CHECK(registry->skips.empty());
  CHECK(primary->positions.size() == 1);
}

TEST_CASE_METHOD(cursor_fixture, "what was approved is asked for again before it goes",
                 "[log_cursor]") {
  registry->stored.backfills = {complete_walk()};
  registry->stored.backfills.front().held = 20;
  start_known();
  auto approved = ask<result<std::size_t>>(testee, atom::approve_v, std::string{"widget"});
  REQUIRE(registry->approvals.size() == 1);
  CHECK_FALSE(approved->arrived);
  answer_next<std::size_t>(registry->approvals, std::size_t{20});
  CHECK(**approved->value == 20);
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  CHECK(primary->positions.size() == 1); // first the log, as far as the primary is now
  CHECK(status().backfills.front().held == 0);
}

// -- scopes ---------------------------------------------------------------------------------------

TEST_CASE_METHOD(cursor_fixture, "questions name the site's scope", "[log_cursor][scopes]") {
  scope = "one";
  registry->stored.backfills = {walk_at(walk_stage::confirming, record_id_before_all, true)};
  start_known();
  CHECK(answer_next<events_page>(primary->events, with_backfill(page(100))).scope == "one");
  primary_position now;
  now.identity = "p";
  answer_next<primary_position>(primary->positions, now);
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  answer_next<std::vector<record_id>>(registry->suspects, std::vector<record_id>{3, 5});
  records_page found{"widget", 1, {3, 5}, {}, {5}, "one"};
  CHECK(answer_next<records_page>(primary->records, found).scope == "one");
  const auto told = answer_next<applied>(registry->records, applied{{}, 0, complete_walk()});
  CHECK(told.outside == std::vector<record_id>{5});
  CHECK(told.scope == "one");
  answer_next<events_page>(primary->events, with_backfill(page(100))); // the check at each start
  CHECK(primary->catalogues.front().what.scope == "one");
}

TEST_CASE_METHOD(cursor_fixture,
                 "what was asked under a former scope is dropped, and all is compared",
                 "[log_cursor][scopes]") {
  registry->stored.backfills = {complete_walk()};
  start_known();
  const auto change_scope = [&] {
    registry->stored.backfills = {walk_at(walk_stage::none, record_id_before_all)};
    registry->stored.cursor.scope = "two";
    caf::anon_send(testee, atom::scope_v, scope_digest{"two"});
    deliver_all();
  };
  SECTION("a page of events") {
    change_scope();
    answer_next<events_page>(primary->events, page(105, {105}));
    CHECK(registry->events.empty());
  }
  SECTION("a page of the catalogue") {
    answer_next<events_page>(primary->events, with_backfill(page(100)));
    change_scope();
    answer_next<catalogue_page>(primary->catalogues,
                                catalogue_page{"widget", 1, record_id_before_all, {}, 7, true});
    CHECK(registry->catalogues.empty());
  }
  SECTION("a page that the registry had before it knew") {
    answer_next<events_page>(primary->events, page(105, {105}));
    change_scope();
    applied dropped;
    dropped.other_scope = true;
    answer_next<applied>(registry->events, dropped);
    CHECK(due->empty());
  }
  SECTION("a question that the primary could no longer place") {
    change_scope();
    answer_next<events_page>(primary->events, fail(ec::scope_unknown, "changed meanwhile"));
    CHECK(status().trouble.empty());
  }
  CHECK(status().cursor.place.id == 100);
  scope = "two";
  const auto again = answer_next<events_page>(primary->events, with_backfill(page(100)));
  CHECK(again.after.id == 100);
  CHECK(again.scope == "two");
  REQUIRE(primary->catalogues.size() == 1);
  CHECK(primary->catalogues.front().what.after == record_id_before_all);
  CHECK(primary->catalogues.front().what.scope == "two");
}

TEST_CASE_METHOD(cursor_fixture, "a primary that knows no scope is trouble, not a loop",
                 "[log_cursor][scopes]") {
  start_known();
  answer_next<events_page>(primary->events, fail(ec::scope_unknown, "never heard of it"));
  CHECK(primary->events.empty());
  CHECK(status().trouble == "never heard of it");
  advance(10s);
  REQUIRE(primary->events.size() == 1); // asked again later
}

TEST_CASE_METHOD(cursor_fixture, "a record is in scope or outside, and one that was asked for",
                 "[log_cursor][scopes]") {
  start_confirming();
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  answer_next<std::vector<record_id>>(registry->suspects, std::vector<record_id>{3, 5});
  records_page bad{"widget", 1, {3, 5}, {}, {}};
  SECTION("both") {
    bad.rows = {{5, "5", "w/5", {}, 0, {}}};
    bad.outside = {5};
  }
  SECTION("never asked for") {
    bad.outside = {4};
  }
  answer_next<records_page>(primary->records, bad);
  CHECK(registry->records.empty());
  CHECK_FALSE(status().reachable);
}

TEST_CASE_METHOD(cursor_fixture, "a type that is wanted again is compared", "[log_cursor]") {
  registry->stored.backfills = {complete_walk()};
  start_known();
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  answer_next<catalogue_page>(primary->catalogues,
                              catalogue_page{"widget", 1, record_id_before_all, {}, 0, true});
  answer_next<applied>(registry->catalogues, applied{{}, 0, complete_walk()});
  caf::anon_send(testee, atom::declare_v, std::vector<std::string>{});
  deliver_all();
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  CHECK(primary->catalogues.empty());
  caf::anon_send(testee, atom::declare_v, std::vector<std::string>{"widget"});
  deliver_all();
  answer_next<events_page>(primary->events, with_backfill(page(100)));
  CHECK(primary->catalogues.front().what.after == record_id_before_all);
}
