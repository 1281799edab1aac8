// Two sites as plain maps: what is asked, how much of it, and whether just the differing records
// are found.

#include "actors/range_bisection.hpp"

#include "registry/catalogue_digest.hpp"
#include "registry/row_comparison.hpp"

#include <map>
#include <random>
#include <set>
#include <string>

#include <catch2/catch.hpp>

using namespace farshore;

namespace {

/// Both sites' records by id: a text that stands for all of the row.
using records = std::map<record_id, std::string>;

struct two_sides {
  records there;
  records here;
  std::size_t rows_per_answer = 32'768;
  range_bisection::limits within{};

  std::size_t questions = 0;
  std::size_t ranges_asked = 0;
  std::size_t slices_told = 0;
  std::size_t rows_looked_at = 0;

  result<catalogue_page> page(record_id after, std::size_t limit) const {
    catalogue_page page;
    page.type = "file";
    page.generation = 1;
    page.next_after = after;
    auto it = there.upper_bound(after);
    for (; it != there.end() && page.rows.size() < limit; ++it) {
      page.rows.push_back({it->first, "", it->second, {}, 0, {}});
      page.next_after = it->first;
    }
    page.last = it == there.end();
    return page;
  }

  held_digests look(const held_request& asked) {
    std::vector<registry_row> rows;
    for (auto it = here.upper_bound(asked.after);
         it != here.end() && it->first <= asked.bounds.back() && rows.size() < asked.rows_max;
         ++it) {
      auto& row = rows.emplace_back();
      row.record = it->first;
      row.locator = it->second;
    }
    rows_looked_at += rows.size();
    return digest_rows(asked, rows, rows.size() == asked.rows_max);
  }

  range_bisection compare() {
    range_bisection testee{"file", digest_view::target, static_cast<std::int64_t>(here.size()),
                           within};
    for (int steps = 0; !testee.done(); ++steps) {
      REQUIRE(steps < 1'000'000);
      if (const auto next = testee.here()) {
        CHECK_FALSE(testee.question()); // one side at a time
        testee.held(look(*next));
      } else {
        const auto question = testee.question();
        REQUIRE(question);
        ++questions;
        ranges_asked += question->ranges.size();
        const auto answer = digest_catalogue([this](auto after, auto n) { return page(after, n); },
                                             *question, rows_per_answer);
        REQUIRE(answer);
        for (const auto& slices : answer->ranges)
          slices_told += slices.size();
        REQUIRE(testee.told(*answer));
      }
    }
    return testee;
  }

  /// The records that a comparison leads to.
  [[nodiscard]] std::set<record_id> named(const range_bisection& by) const {
    std::set<record_id> out;
    for (const auto& [range, on_primary] : by.unequal()) {
      if (on_primary)
        out.insert(range.upto);
      for (auto it = here.upper_bound(range.after); it != here.end() && it->first <= range.upto;
           ++it)
        out.insert(it->first);
    }
    return out;
  }
  [[nodiscard]] std::set<record_id> differing() const {
    std::set<record_id> out;
    for (const auto& [id, text] : there)
      if (const auto it = here.find(id); it == here.end() || it->second != text)
        out.insert(id);
    for (const auto& [id, _] : here)
      if (!there.contains(id))
        out.insert(id);
    return out;
  }
};

two_sides equal_sides(record_id count, record_id step = 1) {
  two_sides both;
  for (record_id i = 1; i <= count; ++i)
    both.there[i * step] = std::to_string(i);
  both.here = both.there;
  return both;
}

} // namespace

TEST_CASE("equal sites are told so in one round", "[bisection]") {
  const auto count = GENERATE(0, 1, 31, 32, 33, 5'000);
  auto both = equal_sides(count, 3);
  const auto found = both.compare();
  CHECK(found.unequal().empty());
  CHECK_FALSE(found.more());
  CHECK(both.questions == 1);
  CHECK(found.digest_here() == found.digest_there());
  CHECK(found.digest_here().records == count);
}

TEST_CASE("just the differing records are found, wherever they lie", "[bisection]") {
  const auto seed = GENERATE(range(0u, 40u));
  CAPTURE(seed);
  std::mt19937 random{seed};
  const auto below = [&](unsigned n) { return static_cast<int>(random() % n); };
  auto both = equal_sides(1 + below(3'000), 1 + below(5));
  const auto records_max = static_cast<unsigned>(both.there.rbegin()->first + 10);
  for (int n = below(30); n > 0; --n) {
    const record_id record = below(records_max) - 4;
    auto& side = below(2) == 0 ? both.here : both.there;
    if (below(2) == 0)
      side.erase(record);
    else
      side[record] = "another " + std::to_string(n);
  }
  both.rows_per_answer = seed % 3 == 0 ? 100 : 32'768;
  both.within.rows_max = seed % 2 == 0 ? 50 : 8'192;
  const auto found = both.compare();
  // A record that one side alone has is named with its neighbour at most.
  const auto named = both.named(found);
  const auto differing = both.differing();
  CHECK(std::includes(named.begin(), named.end(), differing.begin(), differing.end()));
  CHECK(named.size() <= 2 * differing.size());
  CHECK((found.digest_here() == found.digest_there()) == differing.empty());
}

TEST_CASE("records that one side alone has, in masses, are one range or come to an end",
          "[bisection]") {
  auto both = equal_sides(2'000);
  SECTION("the primary has nothing any more") {
    both.there.clear();
    const auto found = both.compare();
    REQUIRE(found.unequal().size() == 1);
    CHECK(found.unequal().front() == unequal_range{{}, false});
    CHECK(found.digest_here().records == 2'000);
  }
  SECTION("nothing is here yet") {
    both.here.clear();
    both.within.unequal_max = 100;
    const auto found = both.compare();
    CHECK(found.more());
    CHECK(found.unequal().size() == 100);
    CHECK(found.digest_there().records == 2'000); // of all of it
    CHECK(both.questions < 10);
  }
  SECTION("a long tail is only here") {
    for (record_id i = 3'000; i < 13'000; ++i)
      both.here[i] = "late";
    both.within.rows_max = 1'000;
    const auto found = both.compare();
    REQUIRE(found.unequal().size() == 1);
    CHECK(found.unequal().front() == unequal_range{{2'000, INT64_MAX}, false});
  }
}

TEST_CASE("ten of a hundred thousand cost little to find", "[bisection]") {
  auto both = equal_sides(100'000);
  for (record_id i = 1; i <= 10; ++i)
    both.here[i * 9'777] = "another";
  const auto found = both.compare();
  CHECK(both.named(found) == both.differing());
  CHECK(both.slices_told < 2'500);
  CHECK(both.questions < 10);
  CHECK(both.rows_looked_at < 110'000);
}

TEST_CASE("an answer to another question changes nothing", "[bisection]") {
  range_bisection testee{"file", digest_view::target, 100, {}};
  const auto question = testee.question();
  REQUIRE(question);
  digest_page page;
  page.type = "file";
  page.generation = 1;
  const auto slice = [](record_id upto, std::int64_t count = 1) {
    return digest_slice{upto, {count, 0, 0}};
  };
  SECTION("of another type") {
    page.type = "image";
    page.ranges = {{slice(INT64_MAX)}};
  }
  SECTION("without a range") {}
  SECTION("with more ranges than were asked for") {
    page.ranges = {{slice(INT64_MAX)}, {slice(INT64_MAX)}};
  }
  SECTION("with slices that do not ascend") {
    page.ranges = {{slice(5), slice(5)}};
  }
  SECTION("with an empty range") {
    page.ranges = {{}};
  }
  SECTION("with fewer than no records") {
    page.ranges = {{slice(INT64_MAX, -1)}};
  }
  const auto told = testee.told(page);
  REQUIRE_FALSE(told);
  CHECK(told.error().code == ec::protocol);
  const auto again = testee.question();
  REQUIRE(again);
  CHECK(again->ranges == question->ranges);
  page.type = "file";
  page.ranges = {{slice(7), slice(INT64_MAX, 2)}};
  CHECK(testee.told(page));
  CHECK(testee.here()->bounds == std::vector<record_id>{7, INT64_MAX});
}

TEST_CASE("what the primary broke off, or could not answer, is asked for again", "[bisection]") {
  range_bisection testee{"file", digest_view::target, 100, {}};
  CHECK(testee.question());
  CHECK_FALSE(testee.question());
  testee.ask_again();
  REQUIRE(testee.question());
  digest_page page{"file", 1, {{{10, {1, 0, 0}}}}};
  REQUIRE(testee.told(page));
  testee.held({{{1, 0, 0}}, 10});
  const auto rest = testee.question();
  REQUIRE(rest);
  CHECK(rest->ranges == std::vector<record_range>{{10, INT64_MAX}});
  page.generation = 2; // installed anew in between: nothing of before counts
  page.ranges = {{{INT64_MAX, {}}}};
  CHECK_FALSE(testee.told(page));
}
