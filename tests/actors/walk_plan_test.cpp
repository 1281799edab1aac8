#include "actors/walk_plan.hpp"

#include <catch2/catch.hpp>

using namespace farshore;

namespace {

backfill_state walk(walk_stage stage, bool complete, record_id after = record_id_before_all,
                    const std::string& type = "file") {
  backfill_state state;
  state.type = type;
  state.generation = 1;
  state.after = after;
  state.complete = complete;
  state.stage = stage;
  return state;
}

const std::vector<type_status> ready{{"file", 1, {}}, {"scan", 1, {}}};

walk_plan plan_of(std::vector<backfill_state> walks) {
  walk_plan plan;
  plan.want({"file", "scan"});
  plan.know(std::move(walks));
  return plan;
}

const auto idle = walk(walk_stage::none, true, record_id_before_all, "scan");

} // namespace

TEST_CASE("a type that was never walked through, or of an older generation, comes first",
          "[walk_plan]") {
  CHECK(plan_of({idle}).next(ready, 9).what == walk_step::kind::page);
  auto older = walk(walk_stage::confirming, true, 7);
  older.generation = 0;
  const auto next = plan_of({older, idle}).next(ready, 9);
  CHECK(next.what == walk_step::kind::page);
  CHECK(next.after == record_id_before_all);
}

TEST_CASE("a walk goes on where it is, then rests until it is called for", "[walk_plan]") {
  auto plan = plan_of({walk(walk_stage::reading, true, 7), idle});
  plan.recheck("file");
  CHECK(plan.next(ready, 9).after == 7);
  plan.know(walk(walk_stage::none, true));
  CHECK(plan.next(ready, 9).what == walk_step::kind::compare); // the one that was called for
  plan.comparing("file");
  CHECK(plan.next(ready, 9).what == walk_step::kind::compare); // it goes on
  plan.compared("file");
  CHECK(plan.next(ready, 9).what == walk_step::kind::none);
  CHECK(plan.all_complete());
}

TEST_CASE("a check by pages is one, and the next compares again", "[walk_plan]") {
  auto plan = plan_of({walk(walk_stage::none, true), idle});
  plan.recheck("file");
  plan.read_pages("file");
  CHECK(plan.next(ready, 9).what == walk_step::kind::page);
  CHECK(plan.next(ready, 9).after == record_id_before_all);
  plan.begun("file");
  CHECK(plan.next(ready, 9).what == walk_step::kind::none);
  plan.recheck("file");
  CHECK(plan.next(ready, 9).what == walk_step::kind::compare);
}

TEST_CASE("what is called for during a comparison is another one, after it", "[walk_plan]") {
  auto plan = plan_of({walk(walk_stage::none, true), idle});
  plan.recheck("file");
  plan.comparing("file");
  plan.recheck("file");
  plan.compared("file");
  CHECK(plan.next(ready, 9).what == walk_step::kind::compare);
  plan.comparing("file");
  plan.read_pages("file");
  CHECK(plan.next(ready, 9).what == walk_step::kind::page);
}

TEST_CASE("what a gap in the log left incomplete is walked through anew", "[walk_plan]") {
  const auto plan = plan_of({walk(walk_stage::none, false), idle});
  CHECK(plan.next(ready, 9).what == walk_step::kind::page);
  CHECK_FALSE(plan.all_complete());
}

TEST_CASE("suspects wait for the log, and keep no other type waiting", "[walk_plan]") {
  auto plan = plan_of({walk(walk_stage::confirming, true), idle});
  CHECK(plan.next(ready, 9).what == walk_step::kind::position);
  plan.stands("file", 10);
  CHECK(plan.next(ready, 9).what == walk_step::kind::none);
  CHECK(plan.next(ready, 10).what == walk_step::kind::suspects);
  plan.recheck("scan");
  CHECK(plan.next(ready, 9).type == "scan");
  // The next walk's suspects need a position of their own.
  plan.know(walk(walk_stage::none, true));
  plan.know(walk(walk_stage::confirming, true));
  CHECK(plan.next(ready, 10).what == walk_step::kind::position);
}

TEST_CASE("a type that is waiting, not ready, not wanted or not declared is never walked",
          "[walk_plan]") {
  const auto plan = plan_of({walk(walk_stage::none, false), idle});
  CHECK(plan.next({}, 9).what == walk_step::kind::none);
  const std::vector<type_status> others{{"file", 1, "no table"}, {"scan", 0, {}}, {"odd", 1, {}}};
  CHECK(plan.next(others, 9).what == walk_step::kind::none);
}

TEST_CASE("what a person has ordered can be taken back, and nothing else can", "[walk_plan]") {
  auto plan = plan_of({walk(walk_stage::none, true), idle});
  CHECK_FALSE(plan.forget("file")); // nothing is ordered
  plan.order("file");
  CHECK(plan.next(ready, 9).what == walk_step::kind::compare);
  CHECK(plan.forget("file"));
  CHECK(plan.next(ready, 9).what == walk_step::kind::none);

  plan.order("file");
  plan.comparing("file"); // also when it has begun
  CHECK(plan.forget("file"));
  CHECK(plan.next(ready, 9).what == walk_step::kind::none);

  plan.recheck("file"); // the repair of last resort, or a type that came back
  plan.order("file");
  CHECK_FALSE(plan.forget("file"));
  plan.comparing("file");
  plan.order("file");
  CHECK_FALSE(plan.forget("file"));
  CHECK(plan.next(ready, 9).what == walk_step::kind::compare);
}

TEST_CASE("an order that has to be carried out anyway is not taken back", "[walk_plan]") {
  auto plan = plan_of({walk(walk_stage::none, true), idle});
  plan.order("file");
  plan.recheck("file");
  CHECK_FALSE(plan.forget("file"));
  auto reading = plan_of({walk(walk_stage::reading, true), idle});
  reading.order("file");
  CHECK_FALSE(reading.forget("file"));
}
