// What a comparison asks of the registry, for both implementations.

#include "registry/row_comparison.hpp"
#include "tests/registry/pg_registry.hpp"
#include "tests/registry/registry_fixture.hpp"

using namespace farshore;
using namespace farshore::test;

#define REGISTRY_TEST(sentence)                                                                    \
  TEMPLATE_TEST_CASE_METHOD(registry_fixture, sentence, "[registry]", memory_registry, pg_registry)

namespace {

template <class Fixture>
held_digests digests(Fixture& t, held_request asked) {
  asked.type = "file";
  return t.in_batch([&] { return t.store().digests(asked); });
}

template <class Fixture>
applied compared(Fixture& t, std::vector<unequal_range> unequal, std::int64_t generation = 1) {
  const compared_ranges found{"file", generation, 40, std::move(unequal)};
  return t.in_batch([&] { return t.store().apply_compared(found); });
}

record_digest sum_of_rows(const std::vector<record_digest>& slices) {
  record_digest all;
  for (const auto& one : slices)
    all += one;
  return all;
}

} // namespace

REGISTRY_TEST("targets digest as the catalogue's rows do, whatever has become of them") {
  auto& t = *this;
  t.catalogue({listed(1, "a", 7, 3), listed(2, "c%20d", 0), listed(-5, "b%FF/e", 9)});
  t.events({present(20, 3, "late", 4), gone(21, 1)});
  record_digest expected;
  expected += digest_of(2, "c%20d", 0, {});
  expected += digest_of(-5, "b%FF/e", 9, {});
  expected += digest_of(3, "late", 20, sum_of(4));
  held_request all;
  all.bounds = {INT64_MAX};
  const auto found = digests(t, all);
  CHECK(found.upto == INT64_MAX);
  CHECK(found.slices == std::vector<record_digest>{expected});
}

REGISTRY_TEST("what is held equals the primary's only where it is synced and sound") {
  auto& t = *this;
  t.make_synced(1, "a");
  t.make_synced(2, "b");
  t.events({present(60, 3, "c")});
  held_request all;
  all.view = digest_view::held;
  all.bounds = {1, 2, INT64_MAX};
  const auto rev = [&](record_id record) { return t.row(record).target_revision; };
  const auto sum = [&](record_id record) { return t.row(record).primary_checksum; };
  const auto found = digests(t, all);
  REQUIRE(found.slices.size() == 3);
  CHECK(found.slices[0] == digest_of(1, "a", rev(1), sum(1)));
  CHECK(found.slices[1] == digest_of(2, "b", rev(2), sum(2)));
  CHECK(found.slices[2].records == 1);
  CHECK(found.slices[2] != digest_of(3, "c", 60, {}));
  t.events({gone(70, 1)});
  CHECK(digests(t, all).slices[0] == digest_of(1, "a", 70, sum(1), "removing"));
}

REGISTRY_TEST("a digest that is cut says how far it got, and its parts add up") {
  auto& t = *this;
  std::vector<catalogue_row> rows;
  for (record_id i = 1; i <= 20; ++i)
    rows.push_back(listed(i * 3, "f" + std::to_string(i)));
  t.catalogue(rows);
  held_request whole;
  whole.bounds = {INT64_MAX};
  const auto expected = digests(t, whole).slices.front();
  CHECK(expected.records == 20);
  held_request part;
  part.bounds = {10, 12, 30, 31, INT64_MAX};
  part.rows_max = 4;
  record_digest all;
  int parts = 0;
  while (!part.bounds.empty()) {
    const auto found = digests(t, part);
    REQUIRE(!found.slices.empty());
    REQUIRE(found.upto > part.after);
    REQUIRE(found.slices.size() <= part.bounds.size());
    all += sum_of_rows(found.slices);
    part.after = found.upto;
    std::erase_if(part.bounds, [&](record_id bound) { return bound <= found.upto; });
    ++parts;
  }
  CHECK(parts >= 5);
  CHECK(all == expected);
}

REGISTRY_TEST("rows are read by ranges, in order, up to the limit") {
  auto& t = *this;
  t.catalogue({listed(1, "a"), listed(2, "b"), listed(5, "c"), listed(9, "d")});
  t.events({gone(50, 2)});
  const std::vector<record_range> ranges{{0, 1}, {1, 4}, {7, INT64_MAX}};
  const auto read = [&](std::size_t limit) {
    std::vector<record_id> records;
    for (const auto& row : t.in_batch([&] { return t.store().rows_in("file", ranges, limit); }))
      records.push_back(row.record);
    return records;
  };
  CHECK(read(10) == std::vector<record_id>{1, 2, 9});
  CHECK(read(2) == std::vector<record_id>{1, 2});
  const auto rows = t.in_batch([&] { return t.store().rows_in("file", ranges, 10); });
  CHECK(rows.front() == t.row(1));
}

REGISTRY_TEST("questions about a type that was never declared are refused") {
  auto& t = *this;
  const auto refused = [&](auto ask) {
    REQUIRE(t.store().begin());
    const auto answer = ask();
    CHECK(t.store().commit());
    return !answer && answer.error().code == ec::not_found;
  };
  CHECK(refused([&] { return t.store().digests({"unheard", {}, 0, {1}, 1}); }));
  CHECK(refused([&] { return t.store().rows_in("unheard", {}, 1); }));
  CHECK(refused([&] { return t.store().apply_compared({"unheard", 1, 0, {}}); }));
}

REGISTRY_TEST("a comparison makes suspects of what its ranges hold on either side") {
  auto& t = *this;
  t.catalogue({listed(1, "a"), listed(2, "b"), listed(5, "c"), listed(9, "d")});
  t.events({gone(50, 9)});
  CHECK(t.walk().stage == walk_stage::none);
  const auto done = compared(t, {{{1, 2}, true}, {{3, 7}, true}, {{7, INT64_MAX}, false}});
  REQUIRE(done.walk);
  CHECK(done.walk->stage == walk_stage::confirming);
  CHECK(done.walk->seen == 40);
  CHECK(t.suspects() == std::vector<record_id>{2, 5, 7}); // 9 is on its way out already
  CHECK(t.row(5).wanted);
}

REGISTRY_TEST("a comparison that found nothing ends the walk at once") {
  auto& t = *this;
  t.catalogue({listed(1, "a")});
  t.time.advance(5s);
  const auto done = compared(t, {});
  CHECK(done.walk->stage == walk_stage::none);
  CHECK(done.walk->complete);
  CHECK(done.walk->ended_at == t.wall());
}

REGISTRY_TEST("a comparison counts only where the rows of its generation are made, and no walk is "
              "under way") {
  auto& t = *this;
  const std::vector<unequal_range> unequal{{{}, false}};
  compared(t, unequal); // nothing was walked through
  CHECK(t.walk().stage == walk_stage::none);
  CHECK_FALSE(t.walk().complete);
  t.catalogue({listed(1, "a")});
  compared(t, unequal, 2);
  CHECK(t.walk().stage == walk_stage::none);
  t.catalogue({listed(1, "a")}, 1, false);
  const auto reading = t.walk();
  CHECK(reading.stage == walk_stage::reading);
  compared(t, unequal);
  CHECK(t.walk() == reading);
}

REGISTRY_TEST("a record that lies elsewhere at the same revision is put right when asked for") {
  auto& t = *this;
  t.catalogue({listed(1, "a", 7)});
  REQUIRE(t.finish(synced(t.claim_one(), 3)));
  CHECK(t.row(1).state == sync_state::synced);
  compared(t, {{{0, 1}, true}});
  records_page page{"file", 1, {1}, {listed(1, "b", 7)}};
  const auto done = t.in_batch([&] { return t.store().apply_records(page); });
  CHECK(done.changed == 1);
  CHECK(done.walk->found_missing == 1);
  CHECK(t.row(1).locator == "b");
  CHECK(t.row(1).stale_locators == std::vector<std::string>{"a"});
  CHECK(t.row(1).state == sync_state::pending);
  CHECK(t.row(1).target_revision == 7);
}

REGISTRY_TEST("a checksum that the primary knows and the row does not is learnt when asked for") {
  auto& t = *this;
  t.catalogue({listed(1, "a", 7)});
  REQUIRE(t.finish(synced(t.claim_one(), 3)));
  const auto ask = [&](std::uint8_t content) {
    compared(t, {{{0, 1}, true}});
    const records_page page{"file", 1, {1}, {listed(1, "a", 7, content)}};
    return t.in_batch([&] { return t.store().apply_records(page); });
  };
  SECTION("it is that of what lies here: no work") {
    CHECK(ask(3).due_types.empty());
    CHECK(t.row(1).state == sync_state::synced);
  }
  SECTION("it is another: fetched again") {
    CHECK(ask(4).changed == 1);
    CHECK(t.row(1).state == sync_state::pending);
  }
  CHECK(t.row(1).primary_checksum.has_value());
  CHECK(t.walk().stage == walk_stage::none);
}

REGISTRY_TEST("a page of a check suspects a record that lies elsewhere at the same revision") {
  auto& t = *this;
  t.catalogue({listed(1, "a", 7), listed(2, "b", 7, 3)});
  CHECK(t.walk().stage == walk_stage::none);
  t.catalogue({listed(1, "other", 7), listed(2, "b", 7, 4)});
  CHECK(t.walk().stage == walk_stage::confirming);
  CHECK(t.suspects() == std::vector<record_id>{1, 2});
}

REGISTRY_TEST("a locator is named by any row of its store, also by one that is about to leave it") {
  auto& t = *this;
  t.make_synced(1, "here");
  t.make_synced(2, "former");
  t.make_synced(3, "leaving");
  t.events({present(50, 2, "new place"), of_type("scan", present(51, 1, "scanned")),
            of_type("image", present(52, 1, "elsewhere"))});
  t.events({gone(60, 3)});
  t.declare({t.type("file", "/srv/a"), t.type("image", "/srv/b")}); // "scan" is declared no more
  const std::vector<std::string> asked{"here",    "former",    "new place", "leaving",
                                       "scanned", "elsewhere", "nobody",    ""};
  const auto found = t.in_batch([&] { return t.store().named("/srv/a", asked); });
  CHECK(found == std::vector<bool>{true, true, true, true, true, false, false, false});
  CHECK(t.in_batch([&] { return t.store().named("/srv/c", asked); }) ==
        std::vector<bool>(asked.size()));
  CHECK(t.in_batch([&] { return t.store().named("/srv/a", {}); }).empty());
}
