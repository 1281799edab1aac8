// Random operations on both implementations of the registry: every answer and every row must be
// equal, whatever comes in whatever order. A failure names its seed.

#include "tests/registry/pg_registry.hpp"
#include "tests/registry/registry_fixture.hpp"

#include <array>
#include <map>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

using namespace farshore;
using namespace farshore::test;

namespace farshore {

// What Catch shows of a row that differs.
std::ostream& operator<<(std::ostream& out, const registry_row& row) {
  const auto time = [](const auto& t) { return t ? to_rfc3339(*t) : std::string{"-"}; };
  out << row.record << " key=" << row.key << " at=" << row.locator << " pool=" << row.pool
      << " stale=[";
  for (const auto& locator : row.stale_locators)
    out << locator << ' ';
  return out << "] wanted=" << row.wanted << " target=" << row.target_revision
             << " synced=" << row.synced_revision.value_or(-1) << " " << to_string(row.state)
             << " retry_at=" << time(row.retry_at) << " retries=" << row.retry_count
             << " missing=" << row.missing_on_primary << " since=" << time(row.due_since)
             << " size=" << row.size.value_or(0)
             << " sum=" << (row.sum ? to_hex(*row.sum).substr(0, 2) : "-") << " primary_sum="
             << (row.primary_checksum ? to_hex(*row.primary_checksum).substr(0, 2) : "-")
             << " failure=" << row.last_sync_failure
             << " verification=" << to_string(row.verification)
             << " verified=" << time(row.verified_at)
             << " unverified_since=" << time(row.unverified_since);
}

} // namespace farshore

namespace {

constexpr std::array types{"file", "scan", "image"};

/// Both registries, and what is known of them from outside.
class twins {
  /// Does the same to both.
  template <class Action>
  auto in_both(Action action) {
    auto left = action(memory_);
    auto right = action(database_);
    return std::pair{std::move(left), std::move(right)};
  }
  template <class Action>
  void same_in_both(Action action) {
    const auto [left, right] = in_both(action);
    REQUIRE(left == right);
  }

public:
  explicit twins(std::uint64_t seed) : random_{seed} {
    in_both([](auto& t) {
      t.new_epoch("first");
      return 0;
    });
  }

  void step() {
    switch (below(28)) {
    case 23:
    case 24:
    case 25:
      return verify_some();
    case 26:
    case 27:
      return compare_some();
    case 20:
    case 21:
    case 22:
      return confirm_some();
    case 0:
    case 1:
    case 2:
    case 3:
      return some_events();
    case 4:
    case 5:
      return some_catalogue();
    case 6:
    case 7:
    case 8:
    case 9:
      return claim_some();
    case 10:
    case 11:
    case 12:
    case 13:
      return finish_some();
    case 14:
      return renew_some();
    case 15:
      return pass_time();
    case 16:
      return operate();
    case 17:
      return look();
    case 18:
      return one_in(4) ? redeclare() : pass_time();
    default:
      return one_in(3) ? break_off() : finish_some();
    }
  }

  void compare_rows() {
    for (const auto* type : types) {
      CAPTURE(type);
      const auto left = memory_.backend.rows(type);
      const auto right = database_.backend.rows(type);
      REQUIRE(left == right);
    }
  }

private:
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  std::string any_type() { return types.at(below(types.size())); }
  record_id any_record() { return static_cast<record_id>(below(6)) - 1; }
  std::string any_locator() {
    constexpr std::array locators{"a", "a/b", "c%20d", "e", "f", "", "../out"};
    return locators.at(below(one_in(8) ? locators.size() : 5));
  }
  std::optional<std::uint8_t> any_content() {
    if (one_in(3))
      return {};
    return static_cast<std::uint8_t>(1 + below(2));
  }
  revision any_revision() {
    if (!one_in(4))
      return ++last_event_;
    return static_cast<revision>(below(static_cast<std::uint64_t>(last_event_) + 1));
  }

  void some_events() {
    std::vector<served_event> page;
    for (auto n = 1 + below(5); n > 0; --n) {
      const auto content = any_content();
      served_event e = present(any_revision(), any_record(), any_locator(), content);
      if (one_in(4))
        e = gone(e.id, e.record);
      else if (one_in(3) && content)
        e.op = operation::checksum_succeeded;
      else if (one_in(12))
        e = truncated(e.id);
      if (one_in(5))
        e.size = below(100);
      if (one_in(5))
        e.pool = any_locator();
      page.push_back(of_type(one_in(20) ? "unheard" : any_type(), e));
    }
    std::optional<wall_time> horizon;
    if (one_in(2))
      horizon = memory_.wall() - std::chrono::milliseconds{below(5000)};
    const auto verifies = one_in(10) ? std::optional{one_in(2)} : std::nullopt;
    const auto [left, right] = in_both([&](auto& t) { return t.events(page, horizon, verifies); });
    REQUIRE(left.changed == right.changed);
    REQUIRE(left.due_types == right.due_types);
  }

  void some_catalogue() {
    const auto type = any_type();
    const auto generation = static_cast<std::int64_t>(1 + below(one_in(4) ? 2 : 1));
    const auto before = memory_.walk(type);
    const bool goes_on = before.stage == walk_stage::reading && before.generation == generation;
    std::vector<catalogue_row> rows;
    for (record_id record = -1; record < 5; ++record)
      if (one_in(2) && (!goes_on || record > before.after))
        rows.push_back(listed(record, any_locator(), any_revision(), any_content()));
    for (auto& row : rows)
      if (one_in(4))
        row.pool = any_locator();
    const bool last = one_in(2);
    const auto [left, right] =
        in_both([&](auto& t) { return t.catalogue(rows, generation, last, type); });
    same_walk(left, right);
  }

  void same_walk(const applied& left, const applied& right) {
    REQUIRE(left.changed == right.changed);
    REQUIRE(left.due_types == right.due_types);
    REQUIRE(left.walk == right.walk);
  }

  /// A walk goes on with its suspects; or an operator, or a gap in the log, comes in between.
  void confirm_some() {
    const auto type = any_type();
    if (one_in(6))
      return same_in_both([&](auto& t) { return t.approve(type); });
    if (one_in(30))
      return same_in_both([&](auto& t) {
        t.in_batch([&] { return t.store().skip_to({1, 1, 1}); });
        return 0;
      });
    if (one_in(30)) {
      const auto scope = std::to_string(below(3));
      return same_in_both([&](auto& t) {
        t.set_scope(scope);
        return 0;
      });
    }
    const auto limit = 1 + below(4);
    const auto suspects = [&](auto& t) {
      return t.in_batch([&] { return t.store().suspects(type, limit); });
    };
    same_in_both(suspects);
    const auto asked = suspects(memory_);
    std::vector<catalogue_row> found;
    for (const auto record : asked)
      if (one_in(3))
        found.push_back(listed(record, any_locator(), any_revision(), any_content()));
    std::vector<record_id> outside;
    const auto is_found = [&](record_id record) {
      return std::ranges::find(found, record, &catalogue_row::record) != found.end();
    };
    for (const auto record : asked)
      if (!is_found(record) && one_in(2))
        outside.push_back(record);
    const auto [left, right] =
        in_both([&](auto& t) { return t.records(asked, found, type, outside); });
    same_walk(left, right);
  }

  /// A comparison takes a walk's place.
  void compare_some() {
    const auto type = any_type();
    std::vector<unequal_range> unequal;
    auto after = record_id{-3};
    for (auto n = below(3); n > 0; --n) {
      const auto upto = after + 1 + static_cast<record_id>(below(3));
      unequal.push_back({{after, upto}, one_in(2)});
      after = upto;
    }
    const compared_ranges found{type, static_cast<std::int64_t>(1 + below(2)), 3, unequal};
    const auto [left, right] = in_both(
        [&](auto& t) { return t.in_batch([&] { return t.store().apply_compared(found); }); });
    same_walk(left, right);
    held_request asked{type, one_in(2) ? digest_view::held : digest_view::target, -2, {}, 100};
    for (record_id bound = -1; bound < 6; bound += 1 + static_cast<record_id>(below(3)))
      asked.bounds.push_back(bound);
    asked.rows_max = 1 + below(8);
    same_in_both([&](auto& t) {
      const auto digests = t.in_batch([&] { return t.store().digests(asked); });
      return std::pair{digests.slices, digests.upto};
    });
    const std::vector<record_range> ranges{{-2, 0}, {2, 4}};
    same_in_both([&](auto& t) {
      return t.in_batch([&] { return t.store().rows_in(type, ranges, asked.rows_max); });
    });
  }

  void claim_some() {
    const auto type = any_type();
    const auto limit = below(4);
    const auto [left, right] = in_both([&](auto& t) { return t.claim_all(limit, type); });
    REQUIRE(left.claims.size() == right.claims.size());
    REQUIRE(left.passed_over == right.passed_over);
    REQUIRE(left.next_due == right.next_due);
    for (std::size_t i = 0; i < left.claims.size(); ++i) {
      const auto& a = left.claims[i];
      const auto& b = right.claims[i];
      REQUIRE(a.id == b.id);
      REQUIRE(a.epoch == b.epoch);
      REQUIRE(a.key == b.key);
      REQUIRE(a.target == b.target);
      REQUIRE(a.wanted == b.wanted);
      REQUIRE(a.locator == b.locator);
      REQUIRE(a.remove == b.remove);
      REQUIRE(a.stale_settled == b.stale_settled);
      REQUIRE(a.expected == b.expected);
      REQUIRE(a.size == b.size);
      REQUIRE(a.retry_count == b.retry_count);
      REQUIRE(a.force == b.force);
      claims_.emplace_back(a, b);
    }
  }

  outcome any_ending(const claim& of, std::uint64_t kind, std::uint8_t content) {
    if (kind < 2)
      return given_back(of);
    if (kind < 4) {
      auto how = failed(of, kind == 2 ? ec::missing_on_primary : ec::checksum_mismatch,
                        std::chrono::milliseconds{1000 * content}, "failure " + of.locator);
      how.sum = sum_of(content);
      return how;
    }
    return of.wanted ? synced(of, content, content) : removed(of);
  }

  void finish_some() {
    std::vector<outcome> left;
    std::vector<outcome> right;
    for (auto n = 1 + below(3); n > 0 && !claims_.empty(); --n) {
      const auto which = below(claims_.size());
      const auto& [a, b] = claims_[which];
      const auto kind = below(8);
      const auto content = static_cast<std::uint8_t>(below(3));
      left.push_back(any_ending(a, kind, content));
      right.push_back(any_ending(b, kind, content));
      if (!one_in(6)) // else it ends twice
        claims_.erase(claims_.begin() + static_cast<std::ptrdiff_t>(which));
    }
    REQUIRE(memory_.finish_all(left) == database_.finish_all(right));
  }

  /// Something is read at rest, or an operator wants it to be; results may come late, or twice.
  void verify_some() {
    const auto type = any_type();
    if (one_in(3)) {
      const record_selection which{one_in(3)   ? record_selection::kind::all
                                   : one_in(2) ? record_selection::kind::failed
                                               : record_selection::kind::ids,
                                   {any_record(), any_record()}};
      same_in_both([&](auto& t) { return t.reverify(which, type); });
      return same_in_both([](auto& t) { return t.in_batch([&] { return t.store().orders(); }); });
    }
    verification_request what{.type = type,
                              .marked_after = any_record(),
                              .marked_max = below(4),
                              .walk_rows = below(4),
                              .recent = std::chrono::milliseconds{below(3000)},
                              .all_order = 0,
                              .all_told = any_record(),
                              .all_claimed = any_record()};
    const bool knows = one_in(2);
    auto& [memorys, databases] = reverifies_[type];
    what.all_order = knows ? memorys : 0;
    auto left = memory_.claim_verifications(what);
    what.all_order = knows ? databases : 0;
    auto right = database_.claim_verifications(what);
    // Their numbers are each one's own.
    memorys = std::exchange(left.all_order, left.all_order > 0);
    databases = std::exchange(right.all_order, right.all_order > 0);
    REQUIRE(left == right);
    for (const auto& one : left.claims)
      to_verify_.push_back(one);
    std::vector<verification_outcome> found;
    while (!to_verify_.empty() && one_in(2)) {
      const auto which = below(to_verify_.size());
      verification_outcome one{to_verify_[which], {}, {}};
      if (one_in(2)) {
        one.damage = error{ec::checksum_mismatch, "damaged"};
        if (one_in(2))
          one.found = sum_of(7);
      }
      found.push_back(one);
      to_verify_.erase(to_verify_.begin() + static_cast<std::ptrdiff_t>(which));
    }
    same_in_both([&](auto& t) { return t.finish_verifications(found); });
  }

  void renew_some() {
    std::vector<claim_token> left;
    std::vector<claim_token> right;
    for (const auto& [a, b] : claims_)
      if (one_in(2)) {
        left.push_back(a.token);
        right.push_back(b.token);
      }
    REQUIRE(memory_.renew(left).size() == database_.renew(right).size());
  }

  void pass_time() {
    const std::chrono::milliseconds gone{below(one_in(3) ? 12'000 : 900)};
    memory_.time.advance(gone);
    database_.time.advance(gone);
    const auto horizon = memory_.wall();
    in_both([&](auto& t) {
      t.horizon(horizon, 5);
      return 0;
    });
  }

  void operate() {
    const auto type = any_type();
    const auto which = below(7);
    const record_selection some{record_selection::kind::ids,
                                {any_record(), any_record(), any_record()}};
    const auto rows = 1 + below(4);
    same_in_both([&](auto& t) -> std::size_t {
      switch (which) {
      case 0:
        return t.resync(some, type);
      case 1:
        return t.resync({record_selection::kind::failed, {}}, type);
      case 2:
        return t.resync({record_selection::kind::all, {}}, type);
      case 3:
        t.distrust("/srv/a", store_verdict::rolled_back);
        return 0;
      default:
        return t.continue_resync(rows);
      }
    });
  }

  void look() {
    for (const auto* type : types) {
      same_in_both([&](auto& t) { return t.counts(type); });
      same_in_both([&](auto& t) {
        for (const auto& point : t.in_batch([&] { return t.store().recovery_points(); }))
          if (point.type == type)
            return std::pair{point.synced, point.verified};
        return std::pair<std::optional<wall_time>, std::optional<wall_time>>{};
      });
    }
    for (const auto* path : {"/srv/a", "/srv/b"})
      same_in_both([&](auto& t) {
        const auto found = t.standing(path);
        return std::tuple{found.known, found.has_rows, found.worked};
      });
    same_in_both([](auto& t) {
      const auto cursor = t.in_batch([&] { return t.store().cursor(); });
      return std::tuple{cursor.epoch, cursor.identity, cursor.place, cursor.covered_xid,
                        cursor.horizon};
    });
    same_in_both([](auto& t) { return t.in_batch([&] { return t.store().backfills(); }); });
  }

  void redeclare() {
    if (one_in(3)) {
      const auto type = one_in(2) ? any_type() : "";
      const bool paused = one_in(2);
      in_both([&](auto& t) {
        t.in_batch([&] { return t.store().set_paused(type, paused); });
        return 0;
      });
      same_in_both([](auto& t) { return t.in_batch([&] { return t.store().paused_types(); }); });
      return;
    }
    std::vector<store_type> declared;
    for (const auto* type : types)
      if (!one_in(5))
        declared.push_back({type, "", one_in(4) ? "/srv/b" : "/srv/a", !one_in(5)});
    in_both([&](auto& t) {
      t.declare(declared);
      return 0;
    });
  }

  /// The node is killed, with or without a batch under way, or meets another primary.
  void break_off() {
    // What was told of recovery points is kept with the next change.
    const auto at = memory_.wall();
    in_both([&](auto& t) {
      t.horizon(at);
      return 0;
    });
    if (one_in(2)) {
      same_in_both([](auto& t) { return t.new_epoch("another"); });
      return;
    }
    events_page lost;
    lost.events = {present(last_event_ + 1, 1, "lost"), gone(last_event_ + 2, 2)};
    const bool under_way = one_in(2);
    in_both([&](auto& t) {
      if (under_way) {
        REQUIRE(t.store().begin());
        REQUIRE(t.store().apply_events(lost));
        REQUIRE(t.store().set_paused("", true));
      }
      t.backend.reopen();
      return 0;
    });
    reverifies_.clear();
  }

  registry_fixture<memory_registry> memory_;
  registry_fixture<pg_registry> database_;
  random_source random_;
  revision last_event_ = 0;
  std::vector<std::pair<claim, claim>> claims_;
  std::vector<verification_claim> to_verify_;
  /// The numbers of the reverifies of all that are under way: in memory, and in the database.
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> reverifies_;
};

void compare(std::uint64_t first_seed, std::uint64_t seeds, int steps) {
  for (auto seed = first_seed; seed < first_seed + seeds; ++seed) {
    CAPTURE(seed);
    twins both{seed};
    for (int step = 0; step < steps; ++step) {
      CAPTURE(step);
      both.step();
      both.compare_rows();
    }
  }
}

} // namespace

TEST_CASE("both registries give equal answers to random operations", "[equality]") {
  compare(1, 8, 250);
}

TEST_CASE("both registries give equal answers to many more random operations", "[.][slow]") {
  compare(random_seed() % 1'000'000, 40, 500);
}
