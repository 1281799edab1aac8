// Whose turn it is at a mirror.

#include "strategies/repository/mirror_turns.hpp"

#include <chrono>
#include <thread>
#include <utility>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;

TEST_CASE("what is due is kept up once, first what was noted first", "[upkeep]") {
  mirror_turns turns;
  CHECK_FALSE(turns.has_due());
  CHECK_FALSE(turns.begin_upkeep());
  turns.note({"b.git"});
  turns.note({"a.git", true});
  turns.note({"b.git"});
  CHECK(turns.has_due());
  const auto first = turns.begin_upkeep();
  REQUIRE(first);
  CHECK(first->what().locator == "b.git");
  CHECK_FALSE(first->what().broken_off);
  const auto second = turns.begin_upkeep();
  REQUIRE(second);
  CHECK(second->what().locator == "a.git");
  CHECK(second->what().broken_off);
  CHECK_FALSE(turns.has_due());
}

TEST_CASE("a mirror in use is passed over", "[upkeep]") {
  mirror_turns turns;
  turns.note({"a.git"});
  auto first = turns.begin_use("a.git");
  auto second = turns.begin_use("a.git");
  REQUIRE(first);
  REQUIRE(second);
  CHECK_FALSE(turns.has_due());
  turns.note({"b.git"});
  CHECK(turns.begin_upkeep()->what().locator == "b.git");
  first->end();
  first->end(); // counts once
  CHECK_FALSE(turns.begin_upkeep());
  {
    const auto moved = std::move(*second);
    CHECK_FALSE(turns.begin_upkeep());
  }
  CHECK(turns.begin_upkeep()->what().locator == "a.git");
}

TEST_CASE("an upkeep is not begun where another one is under way", "[upkeep]") {
  mirror_turns turns;
  turns.note({"a.git"});
  auto one = turns.begin_upkeep();
  REQUIRE(one);
  turns.note({"a.git"});
  CHECK_FALSE(turns.begin_upkeep());
  one.reset();
  CHECK(turns.begin_upkeep());
}

TEST_CASE("who comes to use a mirror breaks its upkeep off, and waits for its end", "[upkeep]") {
  mirror_turns turns;
  turns.note({"a.git"});
  auto upkeep = turns.begin_upkeep();
  REQUIRE(upkeep);
  CHECK_FALSE(upkeep->is_broken_off());
  CHECK(turns.begin_use("b.git")); // another one
  CHECK_FALSE(upkeep->is_broken_off());
  std::thread keeper{[&] {
    while (!upkeep->is_broken_off())
      std::this_thread::yield();
    turns.note({"a.git", true});
    upkeep.reset();
  }};
  {
    const auto use = turns.begin_use("a.git");
    keeper.join();
    CHECK(use);
    CHECK_FALSE(turns.has_due());
  }
  CHECK(turns.begin_upkeep());
}

TEST_CASE("an upkeep that does not end is not waited for without end", "[upkeep]") {
  mirror_turns turns;
  turns.note({"a.git"});
  auto upkeep = turns.begin_upkeep();
  const auto use = turns.begin_use("a.git", 1ms);
  REQUIRE_FALSE(use);
  CHECK(use.error().code == ec::disk);
  upkeep.reset();
  CHECK(turns.begin_use("a.git", 1ms));
  turns.note({"a.git"});
  CHECK(turns.begin_upkeep()); // whoever gave up is not counted
}
