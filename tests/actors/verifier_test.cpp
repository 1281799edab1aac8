// VERIFIER: what is read when, and what is done with what was found.

#include "actors/verifier.hpp"

#include "tests/support/actor_fixture.hpp"
#include "tests/support/fake_partners.hpp"

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;

namespace {

verification_claim of(record_id record) {
  verification_claim one;
  one.id = {"file", record};
  one.locator = std::to_string(record);
  return one;
}

verification_round marked(std::vector<record_id> records, std::int64_t rows = 0) {
  verification_round round;
  for (const auto record : records)
    round.claims.push_back(of(record));
  round.marked = records.size();
  round.rows = rows;
  return round;
}

/// Of a reverify of all: so much is claimed by now.
verification_round of_all(std::vector<record_id> records, bool at_end, std::uint64_t order = 7) {
  auto round = marked(std::move(records));
  round.marked = 0;
  round.all_order = order;
  round.all_claimed = round.claims.empty() ? 100 : round.claims.back().id.record;
  round.all_at_end = at_end;
  return round;
}

/// A verifier whose registry and reader are the test's.
struct verifier_fixture : actor_fixture {
  std::shared_ptr<fake_registry> rows = std::make_shared<fake_registry>();
  std::deque<open_request<reading_request, result<verification_report>>> readings;
  std::deque<open_request<upkeep_request, result<bool>>> upkeeps;
  int woken = 0;
  verifier_actor testee;

  verifier_fixture() {
    verifier_parts parts;
    parts.type = "file";
    parts.store = std::make_shared<idle_strategy>();
    parts.registry = spawn(play_registry, rows);
    parts.supervisor = spawn([this](supervisor_actor::pointer) -> supervisor_actor::behavior_type {
      return {
          [this](atom::wake) { ++woken; },
          [](atom::reachable) {},
          [](const worker_report&) {},
          [](atom::tick) {},
          [](atom::status) { return transfer_totals{}; },
          [](atom::stop) { return result<done>{}; },
      };
    });
    parts.readers = {
        spawn([this](rest_reader_actor::pointer self) -> rest_reader_actor::behavior_type {
          return {
              [this,
               self](const reading_request& what) -> caf::result<result<verification_report>> {
                readings.push_back(
                    {what, {self, self->make_response_promise<result<verification_report>>()}});
                return readings.back().answer.promise;
              },
              [this, self](const upkeep_request& what) -> caf::result<result<bool>> {
                upkeeps.push_back({what, {self, self->make_response_promise<result<bool>>()}});
                return upkeeps.back().answer.promise;
              },
          };
        })};
    parts.reverify_after = 100s;
    parts.time = &time;
    testee = spawn(verifier, parts);
    deliver_all();
  }

  void claimed(verification_round round) {
    REQUIRE(!rows->verifications.empty());
    auto open = std::move(rows->verifications.front());
    rows->verifications.pop_front();
    open.answer.deliver(result<verification_round>{std::move(round)});
    deliver_all();
  }
  void kept_up(bool more) {
    REQUIRE(!upkeeps.empty());
    auto open = std::move(upkeeps.front());
    upkeeps.pop_front();
    open.answer.deliver(result<bool>{more});
    deliver_all();
  }
  /// The reader's answer to its oldest order: these are damaged, the others are right.
  void read(std::vector<record_id> damaged = {}) {
    REQUIRE(!readings.empty());
    auto open = std::move(readings.front());
    readings.pop_front();
    verification_report found;
    for (const auto& one : open.what.claims) {
      const bool bad = std::ranges::find(damaged, one.id.record) != damaged.end();
      found.outcomes.push_back(
          {one, bad ? std::optional{error{ec::checksum_mismatch, "bad"}} : std::nullopt, {}});
    }
    open.answer.deliver(result<verification_report>{std::move(found)});
    deliver_all();
  }
};

} // namespace

TEST_CASE_METHOD(verifier_fixture, "what is marked is read, told of, and asked for again",
                 "[verifier]") {
  claimed(marked({1, 2}, 2));
  read();
  REQUIRE(rows->verified.size() == 2);
  CHECK_FALSE(rows->verified.front().damage);
  CHECK(woken == 0);
  REQUIRE(rows->verifications.size() == 1);
  CHECK(rows->verifications.front().what.marked_after == 2);
  claimed(marked({}, 2)); // the end; what was marked behind our back is looked for once more
  REQUIRE(rows->verifications.size() == 1);
  CHECK(rows->verifications.front().what.marked_after == record_id_before_all);
  claimed(marked({}, 2));
  CHECK(rows->verifications.empty());
}

TEST_CASE_METHOD(verifier_fixture, "what seems damaged is looked at twice, then fetched anew",
                 "[verifier]") {
  rows->verified_due = 1;
  claimed(marked({1, 2, 3}));
  read({2, 3});
  REQUIRE(rows->verified.size() == 1);
  CHECK(readings.empty());
  advance(2s);
  REQUIRE(readings.size() == 1);
  CHECK(readings.front().what.claims == std::vector{of(2), of(3)});
  read({3});
  REQUIRE(rows->verified.size() == 3);
  CHECK_FALSE(rows->verified[1].damage);
  CHECK(rows->verified[2].damage);
  CHECK(woken > 0);
}

TEST_CASE_METHOD(verifier_fixture, "few batches are in flight, however much is marked",
                 "[verifier]") {
  std::vector<record_id> many(1024);
  for (std::size_t i = 0; i < many.size(); ++i)
    many[i] = static_cast<record_id>(i);
  claimed(marked(many));
  claimed(marked(many));
  CHECK(rows->verifications.empty());
  CHECK(readings.size() == 2 * 1024 / 32);
  for (int i = 0; i < 1024 / 32; ++i)
    read();
  CHECK(rows->verifications.size() == 1);
}

TEST_CASE_METHOD(verifier_fixture, "a reverify of all is told of only up to what was found",
                 "[verifier]") {
  claimed(of_all({1, 2}, false));
  CHECK(rows->verifications.front().what.all_order == 7);
  CHECK(rows->verifications.front().what.all_claimed == 2);
  CHECK(rows->verifications.front().what.all_told == record_id_before_all);
  claimed(of_all({3, 4}, false));
  CHECK(rows->verifications.empty()); // enough is in flight
  std::swap(readings[0], readings[1]);
  read(); // the later one
  REQUIRE(rows->verifications.size() == 1);
  CHECK(rows->verifications.front().what.all_told == record_id_before_all);
  claimed(of_all({5}, true));
  read(); // the first
  REQUIRE(rows->verifications.size() == 1);
  CHECK(rows->verifications.front().what.all_told == 4);
  claimed(of_all({}, true));
  CHECK(rows->verifications.empty());
  read();
  REQUIRE(rows->verifications.size() == 1);
  CHECK(rows->verifications.front().what.all_told == 100);
  claimed(marked({}));
  CHECK(rows->verifications.empty());
  CHECK(rows->verified.size() == 5);
}

TEST_CASE_METHOD(verifier_fixture, "another reverify of all begins anew", "[verifier]") {
  claimed(of_all({1, 2}, false));
  claimed(of_all({1}, false, 8));
  read();
  CHECK(rows->verifications.front().what.all_order == 8);
  CHECK(rows->verifications.front().what.all_claimed == 1);
  CHECK(rows->verifications.front().what.all_told == record_id_before_all);
}

TEST_CASE_METHOD(verifier_fixture, "what a reverify of all could not judge is marked",
                 "[verifier]") {
  claimed(of_all({1, 2, 3}, true));
  auto open = std::move(readings.front());
  readings.pop_front();
  verification_report found;
  found.outcomes.push_back({of(2), {}, {}});
  open.answer.deliver(result<verification_report>{std::move(found)});
  deliver_all();
  CHECK(rows->reverified == std::vector<record_id>{1, 3});
}

TEST_CASE_METHOD(verifier_fixture, "an order that is no longer wanted is cancelled", "[verifier]") {
  claimed(marked({1}));
  const auto cancelled = readings.front().what.cancelled;
  CHECK_FALSE(*cancelled);
  caf::anon_send_exit(testee, caf::exit_reason::user_shutdown);
  testee = verifier_actor{};
  deliver_all();
  CHECK(*cancelled);
}

TEST_CASE_METHOD(verifier_fixture, "upkeep is asked for on the tick, one resource at a time",
                 "[verifier]") {
  REQUIRE(upkeeps.size() == 1); // the first tick
  advance(1s);
  advance(1s);
  CHECK(upkeeps.size() == 1);
  kept_up(true);
  CHECK(upkeeps.size() == 1); // there is more
  kept_up(false);
  CHECK(upkeeps.empty());
  advance(1s);
  CHECK(upkeeps.size() == 1);
}

TEST_CASE_METHOD(verifier_fixture, "upkeep is asked for again after a reader's error",
                 "[verifier]") {
  REQUIRE(upkeeps.size() == 1);
  upkeeps.front().answer.deliver(result<bool>{fail(ec::internal, "by the test")});
  upkeeps.clear();
  deliver_all();
  CHECK(upkeeps.empty());
  advance(1s);
  CHECK(upkeeps.size() == 1);
}

TEST_CASE_METHOD(verifier_fixture, "upkeep ends with its verifier", "[verifier]") {
  const auto cancelled = upkeeps.front().what.cancelled;
  CHECK_FALSE(*cancelled);
  caf::anon_send_exit(testee, caf::exit_reason::user_shutdown);
  testee = verifier_actor{};
  deliver_all();
  CHECK(*cancelled);
  kept_up(true);
  advance(5s);
  CHECK(upkeeps.empty());
}

TEST_CASE_METHOD(verifier_fixture, "the walk goes on by itself", "[verifier]") {
  claimed(marked({}, 1000));
  std::size_t walked = 0;
  for (int second = 0; second < 50; ++second) {
    advance(1s);
    while (!rows->verifications.empty()) {
      walked += rows->verifications.front().what.walk_rows;
      claimed(marked({}, 1000));
    }
  }
  CHECK(walked >= 480);
  CHECK(walked <= 500);
}

TEST_CASE("the walk earns all rows within its interval, evenly", "[verifier]") {
  steady_time now{1h};
  walk_pace pace{100s, now};
  std::size_t first_half = 0;
  std::size_t all = 0;
  for (int second = 1; second <= 100; ++second) {
    const auto due = pace.take(1000, now += 1s, 1024);
    CHECK(due >= 9);
    CHECK(due <= 11);
    all += due;
    if (second == 50)
      first_half = all;
  }
  CHECK(first_half == 500);
  CHECK(all == 1000);
}

TEST_CASE("the walk earns few rows one by one", "[verifier]") {
  steady_time now{1h};
  walk_pace pace{7 * 24h, now};
  std::size_t all = 0;
  for (int minute = 0; minute < 7 * 24 * 60; ++minute)
    all += pace.take(3, now += 1min, 1024);
  CHECK(all >= 2);
  CHECK(all <= 3);
}

TEST_CASE("after a pause the walk makes no wave", "[verifier]") {
  steady_time now{1h};
  walk_pace pace{10min, now};
  CHECK(pace.take(1'000'000, now += 24h, 1024) == 1024);
  CHECK(pace.take(1'000'000, now, 1024) == 0);
  CHECK(pace.take(50, now += 24h, 1024) == 50);
}
