// Site service: what a person orders becomes a job, on a real site over tables in memory.

#include "actors/site_service.hpp"

#include "actors/secondary_site.hpp"
#include "registry/memory_store.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/fake_partners.hpp"

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

struct service_fixture : test::actor_fixture {
  std::shared_ptr<memory_tables> tables = std::make_shared<memory_tables>();
  std::shared_ptr<test::fake_primary> primary = std::make_shared<test::fake_primary>();
  secondary_site_actor site;
  site_service_actor testee;

  service_fixture() {
    secondary_parts parts;
    parts.store = std::make_shared<memory_store>(tables, time, parts.settings.lease);
    parts.primary = spawn(test::play_primary, primary);
    parts.time = &time;
    parts.own_threads = false;
    parts.data_space = [] { return disk_space{1u << 30, 1u << 30}; };
    parts.open_store = [](const replicable_type&) -> result<std::shared_ptr<strategy>> {
      return fail(ec::disk, "there is no disk here");
    };
    site = spawn(secondary_site, parts);
    testee = spawn(secondary_service, site, &time);
    replicable_type file;
    file.name = "file";
    file.plural = "files";
    file.store = "/nowhere";
    const auto declared =
        ask<result<done>>(site, atom::declare_v, std::vector<replicable_type>{file}, free_mark{});
    REQUIRE(declared->value);
    REQUIRE(*declared->value);
  }

  result<job> order(site_order what) {
    const auto answer = ask<result<job>>(testee, std::move(what));
    REQUIRE(answer->value);
    return *answer->value;
  }
  result<std::vector<job>> jobs(std::uint64_t id = 0) {
    const auto answer = ask<result<std::vector<job>>>(testee, jobs_question{id});
    REQUIRE(answer->value);
    return *answer->value;
  }
  static site_order of(site_action what, const std::string& type = "file") {
    site_order order;
    order.what = what;
    order.type = type;
    order.by = "ada";
    return order;
  }
};

} // namespace

TEST_CASE_METHOD(service_fixture, "what is complete at once is a job that has ended",
                 "[site_service]") {
  for (const auto what : {site_action::pause, site_action::resume, site_action::approve}) {
    const auto one = order(of(what));
    REQUIRE(one);
    CHECK(one->now == job::stage::done);
    CHECK(one->ended_at == one->began_at);
    CHECK(one->order.by == "ada");
  }
  const auto all = jobs();
  REQUIRE(all);
  REQUIRE(all->size() == 3);
  CHECK(all->front().id == 3);
  CHECK(jobs(1)->front().order.what == site_action::pause);
}

TEST_CASE_METHOD(service_fixture, "what is refused makes no job", "[site_service]") {
  auto named = of(site_action::resync, "fiel");
  named.which.ids = {1};
  CHECK(order(named).error().code == ec::not_found);
  CHECK(order(of(site_action::pause, "fiel")).error().code == ec::not_found);
  auto compared = of(site_action::compare);
  compared.compare.types = {"fiel"};
  CHECK(order(compared).error().code == ec::not_found);
  auto searched = of(site_action::orphans);
  searched.orphans.type = "file";
  CHECK(order(searched).error().code == ec::disk);
  CHECK(jobs()->empty());
  CHECK(jobs(1).error().code == ec::not_found);
}

TEST_CASE_METHOD(service_fixture, "marking named records tells how many there were",
                 "[site_service]") {
  auto named = of(site_action::resync);
  named.which.ids = {1, 2};
  const auto one = order(named);
  REQUIRE(one);
  CHECK(one->now == job::stage::done);
  CHECK(one->counted == 0);
}

TEST_CASE_METHOD(service_fixture, "a check runs as long as its walk does", "[site_service]") {
  const auto one = order(of(site_action::recheck));
  REQUIRE(one);
  CHECK(one->now == job::stage::running);
  CHECK(one->total == 1);
  advance(1s);
  advance(1s);
  CHECK(jobs(one->id)->front().now == job::stage::running); // the primary tells nothing
}

TEST_CASE("a check is through when the walk that it ordered has ended, not the one before",
          "[site_service]") {
  service_state state{nullptr};
  job one;
  one.id = 1;
  const wall_time first{1h};
  state.rechecks[1] = {{"file", {first, 2}}, {"box", {std::nullopt, 1}}};
  std::map<std::string, std::optional<wall_time>> ends{{"file", first}, {"box", std::nullopt}};
  const auto look = [&] {
    return state.recheck_is_through(
        one, [&](const std::string& type) { return std::optional{ends.at(type)}; });
  };
  CHECK_FALSE(look());
  CHECK(one.through == 0);
  ends["box"] = first;
  ends["file"] = wall_time{2h}; // what was under way
  CHECK_FALSE(look());
  CHECK_FALSE(look());
  CHECK(one.through == 1);
  ends["file"] = wall_time{3h};
  CHECK(look());
  CHECK(one.through == 2);
}

TEST_CASE_METHOD(service_fixture, "a check ends where its type is disabled meanwhile",
                 "[site_service]") {
  const auto one = order(of(site_action::recheck));
  REQUIRE(one);
  ask<result<done>>(site, atom::declare_v, std::vector<replicable_type>{}, free_mark{});
  for (int i = 0; i < 3; ++i)
    advance(1s);
  CHECK(jobs(one->id)->front().now == job::stage::done);
}

TEST_CASE_METHOD(service_fixture, "a comparison is followed to its end", "[site_service]") {
  auto compared = of(site_action::compare, "");
  compared.compare.types = {"file"};
  compared.compare.patience = 10ms;
  const auto one = order(compared);
  REQUIRE(one);
  CHECK(one->now == job::stage::running);
  CHECK(order(compared).error().code == ec::overloaded);
  for (int i = 0; i < 100 && jobs(one->id)->front().now == job::stage::running; ++i)
    advance(1s);
  CHECK(jobs(one->id)->front().now == job::stage::done);
  CHECK_THAT(jobs(one->id)->front().at, Contains("of 1 types are equal"));
}

TEST_CASE_METHOD(service_fixture, "a comparison can be ended, and another begun",
                 "[site_service]") {
  auto compared = of(site_action::compare, "");
  compared.compare.types = {"file"};
  const auto one = order(compared);
  REQUIRE(one);
  CHECK(one->can_be_cancelled);
  const auto cancelled = ask<result<job>>(testee, job_cancel{one->id});
  REQUIRE(cancelled->value);
  REQUIRE(*cancelled->value);
  CHECK((*cancelled->value)->now == job::stage::cancelled);
  const auto stands = ask<result<comparison_status>>(site, atom::compare_v);
  REQUIRE(stands->value);
  REQUIRE(*stands->value);
  CHECK((*stands->value)->now == comparison_status::stage::done);
  REQUIRE((*stands->value)->types.size() == 1);
  CHECK_FALSE((*stands->value)->types.front().equal()); // nobody takes it for proved
  const auto next = order(compared);
  REQUIRE(next);
  CHECK(next->now == job::stage::running);
  advance(1s);
  CHECK(jobs(one->id)->front().now == job::stage::cancelled);
}

TEST_CASE_METHOD(service_fixture, "a check that is under way anyway is not ended",
                 "[site_service]") {
  const auto one = order(of(site_action::recheck));
  REQUIRE(one);
  const auto cancelled = ask<result<job>>(testee, job_cancel{one->id}); // the first one of all
  REQUIRE(cancelled->value);
  CHECK(cancelled->value->error().code == ec::overloaded);
  CHECK(jobs(one->id)->front().now == job::stage::running);
}

TEST_CASE_METHOD(service_fixture, "what has ended stays so when it is cancelled",
                 "[site_service]") {
  const auto one = order(of(site_action::pause));
  REQUIRE(one);
  const auto cancelled = ask<result<job>>(testee, job_cancel{one->id});
  REQUIRE(cancelled->value);
  REQUIRE(*cancelled->value);
  CHECK((*cancelled->value)->now == job::stage::done);
  const auto unknown = ask<result<job>>(testee, job_cancel{77});
  CHECK(unknown->value->error().code == ec::not_found);
}

TEST_CASE("the oldest jobs that have ended are forgotten, and none that runs", "[job_list]") {
  job_list jobs{3};
  const wall_time now{};
  const auto first = jobs.begin({}, now).id;
  for (int i = 0; i < 10; ++i)
    job_list::end(jobs.begin({}, now), job::stage::done, now);
  CHECK(jobs.all().size() == 3);
  CHECK(jobs.find(first) != nullptr);
  CHECK(jobs.find(2) == nullptr);
  CHECK(jobs.all().front().id == 11);
  CHECK(jobs.any_running());
}

TEST_CASE("a job that is done is through with all of it", "[job_list]") {
  job_list jobs;
  const wall_time now{};
  auto& one = jobs.begin({}, now);
  one.total = 7;
  one.through = 3;
  job_list::end(one, job::stage::done, now + 1s);
  CHECK(one.through == 7);
  CHECK(one.ended_at == now + 1s);
  CHECK(jobs.running().empty());
}
