// Which time a transaction id stands for.

#include "registry/horizon.hpp"

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;

namespace {

wall_time at(std::chrono::seconds t) {
  return wall_time{1'000'000s + t};
}

} // namespace

TEST_CASE("without samples there is no horizon", "[horizon]") {
  horizon_samples testee;
  CHECK_FALSE(testee.horizon(100));
}

TEST_CASE("the horizon is the newest sample wholly below", "[horizon]") {
  horizon_samples testee;
  testee.sample(at(1s), 10);
  testee.sample(at(2s), 20);
  testee.sample(at(3s), 30);
  CHECK_FALSE(testee.horizon(9));
  CHECK(testee.horizon(10) == at(1s));
  CHECK(testee.horizon(19) == at(1s));
  CHECK(testee.horizon(20) == at(2s));
  CHECK(testee.horizon(1000) == at(3s));
}

TEST_CASE("where nothing happens the horizon follows the clock and takes no room", "[horizon]") {
  horizon_samples testee;
  for (auto t = 1s; t <= 10'000s; ++t)
    testee.sample(at(t), 10);
  CHECK(testee.horizon(10) == at(10'000s));
  CHECK(testee.size() == 1);
}

TEST_CASE("a clock that is set back never takes the horizon back", "[horizon]") {
  horizon_samples testee;
  testee.sample(at(100s), 10);
  testee.sample(at(40s), 20);
  CHECK(testee.horizon(20) == at(100s));
  testee.sample(at(101s), 30);
  CHECK(testee.horizon(30) == at(101s));
}

TEST_CASE("a database that counts from below starts the samples over", "[horizon]") {
  horizon_samples testee;
  testee.sample(at(1s), 1000);
  testee.sample(at(2s), 10);
  CHECK(testee.horizon(10) == at(2s));
  CHECK(testee.size() == 1);
}

TEST_CASE("days of samples take bounded room and stay true", "[horizon]") {
  horizon_samples testee;
  constexpr auto last = 300'000;
  for (int i = 1; i <= last; ++i)
    testee.sample(at(std::chrono::seconds{i}), static_cast<std::uint64_t>(i) * 10);
  CHECK(testee.size() <= horizon_samples::samples_max);
  CHECK(testee.horizon(last * 10) == at(std::chrono::seconds{last}));
  for (int i = 1; i <= last; i += 997) {
    const auto found = testee.horizon(static_cast<std::uint64_t>(i) * 10);
    REQUIRE(found);
    CHECK(*found <= at(std::chrono::seconds{i}));
  }
}
