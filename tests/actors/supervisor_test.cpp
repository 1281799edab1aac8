// Supervisor: capacity is never exceeded, a record has one worker, every ending becomes one
// outcome.

#include "actors/supervisor.hpp"

#include "actors/capacity.hpp"
#include "config/backoff.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/fake_partners.hpp"

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;

namespace {

struct supervisor_fixture : test::actor_fixture {
  std::shared_ptr<test::fake_registry> registry = std::make_shared<test::fake_registry>();
  std::shared_ptr<test::fake_primary> primary = std::make_shared<test::fake_primary>();
  std::shared_ptr<test::fake_disk> disk = std::make_shared<test::fake_disk>();
  registry_actor registry_handle = spawn(test::play_registry, registry);
  capacity_actor pool;
  supervisor_actor testee;
  claim_token next_token = 1;

  void start(std::size_t capacity_total = 8, std::size_t kept_for_live = 0) {
    pool = spawn(capacity, capacity_total);
    supervisor_parts parts;
    parts.policy.type = "widget";
    parts.policy.capacity = capacity_total;
    parts.policy.live_capacity = kept_for_live;
    parts.policy.min_free = {10, UINT64_MAX};
    parts.policy.store_name = "store /x";
    if (kept_for_live > 0)
      parts.live_capacity = spawn(capacity, kept_for_live);
    parts.store = std::make_shared<test::idle_strategy>();
    parts.registry = registry_handle;
    parts.primary = spawn(test::play_primary, primary);
    parts.disk = spawn(test::play_disk, disk);
    parts.capacity = pool;
    parts.time = &time;
    parts.seed = 7;
    testee = spawn(supervisor, parts);
    wake();
  }

  void wake() {
    caf::anon_send(testee, atom::wake_v);
    deliver_all();
  }

  claim a_claim(record_id record, int retry_count = 0) {
    claim one;
    one.token = next_token++;
    one.id = {"widget", record};
    one.target = 10 * record;
    one.locator = "w/" + std::to_string(record);
    one.retry_count = retry_count;
    return one;
  }

  void grant(std::vector<claim> claims, bool passed_over = false,
             std::optional<std::chrono::milliseconds> next_due = {}) {
    REQUIRE(registry->claims.size() == 1);
    auto open = std::move(registry->claims.front());
    registry->claims.pop_front();
    REQUIRE(claims.size() <= open.what);
    claimed got;
    got.claims = std::move(claims);
    got.lease = 10s;
    got.passed_over = passed_over;
    got.next_due = next_due;
    open.answer.deliver(result<claimed>{std::move(got)});
    deliver_all();
  }

  template <class T, class Queue>
  void answer_next(Queue& queue, result<T> with) {
    REQUIRE_FALSE(queue.empty());
    auto open = std::move(queue.front());
    queue.pop_front();
    open.answer.deliver(std::move(with));
    deliver_all();
  }

  /// The next outcome that the registry was told; confirmed.
  outcome ended() {
    REQUIRE(registry->outcomes.size() >= 1);
    auto open = std::move(registry->outcomes.front());
    registry->outcomes.pop_front();
    open.answer.deliver(result<bool>{true});
    deliver_all();
    return open.what;
  }
};

} // namespace

TEST_CASE_METHOD(supervisor_fixture, "no more records are in flight than there are credits",
                 "[supervisor]") {
  start(3);
  CHECK(registry->claims.front().what == 3);
  grant({a_claim(1), a_claim(2), a_claim(3)});
  CHECK(primary->fetches.size() == 3);
  CHECK(registry->claims.empty());
  wake();
  CHECK(registry->claims.empty()); // every credit is in use

  answer_next<done>(primary->fetches, done{});
  answer_next<landed>(disk->places, landed{});
  CHECK(registry->claims.empty()); // not confirmed yet: still in flight
  CHECK(ended().how == outcome::kind::synced);
  REQUIRE(registry->claims.size() == 1);
  CHECK(registry->claims.front().what == 1);
}

TEST_CASE_METHOD(supervisor_fixture, "types share the credits, and what one leaves another takes",
                 "[supervisor]") {
  start(4);
  grant({a_claim(1)}); // three credits go back
  auto other = ask<std::size_t>(pool, atom::acquire_v, std::size_t{8});
  REQUIRE(other->value);
  CHECK(*other->value == 3);
}

TEST_CASE_METHOD(supervisor_fixture,
                 "a record that is synced is reported once, with what is on disk", "[supervisor]") {
  start();
  grant({a_claim(5)});
  REQUIRE(primary->fetches.size() == 1);
  primary->fetches.front().what.job->progress = 60; // of a transfer that was resumed
  answer_next<done>(primary->fetches, done{});
  landed what;
  what.sum[0] = 0xab;
  what.size = 77;
  answer_next<landed>(disk->places, what);
  auto how = ended();
  CHECK(how.how == outcome::kind::synced);
  CHECK(how.id == replicable_id{"widget", 5});
  CHECK(how.reached == 50);
  CHECK(how.sum[0] == 0xab);
  CHECK(how.size == 77);
  CHECK(registry->outcomes.empty());
  auto totals = ask<transfer_totals>(testee, atom::status_v);
  REQUIRE(totals->value);
  CHECK(totals->value->records == 1);
  CHECK(totals->value->bytes == 60);
  CHECK(totals->value->in_flight == 0);
}

TEST_CASE_METHOD(supervisor_fixture, "what ended after its claim had run out is looked for again",
                 "[supervisor]") {
  start();
  grant({a_claim(5)});
  answer_next<done>(primary->fetches, done{});
  answer_next<landed>(disk->places, landed{});
  REQUIRE(registry->outcomes.size() == 1);
  registry->outcomes.front().answer.deliver(result<bool>{false});
  registry->outcomes.pop_front();
  deliver_all();
  CHECK(registry->claims.empty());
  advance(1s);
  CHECK(registry->claims.size() == 1);
}

TEST_CASE_METHOD(supervisor_fixture, "what a worker gives back is looked for again",
                 "[supervisor]") {
  start();
  grant({a_claim(5)});
  answer_next<done>(primary->fetches, fail(ec::lease_lost, "its claim was taken away"));
  CHECK(ended().how == outcome::kind::given_back);
  CHECK(registry->claims.empty());
  advance(1s);
  CHECK(registry->claims.size() == 1);
}

TEST_CASE_METHOD(supervisor_fixture, "an unwanted record is removed, not fetched", "[supervisor]") {
  start();
  auto gone = a_claim(6);
  gone.wanted = false;
  gone.remove = {"w/6", "old/6"};
  grant({gone});
  CHECK(primary->fetches.empty());
  REQUIRE(disk->removals.size() == 1);
  CHECK(disk->removals.front().what.locators == std::vector<std::string>{"w/6", "old/6"});
  answer_next<done>(disk->removals, done{});
  CHECK(ended().how == outcome::kind::removed);
}

TEST_CASE_METHOD(supervisor_fixture, "former places are cleared only after the new one is on disk",
                 "[supervisor]") {
  start();
  auto moved = a_claim(6);
  moved.remove = {"old/6"};
  moved.stale_settled = 1;
  grant({moved});
  answer_next<done>(primary->fetches, done{});
  CHECK(disk->removals.empty());
  answer_next<landed>(disk->places, landed{});
  REQUIRE(disk->removals.size() == 1);
  CHECK(registry->outcomes.empty());
  answer_next<done>(disk->removals, done{});
  auto how = ended();
  CHECK(how.how == outcome::kind::synced);
  CHECK(how.stale_settled == 1);
}

TEST_CASE_METHOD(supervisor_fixture, "a failure names the record and backs off along the curve",
                 "[supervisor]") {
  start();
  for (int before = 0; before < 12; ++before) {
    CAPTURE(before);
    grant({a_claim(9, before)}, true);
    answer_next<done>(primary->fetches, fail(ec::unreadable_on_primary, "permission denied"));
    auto how = ended();
    CHECK(how.how == outcome::kind::failed);
    CHECK(how.why.code == ec::unreadable_on_primary);
    CHECK_THAT(how.why.message, Catch::Contains("widget/9") && Catch::Contains("w/9") &&
                                    Catch::Contains("permission denied"));
    const auto middle = std::min<double>(2000.0 * std::pow(2.0, before), 3'600'000);
    CHECK(double(how.retry_after.count()) >= 0.74 * middle);
    CHECK(double(how.retry_after.count()) <= std::min(1.26 * middle, 3'600'000.0));
  }
}

TEST_CASE_METHOD(supervisor_fixture, "what is missing on the primary is tried again within seconds",
                 "[supervisor]") {
  start();
  const long expected[] = {1, 2, 4, 8, 16, 32};
  for (int before = 0; before < 6; ++before) {
    grant({a_claim(9, before)}, true);
    answer_next<done>(primary->fetches, fail(ec::missing_on_primary, "no file"));
    CHECK(ended().retry_after == std::chrono::seconds{expected[before]});
  }
}

TEST_CASE_METHOD(supervisor_fixture, "an unreachable primary is nobody's failure, and holds claims",
                 "[supervisor]") {
  start();
  grant({a_claim(1), a_claim(2)});
  answer_next<done>(primary->fetches, fail(ec::primary_unreachable, "connection refused"));
  answer_next<done>(primary->fetches, fail(ec::primary_unreachable, "connection refused"));
  CHECK(ended().how == outcome::kind::given_back);
  CHECK(ended().how == outcome::kind::given_back);
  wake();
  CHECK(registry->claims.empty());

  SECTION("until the primary answers again") {
    caf::anon_send(testee, atom::reachable_v);
    deliver_all();
    CHECK(registry->claims.size() == 1);
  }
  SECTION("or the outage's back-off is over") {
    advance(1s);
    advance(1s);
    CHECK(registry->claims.size() == 1);
  }
}

TEST_CASE_METHOD(supervisor_fixture,
                 "a connection that breaks under a record is that record's failure",
                 "[supervisor]") {
  start();
  grant({a_claim(1)});
  primary->fetches.front().what.job->moving = true;
  answer_next<done>(primary->fetches, fail(ec::primary_unreachable, "reset by peer"));
  CHECK(ended().how == outcome::kind::failed);
}

TEST_CASE_METHOD(supervisor_fixture,
                 "a transfer is given up when nothing moves, not when it is slow", "[supervisor]") {
  start();
  grant({a_claim(1)});
  auto job = primary->fetches.front().what.job;
  auto keep_lease = [&] {
    if (registry->renewals.empty())
      return;
    auto open = std::move(registry->renewals.front());
    registry->renewals.pop_front();
    open.answer.deliver(result<std::vector<claim_token>>{open.what});
    deliver_all();
  };
  for (int second = 0; second < 120; ++second) { // waiting for its turn is no lack of progress
    advance(1s);
    keep_lease();
  }
  job->moving = true;
  for (int second = 0; second < 120; ++second) {
    job->progress += 1;
    advance(1s);
    keep_lease();
  }
  CHECK(registry->outcomes.empty());
  for (int second = 0; second < 29; ++second) {
    advance(1s);
    keep_lease();
  }
  CHECK(registry->outcomes.empty());
  advance(1s);
  advance(1s);
  REQUIRE(registry->outcomes.size() == 1);
  auto how = ended();
  CHECK(how.how == outcome::kind::failed);
  CHECK(how.why.code == ec::no_progress);
  CHECK_FALSE(job->held->lasts(time.now())); // whatever still arrives changes nothing
}

TEST_CASE_METHOD(supervisor_fixture,
                 "a lease is renewed while work goes on, and its loss ends the work",
                 "[supervisor]") {
  start();
  grant({a_claim(1)});
  auto job = primary->fetches.front().what.job;
  advance(1s);
  REQUIRE(registry->renewals.size() == 1);
  answer_next<std::vector<claim_token>>(registry->renewals, std::vector<claim_token>{1});
  CHECK(job->held->lasts(time.now() + 9900ms));
  advance(1s);
  answer_next<std::vector<claim_token>>(registry->renewals, std::vector<claim_token>{});
  CHECK_FALSE(job->held->lasts(time.now()));
  CHECK(ended().how == outcome::kind::given_back);
}

TEST_CASE_METHOD(supervisor_fixture, "a late worker changes nothing", "[supervisor]") {
  start();
  grant({a_claim(1)});
  advance(1s);
  answer_next<std::vector<claim_token>>(registry->renewals, std::vector<claim_token>{});
  CHECK(ended().how == outcome::kind::given_back);
  caf::anon_send(testee, worker_report{1, outcome::kind::synced, {}, {}});
  deliver_all();
  CHECK(registry->outcomes.empty());
}

TEST_CASE_METHOD(supervisor_fixture, "a worker that crashes becomes one failed outcome",
                 "[supervisor]") {
  start();
  grant({a_claim(1)});
  auto open = std::move(primary->fetches.front()); // its answer is an error of CAF's: unhandled
  primary->fetches.pop_front();
  open.answer.deliver(caf::make_error(caf::sec::runtime_error));
  deliver_all();
  auto how = ended();
  CHECK(how.how == outcome::kind::failed);
  CHECK(how.why.code == ec::internal);
  CHECK(registry->outcomes.empty());
}

TEST_CASE_METHOD(supervisor_fixture, "a failed record is tried again though nothing else happens",
                 "[supervisor]") {
  start();
  grant({a_claim(9)});
  answer_next<done>(primary->fetches, fail(ec::missing_on_primary, "no file"));
  CHECK(ended().retry_after == 1s);
  CHECK(registry->claims.empty());
  advance(1s);
  CHECK(registry->claims.size() == 1);
}

TEST_CASE_METHOD(supervisor_fixture, "a change that lands in flight is looked for when that ends",
                 "[supervisor]") {
  start();
  grant({a_claim(1)});
  wake();
  grant({}); // the store did not see it as due
  answer_next<done>(primary->fetches, done{});
  answer_next<landed>(disk->places, landed{});
  ended();
  CHECK(registry->claims.size() == 1);
}

TEST_CASE_METHOD(supervisor_fixture, "the next retry wakes it by itself", "[supervisor]") {
  start();
  grant({}, false, 3000ms);
  advance(2999ms);
  CHECK(registry->claims.empty());
  advance(1ms);
  CHECK(registry->claims.size() == 1);
}

TEST_CASE_METHOD(supervisor_fixture,
                 "a record that was passed over is looked for when a flight has ended",
                 "[supervisor]") {
  start();
  grant({a_claim(1)});
  wake(); // its update landed while it was in flight
  grant({}, true);
  answer_next<done>(primary->fetches, done{});
  answer_next<landed>(disk->places, landed{});
  CHECK(registry->claims.empty());
  ended();
  CHECK(registry->claims.size() == 1);
}

TEST_CASE_METHOD(supervisor_fixture, "a clean stop gives every claim back and then answers",
                 "[supervisor]") {
  start();
  grant({a_claim(1), a_claim(2)});
  auto stopped = ask<result<done>>(testee, atom::stop_v);
  CHECK_FALSE(stopped->arrived);
  CHECK(ended().how == outcome::kind::given_back);
  CHECK_FALSE(stopped->arrived);
  CHECK(ended().how == outcome::kind::given_back);
  CHECK(stopped->arrived);
  wake();
  CHECK(registry->claims.empty());
}

TEST_CASE_METHOD(supervisor_fixture, "credits that a stopped supervisor waited for are not lost",
                 "[supervisor]") {
  start(1);
  grant({}); // nothing is due: the credit is back
  REQUIRE(ask<std::size_t>(pool, atom::acquire_v, std::size_t{1})->value == 1u);
  wake(); // waits for it
  CHECK(ask<result<done>>(testee, atom::stop_v)->arrived);
  caf::anon_send_exit(testee, caf::exit_reason::user_shutdown);
  caf::anon_send(pool, atom::give_back_v, std::size_t{1});
  deliver_all();
  CHECK(ask<std::size_t>(pool, atom::acquire_v, std::size_t{1})->value == 1u);
}

TEST_CASE_METHOD(supervisor_fixture, "a locator that the strategy refuses fails without a transfer",
                 "[supervisor]") {
  start();
  auto bad = a_claim(1);
  bad.locator = "refused";
  grant({bad});
  CHECK(primary->fetches.empty());
  CHECK(ended().why.code == ec::bad_locator);
}

// -- live changes beside a backlog
// -----------------------------------------------------------------

TEST_CASE_METHOD(supervisor_fixture, "a live change finds credits of its own beside a full backlog",
                 "[supervisor]") {
  start(2, 1);
  REQUIRE(registry->claims.size() == 2); // one for each kind of credits
  CHECK(registry->scopes == std::vector{claim_scope::live, claim_scope::all});
  registry->claims.front().answer.deliver(result<claimed>{claimed{}});
  registry->claims.pop_front();
  deliver_all();
  grant({a_claim(1), a_claim(2)}); // and more is due
  registry->scopes.clear();
  wake();
  REQUIRE(registry->claims.size() == 1);
  CHECK(registry->scopes == std::vector{claim_scope::live});
  auto live = a_claim(3);
  live.live = true;
  grant({live});
  REQUIRE(primary->fetches.size() == 3);
  CHECK_FALSE(primary->fetches[0].what.job->live);
  CHECK(primary->fetches[2].what.job->live);
  registry->scopes.clear();
  wake();
  CHECK(registry->claims.empty()); // its credit is in use as well

  // The live one ends: its credit is for the next live one, not for the backlog.
  std::swap(primary->fetches[0], primary->fetches[2]);
  answer_next<done>(primary->fetches, done{});
  answer_next<landed>(disk->places, landed{});
  CHECK(ended().how == outcome::kind::synced);
  CHECK(registry->scopes == std::vector{claim_scope::live});
}

// -- free space
// ------------------------------------------------------------------------------------

TEST_CASE_METHOD(supervisor_fixture, "below the low-water mark only removals are claimed",
                 "[supervisor]") {
  disk->space.store = disk_space{9, 100};
  start();
  CHECK(registry->scopes == std::vector{claim_scope::removals});
  grant({});
  auto status = ask<transfer_totals>(testee, atom::status_v);
  CHECK_THAT(status->value->short_of_space,
             Catch::Contains("store /x has 9 bytes free of 100 bytes") &&
                 Catch::Contains("stops below 10 bytes") && Catch::Contains("free some space"));

  auto gone = a_claim(4);
  gone.wanted = false;
  gone.remove = {"w/4"};
  wake();
  grant({gone});
  REQUIRE(disk->removals.size() == 1);
  answer_next<done>(disk->removals, done{});
  CHECK(ended().how == outcome::kind::removed);
}

TEST_CASE_METHOD(supervisor_fixture,
                 "it goes on by itself once there is a tenth more than the mark", "[supervisor]") {
  disk->space.store = disk_space{9, 100};
  start();
  grant({});
  disk->space.store = disk_space{10, 100};
  advance(1s);
  CHECK(registry->claims.empty());
  disk->space.store = disk_space{11, 100};
  registry->scopes.clear();
  advance(1s);
  REQUIRE(registry->claims.size() == 1);
  CHECK(registry->scopes == std::vector{claim_scope::all});
  CHECK(ask<transfer_totals>(testee, atom::status_v)->value->short_of_space.empty());
}

TEST_CASE_METHOD(supervisor_fixture, "a data folder that is short of room stops fetching, too",
                 "[supervisor]") {
  disk->space.data = disk_space{1, 100};
  start();
  CHECK(registry->scopes == std::vector{claim_scope::removals});
  CHECK_THAT(ask<transfer_totals>(testee, atom::status_v)->value->short_of_space,
             Catch::Contains("data folder has 1 bytes free"));
}

TEST_CASE_METHOD(supervisor_fixture, "a store that can't be asked for its room is not written to",
                 "[supervisor]") {
  disk->space.store = fail(ec::disk, "cannot ask: Input/output error");
  start();
  CHECK(registry->scopes == std::vector{claim_scope::removals});
  CHECK_THAT(ask<transfer_totals>(testee, atom::status_v)->value->short_of_space,
             Catch::Contains("Input/output error"));
}

TEST_CASE_METHOD(supervisor_fixture,
                 "room is asked for once a second, and what is on its way counts", "[supervisor]") {
  start();
  CHECK(disk->asked_for_space == 1);
  grant({a_claim(1)});
  auto job = primary->fetches.front().what.job;
  CHECK(job->room->load() == 90);
  job->begun = 50;
  job->progress = 20;
  advance(1s);
  CHECK(disk->asked_for_space == 2);
  CHECK(job->room->load() == 60);
}

TEST_CASE_METHOD(supervisor_fixture, "what does not fit is tried again within about a minute",
                 "[supervisor]") {
  start();
  grant({a_claim(9, 11)});
  answer_next<done>(primary->fetches, fail(ec::no_space, "it needs 2 GiB"));
  CHECK(disk->asked_for_space == 2); // the disk may be full: looked at at once
  const auto how = ended();
  CHECK(how.how == outcome::kind::failed);
  CHECK(how.retry_after <= 60s);
  CHECK(how.retry_after >= 40s);
}
