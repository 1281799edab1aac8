// The simulation: whatever happens in whatever order, when changes stop the sites become equal, and
// no promise is broken on the way. A failing seed is printed; run it again with
//   FARSHORE_SEED=4711 build/tests/simulation/simulation_tests
// FARSHORE_SEEDS sets how many are tried, FARSHORE_MORE_SEEDS how many by the slow case.

#include "tests/simulation/world.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <string>

#include <spdlog/spdlog.h>

using namespace farshore::simulation;

namespace {

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

void all_hold(std::uint64_t first, std::uint64_t seeds) {
  spdlog::set_level(spdlog::level::off); // what checks find is in the trace
  if (const auto only = setting("FARSHORE_SEED", 0)) {
    first = only;
    seeds = 1;
  }
  for (auto seed = first; seed < first + seeds; ++seed) {
    const auto wrong = world{{.seed = seed}}.run();
    INFO("FARSHORE_SEED=" << seed);
    if (wrong)
      FAIL(*wrong);
  }
}

/// The first seed, up to `seeds`, that finds the bug; 0 when none does.
std::uint64_t found_by(planted_bug bug, std::uint64_t seeds) {
  spdlog::set_level(spdlog::level::off);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    if (const auto wrong = world{{.seed = seed, .bug = bug}}.run()) {
      WARN("found by seed " << seed << ": " << *wrong);
      return seed;
    }
  return 0;
}

} // namespace

// In ten parts, so that they share the machine's cores.
#define FARSHORE_SEEDS_PART(part)                                                                  \
  TEST_CASE("seeds " #part " of 10: the sites become equal, and every promise holds",              \
            "[simulation]") {                                                                      \
    const auto seeds = setting("FARSHORE_SEEDS", 1000) / 10;                                       \
    all_hold(1 + (part - 1) * seeds, seeds);                                                       \
  }
FARSHORE_SEEDS_PART(1)
FARSHORE_SEEDS_PART(2)
FARSHORE_SEEDS_PART(3)
FARSHORE_SEEDS_PART(4)
FARSHORE_SEEDS_PART(5)
FARSHORE_SEEDS_PART(6)
FARSHORE_SEEDS_PART(7)
FARSHORE_SEEDS_PART(8)
FARSHORE_SEEDS_PART(9)
FARSHORE_SEEDS_PART(10)

TEST_CASE("many more seeds: the sites become equal, and every promise holds", "[.][slow]") {
  all_hold(100'001, setting("FARSHORE_MORE_SEEDS", 20'000));
}

TEST_CASE("a run is the same each time that its seed is", "[simulation]") {
  const auto first = world{{.seed = 3, .bug = planted_bug::rename_before_flush}}.run();
  const auto second = world{{.seed = 3, .bug = planted_bug::rename_before_flush}}.run();
  CHECK(first == second);
}

TEST_CASE("a cursor that is committed before its changes is found", "[simulation][planted]") {
  CHECK(found_by(planted_bug::cursor_before_changes, 1000) > 0);
}
TEST_CASE("a rename before the flush is found", "[simulation][planted]") {
  CHECK(found_by(planted_bug::rename_before_flush, 1000) > 0);
}
TEST_CASE("an old claim that is accepted is found", "[simulation][planted]") {
  CHECK(found_by(planted_bug::old_claim_accepted, 1000) > 0);
}
TEST_CASE("a delete that overtakes a download is found", "[simulation][planted]") {
  CHECK(found_by(planted_bug::delete_overtakes_download, 1000) > 0);
}
TEST_CASE("a target that the backfill lowers is found", "[simulation][planted]") {
  CHECK(found_by(planted_bug::target_lowered_by_backfill, 1000) > 0);
}
TEST_CASE("a check that believes what it saw first is found", "[simulation][planted]") {
  CHECK(found_by(planted_bug::suspect_believed, 1000) > 0);
}
TEST_CASE("damage that is left as it is is found", "[simulation][planted]") {
  CHECK(found_by(planted_bug::damage_left, 1000) > 0);
}
