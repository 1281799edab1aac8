#include "actors/removal_guard.hpp"

#include <chrono>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;

namespace {
constexpr steady_time start{std::chrono::hours{1}};
}

TEST_CASE("few may go, a wave or all of them may not", "[removal_guard]") {
  removal_guard guard;
  CHECK(guard.allows(0, 0, start));
  CHECK(guard.allows(9, 20, start));
  CHECK_FALSE(guard.allows(10, 20, start));
  CHECK(guard.allows(10, 200, start));
  CHECK_FALSE(guard.allows(11, 200, start));
  CHECK(guard.allows(5'000, 100'000, start));
  CHECK_FALSE(guard.allows(5'001, 100'000, start));
  CHECK_FALSE(guard.allows(1, 1, start));
  CHECK_FALSE(guard.allows(3, 3, start));
}

TEST_CASE("a wave in portions is one within a minute", "[removal_guard]") {
  removal_guard guard;
  REQUIRE(guard.allows(6, 200, start));
  guard.removed(6, start);
  CHECK(guard.allows(4, 194, start + 59s));
  CHECK_FALSE(guard.allows(5, 194, start + 59s));
  CHECK(guard.allows(5, 194, start + 60s));
}

TEST_CASE("while something is held the minute stands still", "[removal_guard]") {
  removal_guard guard;
  guard.removed(10, start);
  CHECK_FALSE(guard.allows(50, 190, start + 1s));
  guard.hold(50, 190);
  CHECK_FALSE(guard.allows(8, 190, start + 10min));
  guard.release();
  CHECK(guard.allows(8, 190, start + 10min));
}

TEST_CASE("an approval is good for what was held, and no more", "[removal_guard]") {
  removal_guard guard;
  CHECK(guard.approve() == 0);
  guard.hold(50, 100);
  CHECK(guard.held() == 50);
  CHECK(guard.held_of() == 100);
  CHECK(guard.approve() == 50);
  CHECK(guard.allows(50, 100, start));
  CHECK(guard.allows(55, 100, start));
  CHECK_FALSE(guard.allows(90, 100, start));
  guard.use_up_approval(50);
  CHECK_FALSE(guard.allows(50, 100, start));
  guard.hold(100, 100);
  guard.approve();
  CHECK(guard.allows(100, 100, start));
}
