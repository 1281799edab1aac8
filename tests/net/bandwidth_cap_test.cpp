// The bandwidth cap: an average that holds, a burst that stays small, and turns that are fair.

#include "net/bandwidth_cap.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace farshore;
using namespace std::chrono_literals;

namespace {

struct hand_time final : time_source {
  [[nodiscard]] steady_time now() const override { return steady_time{at}; }
  [[nodiscard]] wall_time wall() const override { return wall_time{at}; }
  std::chrono::microseconds at{1'000'000};
};

bandwidth_plan plan_of(std::uint64_t rate) {
  return {{bandwidth_window{.bytes_per_second = rate}}};
}

struct cap_fixture {
  hand_time time;
  bandwidth_cap cap{time, plan_of(1'000'000)};

  /// Lanes that always want more, by kind; what each has read after `duration`.
  std::vector<std::uint64_t> read_for(std::chrono::microseconds duration,
                                      const std::vector<bandwidth_cap::kind>& lanes) {
    std::vector<std::uint64_t> read(lanes.size());
    std::vector<bandwidth_cap::ticket> places;
    for (const auto kind : lanes)
      places.push_back(cap.join(kind));
    for (const auto end = time.at + duration; time.at < end;) {
      auto next = std::chrono::microseconds{1s};
      for (std::size_t i = 0; i < lanes.size(); ++i) {
        if (const auto n = cap.take(places[i], 1 << 20); n > 0) {
          cap.settle(n, n);
          read[i] += n;
          places[i] = cap.join(lanes[i]);
        }
        next = std::min(next, cap.wait(places[i]));
      }
      time.at += next;
    }
    for (const auto place : places)
      cap.leave(place);
    return read;
  }
};

using enum bandwidth_cap::kind;

} // namespace

TEST_CASE_METHOD(cap_fixture, "without a cap everything may be read at once", "[bandwidth]") {
  cap.set_plan({});
  CHECK(cap.take(cap.join(large), 1 << 30) == 1 << 30);
  CHECK(cap.use().cap == 0);
}

TEST_CASE_METHOD(cap_fixture, "the average is the cap, for one lane and for many", "[bandwidth]") {
  const auto rate = GENERATE(10'000ull, 1'000'000ull, 500'000'000ull);
  const auto lanes = GENERATE(std::vector{large}, std::vector{small, small, large, large});
  CAPTURE(rate, lanes.size());
  cap.set_plan(plan_of(rate));
  std::uint64_t sum = 0;
  for (const auto bytes : read_for(10s, lanes))
    sum += bytes;
  CHECK(double(sum) > 9.7 * double(rate));
  CHECK(double(sum) < 10.2 * double(rate));
  CHECK(cap.use().cap == rate);
  CHECK(double(cap.use().rate) == Approx(double(rate)).epsilon(0.1));
}

TEST_CASE_METHOD(cap_fixture, "after a silence no more comes at once than a tenth of a second's",
                 "[bandwidth]") {
  time.at += 1h;
  std::uint64_t burst = 0;
  while (const auto n = cap.take(cap.join(small), 1 << 20))
    burst += n;
  CHECK(burst > 50'000);
  CHECK(burst <= 100'000);
}

TEST_CASE_METHOD(cap_fixture, "small lanes have half beside large ones, and all when alone",
                 "[bandwidth]") {
  const auto mixed = read_for(10s, {small, large, large, large});
  CHECK(double(mixed[0]) == Approx(5'000'000).epsilon(0.05));
  for (int i = 1; i < 4; ++i)
    CHECK(double(mixed[i]) == Approx(5'000'000 / 3.0).epsilon(0.05));
  CHECK(double(read_for(10s, {small})[0]) == Approx(10'000'000).epsilon(0.05));
}

TEST_CASE_METHOD(cap_fixture, "what was taken and not read is there for others", "[bandwidth]") {
  std::uint64_t read = 0;
  auto place = cap.join(small);
  for (int i = 0; i < 4'000; ++i) {
    time.at += 2500us;
    if (const auto n = cap.take(place, 1 << 20); n > 0) {
      cap.settle(n, n / 5);
      read += n / 5;
      place = cap.join(small);
    }
  }
  CHECK(double(read) == Approx(10'000'000).epsilon(0.05));
}

TEST_CASE_METHOD(cap_fixture, "pages count, but hold up what waits by a second at most",
                 "[bandwidth]") {
  cap.charge(50'000'000);
  const auto place = cap.join(small);
  CHECK(cap.take(place, 1) == 0);
  time.at += 1100ms;
  CHECK(cap.take(place, 1) == 1);
}

TEST_CASE_METHOD(cap_fixture, "a new plan is in force at once, and who waits hears of it",
                 "[bandwidth]") {
  cap.set_plan(plan_of(10'000));
  cap.charge(10'000);
  const auto place = cap.join(large);
  CHECK(cap.take(place, 512) == 0);
  CHECK(cap.wait(place) > 900ms);
  CHECK(cap.wait(place) <= 1s);
  cap.set_plan({});
  CHECK(cap.wait(place) == 0us);
  CHECK(cap.take(place, 1 << 20) == 1 << 20);
}

TEST_CASE_METHOD(cap_fixture, "a time of day begins by itself", "[bandwidth]") {
  // The machine's zone may be any: so a window that begins or ends with each hour.
  bandwidth_plan plan = plan_of(10'000);
  for (int hour = 0; hour < 24; hour += 2)
    plan.windows.push_back({.from = std::chrono::hours{hour},
                            .to = std::chrono::hours{hour + 1},
                            .bytes_per_second = 20'000});
  cap.set_plan(plan);
  const auto first = cap.use().cap;
  time.at += 1h;
  CHECK(cap.use().cap + first == 30'000);
}

TEST_CASE_METHOD(cap_fixture, "a silence shows as no rate", "[bandwidth]") {
  read_for(10s, {small});
  CHECK(cap.use().rate > 900'000);
  time.at += 7s;
  CHECK(cap.use().rate == 0);
}
