// The settings `bandwidth` and `min_free`: what is understood, and what is said of the rest.

#include "config/bandwidth.hpp"
#include "config/free_mark.hpp"

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

bandwidth_plan plan_of(std::initializer_list<const char*> entries) {
  bandwidth_plan plan;
  for (const auto* entry : entries) {
    const auto window = parse_bandwidth(entry);
    INFO(entry << ": " << (window ? "" : window.error()));
    REQUIRE(window);
    plan.windows.push_back(*window);
  }
  return plan;
}

enum weekday : unsigned { mon, tue, wed, thu, fri, sat, sun };

} // namespace

TEST_CASE("a rate alone holds always", "[bandwidth]") {
  const auto plan = plan_of({"20 MB/s"});
  CHECK(plan.at(mon, 0min) == 20'000'000);
  CHECK(plan.at(sun, 1439min) == 20'000'000);
  CHECK(plan_of({"64KiB/s"}).at(mon, 0min) == 65'536);
  CHECK(plan_of({"unlimited"}).at(mon, 0min) == 0);
  CHECK(bandwidth_plan{}.at(mon, 0min) == 0);
}

TEST_CASE("the last entry that fits counts", "[bandwidth]") {
  const auto plan =
      plan_of({"20 MB/s", "Mon-Fri 08:00-18:00 5 MB/s", "22:00-06:00 unlimited", "Sat 1 MB/s"});
  CHECK(plan.at(mon, 7h + 59min) == 20'000'000);
  CHECK(plan.at(mon, 8h) == 5'000'000);
  CHECK(plan.at(fri, 17h + 59min) == 5'000'000);
  CHECK(plan.at(fri, 18h) == 20'000'000);
  CHECK(plan.at(sun, 12h) == 20'000'000);
  CHECK(plan.at(mon, 23h) == 0);
  CHECK(plan.at(mon, 5h + 59min) == 0);
  CHECK(plan.at(mon, 6h) == 20'000'000);
  CHECK(plan.at(sat, 23h) == 1'000'000);
}

TEST_CASE("a night belongs to the day on which it begins", "[bandwidth]") {
  const auto plan = plan_of({"1 MB/s", "Fri 22:00-06:00 9 MB/s"});
  CHECK(plan.at(fri, 5h) == 1'000'000);
  CHECK(plan.at(fri, 22h) == 9'000'000);
  CHECK(plan.at(sat, 5h + 59min) == 9'000'000);
  CHECK(plan.at(sat, 6h) == 1'000'000);
  const auto sundays = plan_of({"1 MB/s", "Sun 22:00-06:00 9 MB/s"});
  CHECK(sundays.at(mon, 1h) == 9'000'000);
}

TEST_CASE("days come as ranges, through the week's end too, and as lists", "[bandwidth]") {
  const auto plan = plan_of({"1 MB/s", "Sat-Mon,Wed 00:00-24:00 9 MB/s"});
  for (const auto day : {sat, sun, mon, wed})
    CHECK(plan.at(day, 12h) == 9'000'000);
  for (const auto day : {tue, thu, fri})
    CHECK(plan.at(day, 12h) == 1'000'000);
}

TEST_CASE("what is wrong with a rate is said, and what to write", "[bandwidth]") {
  const auto said = [](const char* text) {
    const auto window = parse_bandwidth(text);
    return window ? std::string{"understood"} : window.error();
  };
  CHECK_THAT(said("20 MB"), Contains("no rate") && Contains("\"20 MB/s\""));
  CHECK_THAT(said("20 Mbit/s"), Contains("no rate"));
  CHECK_THAT(said("20 MB /s"), Contains("no rate"));
  CHECK_THAT(said(""), Contains("no rate"));
  CHECK_THAT(said("fast"), Contains("no rate"));
  CHECK_THAT(said("0 MB/s"), Contains("10 KB/s") && Contains("pause"));
  CHECK_THAT(said("9 KB/s"), Contains("10 KB/s"));
  CHECK_THAT(said("9000 GB/s"), Contains("1000 GB/s"));
  CHECK_THAT(said("Monday 5 MB/s"), Contains("no days") && Contains("Mon-Fri"));
  CHECK_THAT(said("Mon-Fry 5 MB/s"), Contains("no days"));
  CHECK_THAT(said("Mon, 5 MB/s"), Contains("no days"));
  for (const auto* text :
       {"8:00-18:00 5 MB/s", "08:00 5 MB/s", "08:00-25:00 5 MB/s", "08:00-08:00 5 MB/s",
        "24:00-08:00 5 MB/s", "08:60-09:00 5 MB/s", "-8:00-09:00 5 MB/s"})
    CHECK_THAT(said(text), Contains("no time of day") && Contains("08:00-18:00"));
  CHECK_THAT(said("08:00-18:00"), Contains("no rate"));
  CHECK_THAT(said("08:00-18:00 Mon 5 MB/s"), Contains("no rate"));
}

TEST_CASE("a mark is a share of the file system, or bytes", "[free_mark]") {
  constexpr std::uint64_t gib = 1u << 30;
  CHECK(parse_free_mark("5 %")->of(100 * gib) == 5 * gib);
  CHECK(parse_free_mark("5%")->of(1000 * gib) == 50 * gib);
  CHECK(parse_free_mark("0 %")->of(gib) == 0);
  CHECK(parse_free_mark("1 GiB")->of(100 * gib) == gib);
  CHECK(parse_free_mark("4096")->of(100 * gib) == 4096);
  CHECK(free_mark{}.of(100 * gib) == 5 * gib);
  CHECK(free_mark{}.of(10'000 * gib) == 10 * gib);
  for (const auto* text : {"", "%", "91 %", "-1 %", "5  %", "5 %%", "half", "1 Gib"})
    CHECK_FALSE(parse_free_mark(text));
}
