// Comparison: waits for the log and for what is under way, then says only what differs in every
// round.

#include "actors/comparison.hpp"

#include "registry/catalogue_digest.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/fake_partners.hpp"

#include <map>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;

namespace {

/// A log cursor that says where it stands.
log_cursor_actor::behavior_type play_cursor(log_cursor_actor::pointer,
                                            std::shared_ptr<cursor_status> stands) {
  return {
      [](atom::step) {},
      [](atom::declare, const std::vector<std::string>&) {},
      [](atom::scope, const scope_digest&) {},
      [](atom::recheck, const std::string&) { return result<done>{}; },
      [](atom::stop, atom::recheck, const std::string&) { return result<done>{}; },
      [](atom::approve, const std::string&) { return result<std::size_t>{0}; },
      [=](atom::status) { return result<cursor_status>{*stands}; },
  };
}

struct comparison_fixture : test::actor_fixture {
  std::shared_ptr<test::fake_registry> registry = std::make_shared<test::fake_registry>();
  std::shared_ptr<test::fake_primary> primary = std::make_shared<test::fake_primary>();
  std::shared_ptr<cursor_status> log = std::make_shared<cursor_status>();
  comparison_actor testee;

  std::map<record_id, catalogue_row> there;
  std::map<record_id, registry_row> here;
  std::uint64_t mark = 11;
  int positions = 0;

  comparison_fixture() {
    primary->can_digest = true;
    log->cursor.identity = "p";
    log->cursor.covered_xid = 1'000;
    registry->status.push_back({"file", {}, {}, false, {}});
    registry->status.front().walk.complete = true;
    comparison_parts parts;
    parts.primary = spawn(test::play_primary, primary);
    parts.registry = spawn(test::play_registry, registry);
    parts.cursor = spawn(play_cursor, log);
    parts.time = &time;
    testee = spawn(comparison, parts);
    for (record_id i = 1; i <= 100; ++i) {
      there[i] = {i, std::to_string(i), "l" + std::to_string(i), {}, 5, {}};
      here[i] = row(i);
    }
  }

  static registry_row row(record_id i) {
    registry_row row;
    row.record = i;
    row.locator = "l" + std::to_string(i);
    row.target_revision = 5;
    row.synced_revision = 5;
    row.state = sync_state::synced;
    return row;
  }

  template <class T, class Request>
  static auto take(std::deque<test::open_request<Request, T>>& queue) {
    auto open = std::move(queue.front());
    queue.pop_front();
    return open;
  }

  result<catalogue_page> page(record_id after, std::size_t) const {
    catalogue_page page;
    page.generation = 1;
    page.last = true;
    for (auto it = there.upper_bound(after); it != there.end(); ++it)
      page.rows.push_back(it->second);
    return page;
  }

  /// Both sides answer whatever they are asked.
  bool answer_one() {
    if (!primary->positions.empty()) {
      primary_position now;
      now.identity = "p";
      now.mark_xid = mark;
      now.place = log->cursor.place;
      ++positions;
      take(primary->positions).answer.deliver(now);
    } else if (!primary->digests.empty()) {
      auto open = take(primary->digests);
      open.answer.deliver(digest_catalogue(
          [this](auto after, auto limit) { return page(after, limit); }, open.what));
    } else if (!primary->records.empty()) {
      auto open = take(primary->records);
      records_page found{open.what.type, 1, open.what.records, {}};
      for (const auto record : open.what.records)
        if (there.contains(record))
          found.rows.push_back(there[record]);
      open.answer.deliver(found);
    } else if (!registry->digests.empty()) {
      auto open = take(registry->digests);
      std::vector<registry_row> rows;
      for (const auto& [id, one] : here)
        if (id > open.what.after && id <= open.what.bounds.back())
          rows.push_back(one);
      open.answer.deliver(digest_rows(open.what, rows, false));
    } else if (!registry->rows.empty()) {
      auto open = take(registry->rows);
      std::vector<registry_row> rows;
      for (const auto& range : open.what.ranges)
        for (const auto& [id, one] : here)
          if (id > range.after && id <= range.upto && rows.size() < open.what.limit)
            rows.push_back(one);
      open.answer.deliver(rows);
    } else {
      return false;
    }
    deliver_all();
    return true;
  }
  void answer_all() {
    while (answer_one()) {
    }
  }

  comparison_status status() {
    auto got = ask<result<comparison_status>>(testee, atom::status_v);
    REQUIRE(got->value);
    return **got->value;
  }
  result<done> begin(std::size_t limit = 20) {
    auto got = ask<result<done>>(testee, atom::compare_v, comparison_order{{"file"}, limit, 10s});
    REQUIRE(got->value);
    return *got->value;
  }
  /// Lets time pass, `between` each step and the next, until it has ended.
  type_comparison run(const std::function<void()>& between = [] {}) {
    for (int i = 0; i < 2'000 && status().now == comparison_status::stage::running; ++i) {
      answer_all();
      between();
      advance(50ms);
    }
    const auto ended = status();
    REQUIRE(ended.now == comparison_status::stage::done);
    REQUIRE(ended.types.size() == 1);
    return ended.types.front();
  }
  type_comparison compare(std::size_t limit = 20) {
    REQUIRE(begin(limit));
    return run();
  }
};

} // namespace

TEST_CASE_METHOD(comparison_fixture, "equal sites have equal digests", "[comparison]") {
  CHECK(status().now == comparison_status::stage::none);
  const auto found = compare();
  CHECK(found.trouble.empty());
  CHECK(found.equal());
  CHECK(found.here == found.there);
  CHECK(found.here.records == 100);
}

TEST_CASE_METHOD(comparison_fixture, "each kind of difference is named with its record",
                 "[comparison]") {
  here.erase(7);
  there.erase(8);
  here[9].locator = "elsewhere";
  here[10].target_revision = here[10].synced_revision.emplace(4);
  here[11].primary_checksum = checksum{1};
  there[11].sum = checksum{2};
  here[12].state = sync_state::failed;
  here[13].primary_checksum = checksum{1};
  const auto found = compare();
  CHECK_FALSE(found.equal());
  CHECK(found.here != found.there);
  std::map<record_id, difference_kind> named;
  for (const auto& one : found.differences)
    named[one.record] = one.what;
  CHECK(named == std::map<record_id, difference_kind>{
                     {7, difference_kind::missing_here},
                     {8, difference_kind::only_here},
                     {9, difference_kind::other_locator},
                     {10, difference_kind::other_revision},
                     {11, difference_kind::other_checksum},
                     {12, difference_kind::not_sound},
                 });
  CHECK(found.checksums_unknown == 1);
  CHECK_FALSE(found.more);
}

TEST_CASE_METHOD(comparison_fixture, "what is equal when it is looked at again does not differ",
                 "[comparison]") {
  const auto round = GENERATE(2, 3);
  CAPTURE(round);
  here.erase(7);
  REQUIRE(begin());
  const auto found = run([&] {
    if (positions == 2 * (round - 1)) // two of each round: the log's, and the fold's
      here[7] = row(7);
  });
  CHECK(found.equal());
  CHECK(positions >= 2 * round);
}

TEST_CASE_METHOD(comparison_fixture,
                 "the primary's position is asked for anew, and waited for, before every round",
                 "[comparison]") {
  there.erase(8); // deleted behind the first position; the log tells of it later
  mark = 11;
  log->cursor.covered_xid = 11;
  REQUIRE(begin());
  advance(50ms);
  while (positions < 2)
    REQUIRE(answer_one());
  mark = 12;
  answer_all();
  int waited = 0;
  const auto found = run([&] {
    if (positions > 2 && ++waited == 3) {
      here.erase(8);
      log->cursor.covered_xid = 12;
    }
  });
  CHECK(found.equal());
  CHECK(waited >= 3);
}

TEST_CASE_METHOD(comparison_fixture, "what is under way is waited for, within the patience",
                 "[comparison]") {
  here[7].state = sync_state::pending;
  registry->status.front().counts.pending = 1;
  REQUIRE(begin());
  bool settles = false;
  SECTION("and ends well") {
    settles = true;
  }
  SECTION("and does not end") {}
  const auto began = time.now();
  const auto found = run([&] {
    if (settles && time.now() - began > 2s) {
      here[7] = row(7);
      registry->status.front().counts.pending = 0;
    }
  });
  CHECK(found.equal() == settles);
  if (!settles) {
    REQUIRE(found.differences.size() == 1);
    CHECK(found.differences.front().what == difference_kind::not_sound);
    CHECK(time.now() - began >= 30s); // each round's
  }
}

TEST_CASE_METHOD(comparison_fixture, "a paused type's pending records are not waited for",
                 "[comparison]") {
  here[7].state = sync_state::pending;
  registry->status.front().counts.pending = 1;
  registry->status.front().paused = true;
  REQUIRE(begin());
  advance(50ms);
  answer_all();
  CHECK(status().at.find("looking again") != std::string::npos);
}

TEST_CASE_METHOD(comparison_fixture, "a log that is not read in time is said so, and nothing else",
                 "[comparison]") {
  log->cursor.covered_xid = 10;
  const auto found = compare();
  CHECK_FALSE(found.equal());
  CHECK(found.differences.empty());
  CHECK(found.trouble.find("log") != std::string::npos);
}

TEST_CASE_METHOD(comparison_fixture, "another primary than the one followed is never compared with",
                 "[comparison]") {
  log->cursor.identity = "another";
  const auto found = compare();
  CHECK(found.trouble.find("another") != std::string::npos);
}

TEST_CASE_METHOD(comparison_fixture,
                 "an older primary, and one that is away, end the type with why", "[comparison]") {
  SECTION("older") {
    primary->can_digest = false;
  }
  SECTION("away") {
    REQUIRE(begin());
    advance(50ms);
    REQUIRE(primary->positions.size() == 1);
    take(primary->positions).answer.deliver(fail(ec::primary_unreachable, "it is away"));
    deliver_all();
    advance(50ms);
    CHECK(status().types.at(0).trouble == "it is away");
    return;
  }
  CHECK(compare().trouble.find("older") != std::string::npos);
}

TEST_CASE_METHOD(comparison_fixture, "differences above the limit are counted as more",
                 "[comparison]") {
  for (record_id i = 1; i <= 50; ++i)
    here[i].locator = "elsewhere";
  const auto found = compare(10);
  CHECK(found.differences.size() == 10);
  CHECK(found.more);
  CHECK_FALSE(found.equal());
}

TEST_CASE_METHOD(comparison_fixture, "one comparison at a time", "[comparison]") {
  REQUIRE(begin());
  const auto second = begin();
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ec::overloaded);
  CHECK(run().equal());
  CHECK(compare().equal());
  CHECK(status().number == 2);
}
