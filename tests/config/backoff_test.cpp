#include "config/backoff.hpp"

#include <climits>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

TEST_CASE("the wait doubles with each failure, within a quarter", "[backoff]") {
  random_source random{1};
  auto middle = milliseconds{2'000};
  for (int failures = 1; failures <= 10; ++failures, middle *= 2)
    for (int draw = 0; draw < 200; ++draw) {
      auto wait = backoff(failures, 2s, 1h, random);
      CAPTURE(failures, wait.count());
      CHECK(wait >= middle * 3 / 4);
      CHECK(wait <= middle * 5 / 4);
    }
}

TEST_CASE("waits of records that failed together differ", "[backoff]") {
  random_source random{2};
  auto least = milliseconds::max();
  auto most = 0ms;
  for (int draw = 0; draw < 200; ++draw) {
    auto wait = backoff(1, 10s, 1h, random);
    least = std::min(least, wait);
    most = std::max(most, wait);
  }
  CHECK(least < 8s);
  CHECK(most > 12s);
}

TEST_CASE("no wait exceeds the cap, however many failures", "[backoff]") {
  random_source random{3};
  for (int failures : {1, 12, 63, 64, 65, 1'000, INT_MAX}) {
    CAPTURE(failures);
    CHECK(backoff(failures, 2s, 1h, random) <= 1h);
    CHECK(backoff(failures, 2s, 1s, random) <= 1s);
    CHECK(missing_backoff(failures, 1h, random) <= 1h);
    CHECK(missing_backoff(failures, 500ms, random) <= 500ms);
  }
  CHECK(backoff(INT_MAX, 2s, 1h, random) >= 45min);
}

TEST_CASE("the longest cap does not overflow", "[backoff]") {
  random_source random{4};
  constexpr auto forever = milliseconds::max();
  for (int failures : {50, 62, 63, 64, INT_MAX})
    CHECK(backoff(failures, 1h, forever, random) > 0ms);
}

TEST_CASE("a count below one counts as the first failure", "[backoff]") {
  random_source random{5};
  for (int failures : {0, -1, INT_MIN + 1}) {
    CHECK(backoff(failures, 4s, 1h, random) <= 5s);
    CHECK(missing_backoff(failures, 1h, random) == 1s);
  }
}

TEST_CASE("what is missing on the primary is asked for six times in the first minute",
          "[backoff]") {
  random_source random{6};
  milliseconds expected = 1s;
  milliseconds total = 0ms;
  for (int tries = 1; tries <= 6; ++tries, expected *= 2) {
    CHECK(missing_backoff(tries, 1h, random) == expected);
    total += expected;
  }
  CHECK(total == 63s);
  auto seventh = missing_backoff(7, 1h, random);
  CHECK(seventh >= 48s);
  CHECK(seventh <= 80s);
  auto eighth = missing_backoff(8, 1h, random);
  CHECK(eighth >= 96s);
  CHECK(eighth <= 160s);
}
