// Digests of sets of records, and of ranges of a catalogue.

#include "registry/catalogue_digest.hpp"
#include "registry/row_comparison.hpp"

#include <map>
#include <set>
#include <vector>

#include <catch2/catch.hpp>

using namespace farshore;

namespace {

checksum sum_of(std::uint8_t content) {
  checksum sum{};
  sum.fill(content);
  return sum;
}

record_digest plain(record_id record) {
  return digest_of(record, "a/" + std::to_string(record), 7, {});
}

record_digest all_of(const std::vector<digest_slice>& slices) {
  record_digest all;
  for (const auto& slice : slices)
    all += slice.digest;
  return all;
}

/// A catalogue of records with these ids; those that are unavailable are passed over.
struct catalogue {
  std::set<record_id> records;
  std::set<record_id> unavailable;
  std::size_t rows_read = 0;
  std::int64_t generation = 3;

  result<catalogue_page> page(record_id after, std::size_t limit) {
    catalogue_page page;
    page.type = "file";
    page.generation = generation;
    page.next_after = after;
    std::size_t seen = 0;
    auto it = records.upper_bound(after);
    for (; it != records.end() && seen < limit; ++it, ++seen) {
      page.next_after = *it;
      if (!unavailable.contains(*it))
        page.rows.push_back({*it, "k", "a/" + std::to_string(*it), {}, 7, {}});
    }
    page.last = seen < limit;
    rows_read += seen;
    return page;
  }
  result<digest_page> digest(std::size_t slice, std::vector<record_range> ranges,
                             std::size_t rows_max = 1'000) {
    return digest_catalogue([this](auto after, auto limit) { return page(after, limit); },
                            {"file", slice, std::move(ranges)}, rows_max);
  }
};

catalogue of_hundred() {
  catalogue all;
  for (record_id i = 1; i <= 100; ++i)
    all.records.insert(i * 10);
  return all;
}

registry_row sound_row() {
  registry_row row;
  row.record = 1;
  row.locator = "a";
  row.target_revision = 5;
  row.synced_revision = 5;
  row.state = sync_state::synced;
  row.verification = verification_state::succeeded;
  row.primary_checksum = sum_of(1);
  row.sum = sum_of(1);
  return row;
}

} // namespace

TEST_CASE("digests add up in any order, and tell every field apart", "[digest]") {
  record_digest one = plain(1);
  one += plain(2);
  record_digest other = plain(2);
  other += plain(1);
  CHECK(one == other);
  CHECK(one.records == 2);
  const auto of = [](record_id record, const char* locator, revision rev,
                     std::optional<checksum> sum, std::string_view fault) {
    return sum_text(digest_of(record, locator, rev, sum, fault));
  };
  const std::set<std::string> different{
      of(1, "a", 2, {}, ""),        of(2, "a", 2, {}, ""),        of(1, "b", 2, {}, ""),
      of(1, "a", 3, {}, ""),        of(1, "a", 2, sum_of(1), ""), of(1, "a", 2, sum_of(2), ""),
      of(1, "a", 2, {}, "pending"), of(12, "a", 2, {}, ""),       of(1, "", 2, {}, "")};
  CHECK(different.size() == 9);
}

TEST_CASE("a sum carries over, and is told as text without loss", "[digest]") {
  record_digest full{1, 1, UINT64_MAX};
  full += {1, 0, 1};
  CHECK(full == record_digest{2, 2, 0});
  record_digest read;
  read.records = 2;
  REQUIRE(parse_sum(sum_text(full), read));
  CHECK(read == full);
  CHECK_FALSE(parse_sum("", read));
  CHECK_FALSE(parse_sum(std::string(31, '0'), read));
  CHECK_FALSE(parse_sum(std::string(32, 'G'), read));
}

TEST_CASE("a digest to be read out has four groups of four, and differs with any type's",
          "[digest]") {
  const auto text = spoken_digest(plain(1));
  CHECK(text.size() == 19);
  CHECK(text[4] == '-');
  CHECK(text.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ-") == std::string::npos);
  const std::map<std::string, record_digest> types{{"file", plain(1)}, {"image", plain(2)}};
  auto others = types;
  others["image"] = plain(3);
  CHECK(spoken_digest(types) != spoken_digest(others));
  CHECK(spoken_digest(types) == spoken_digest(std::map{types}));
}

TEST_CASE("a catalogue's slices add up to the whole, however it is cut", "[digest]") {
  auto testee = of_hundred();
  const auto whole = testee.digest(1'000, {{}});
  REQUIRE(whole);
  CHECK(whole->generation == 3);
  REQUIRE(whole->ranges.size() == 1);
  CHECK(all_of(whole->ranges[0]).records == 100);
  CHECK(whole->ranges[0].back().upto == INT64_MAX);
  const auto slice = GENERATE(1u, 7u, 10u, 99u);
  const auto cut = testee.digest(slice, {{}});
  REQUIRE(cut);
  CHECK(all_of(cut->ranges[0]) == all_of(whole->ranges[0]));
  CHECK(cut->ranges[0].size() == 100 / slice + 1);
  CHECK(cut->ranges[0].front().digest.records == slice);
  CHECK(cut->ranges[0].front().upto == 10 * slice);
}

TEST_CASE("ranges count what lies in them, and reading stops soon behind them", "[digest]") {
  auto testee = of_hundred();
  const auto page = testee.digest(1, {{5, 10}, {10, 19}, {19, 40}});
  REQUIRE(page);
  REQUIRE(page->ranges.size() == 3);
  CHECK(page->ranges[0] == std::vector<digest_slice>{{10, plain(10)}});
  CHECK(page->ranges[1] == std::vector<digest_slice>{{19, {}}});
  CHECK(page->ranges[2] ==
        std::vector<digest_slice>{{20, plain(20)}, {30, plain(30)}, {40, plain(40)}});
}

TEST_CASE("a page that has read enough breaks its last range off, and the rest adds up",
          "[digest]") {
  auto testee = of_hundred();
  testee.unavailable = {20, 30, 40, 990, 1'000};
  record_digest all;
  record_range left;
  int pages = 0;
  while (left.after < left.upto) {
    const auto one = testee.digest(4, {left}, 13);
    REQUIRE(one);
    REQUIRE(one->ranges.size() == 1);
    REQUIRE(one->ranges[0].back().upto > left.after);
    all += all_of(one->ranges[0]);
    left.after = one->ranges[0].back().upto;
    ++pages;
  }
  CHECK(pages > 3);
  CHECK(all == all_of(testee.digest(1'000, {{}})->ranges[0]));
  CHECK(all.records == 95);
}

TEST_CASE("ranges that do not ascend are refused", "[digest]") {
  auto testee = of_hundred();
  const auto ranges = GENERATE(std::vector<record_range>{{5, 5}}, std::vector<record_range>{{9, 5}},
                               std::vector<record_range>{{5, 9}, {8, 12}});
  const auto page = testee.digest(4, ranges);
  REQUIRE_FALSE(page);
  CHECK(page.error().code == ec::protocol);
}

TEST_CASE("what a source fails with, and a catalogue that does not move on, end a digest",
          "[digest]") {
  const auto failing = digest_catalogue(
      [](record_id, std::size_t) -> result<catalogue_page> { return fail(ec::type_waiting, "no"); },
      {"file", 1, {{}}});
  REQUIRE_FALSE(failing);
  CHECK(failing.error().code == ec::type_waiting);
  const auto stuck = digest_catalogue(
      [](record_id after, std::size_t) -> result<catalogue_page> {
        catalogue_page page;
        page.next_after = after;
        return page;
      },
      {"file", 1, {{}}});
  REQUIRE_FALSE(stuck);
  CHECK(stuck.error().code == ec::internal);
}

TEST_CASE("a sound row digests as the primary's record does, any other as nobody's", "[digest]") {
  const auto primary = digest_of(1, "a", 5, sum_of(1));
  auto row = sound_row();
  CHECK(fault_of(row).empty());
  CHECK(digest_of(row, digest_view::held) == primary);
  CHECK(digest_of(row, digest_view::target) == primary);

  SECTION("pending") {
    row.state = sync_state::pending;
  }
  SECTION("started") {
    row.state = sync_state::started;
  }
  SECTION("failed") {
    row.state = sync_state::failed;
  }
  SECTION("synced at another revision") {
    row.synced_revision = 4;
  }
  SECTION("verification failed") {
    row.verification = verification_state::failed;
  }
  SECTION("checksum mismatch") {
    row.checksum_mismatch = true;
  }
  SECTION("other content on the disk") {
    row.sum = sum_of(2);
  }
  CHECK_FALSE(fault_of(row).empty());
  CHECK(digest_of(row, digest_view::held) != primary);
  CHECK(digest_of(row, digest_view::held)->records == 1);
  CHECK(digest_of(row, digest_view::target) == primary);
}

TEST_CASE("a row on its way out is held, and no target", "[digest]") {
  auto row = sound_row();
  row.wanted = false;
  CHECK_FALSE(digest_of(row, digest_view::target));
  CHECK(digest_of(row, digest_view::held)->records == 1);
}

TEST_CASE("records and rows differ in the first thing that is not alike", "[digest]") {
  const catalogue_row there{1, "1", "a", {}, 5, sum_of(1)};
  const auto here = sound_row();
  CHECK(difference_of(&there, &here) == difference_kind::none);
  CHECK(difference_of(&there, nullptr) == difference_kind::missing_here);
  CHECK(difference_of(nullptr, &here) == difference_kind::only_here);
  CHECK(difference_of(nullptr, nullptr) == difference_kind::none);
  auto leaving = here;
  leaving.wanted = false;
  CHECK(difference_of(nullptr, &leaving) == difference_kind::not_sound);
  const auto with = [&](auto change) {
    auto row = here;
    change(row);
    return difference_of(&there, &row);
  };
  CHECK(with([](auto& row) { row.wanted = false; }) == difference_kind::missing_here);
  CHECK(with([](auto& row) { row.locator = "b"; }) == difference_kind::other_locator);
  CHECK(with([](auto& row) { row.target_revision = 6; }) == difference_kind::other_revision);
  CHECK(with([](auto& row) { row.primary_checksum = sum_of(2); }) ==
        difference_kind::other_checksum);
  CHECK(with([](auto& row) { row.primary_checksum.reset(); }) == difference_kind::none);
  CHECK(with([](auto& row) { row.state = sync_state::failed; }) == difference_kind::not_sound);
}
