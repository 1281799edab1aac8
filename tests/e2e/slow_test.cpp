#include "tests/e2e/kill_loop.hpp"

#include <catch2/catch.hpp>

TEST_CASE("both sides are equal after fifty kills under load", "[e2e][slow]") {
  farshore::test::kill_again_and_again(50);
}
