#include "tests/e2e/kill_loop.hpp"

#include <catch2/catch.hpp>

TEST_CASE("both sides are equal after ten kills under load", "[e2e]") {
  farshore::test::kill_again_and_again(10);
}
