// What the registry's tests stand on: time moved by hand, pages in a line, one batch per step, and
// a store that can be thrown away and opened again as after a kill.

#pragma once

#include "config/clock.hpp"
#include "registry/memory_store.hpp"
#include "registry/registry_row.hpp"
#include "registry/store.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace farshore::test {

using namespace std::chrono_literals;

inline constexpr std::chrono::milliseconds lease{10'000};

class held_time final : public time_source {
public:
  [[nodiscard]] steady_time now() const override { return steady_time{1h} + gone_; }
  [[nodiscard]] wall_time wall() const override {
    return wall_time{std::chrono::hours{24 * 365 * 55}} + gone_;
  }
  void advance(std::chrono::milliseconds by) { gone_ += by; }

private:
  std::chrono::nanoseconds gone_{0};
};

/// The registry in memory, whose tables survive the store.
class memory_registry {
public:
  explicit memory_registry(const time_source& time) : time_{time} { reopen(); }

  void reopen() {
    store_.reset();
    store_ = std::make_unique<memory_store>(tables_, time_, lease);
  }
  registry_store& store() { return *store_; }
  std::vector<registry_row> rows(const std::string& type) const {
    std::vector<registry_row> all;
    for (const auto& [_, row] : tables_->rows[type])
      all.push_back(row);
    return all;
  }

private:
  const time_source& time_;
  std::shared_ptr<memory_tables> tables_ = std::make_shared<memory_tables>();
  std::unique_ptr<registry_store> store_;
};

/// A checksum that is easily told from others.
inline checksum sum_of(std::uint8_t content) {
  checksum sum{};
  sum.fill(content);
  return sum;
}

inline served_event present(revision id, record_id record, std::string locator,
                            std::optional<std::uint8_t> content = {}) {
  served_event e;
  e.id = id;
  e.type = "file";
  e.record = record;
  e.key = std::to_string(record);
  e.present = true;
  e.locator = std::move(locator);
  if (content)
    e.sum = sum_of(*content);
  return e;
}

inline served_event gone(revision id, record_id record) {
  served_event e;
  e.id = id;
  e.type = "file";
  e.record = record;
  e.key = std::to_string(record);
  e.op = operation::deleted;
  return e;
}

inline served_event truncated(revision id) {
  served_event e;
  e.id = id;
  e.type = "file";
  e.op = operation::truncated;
  return e;
}

inline served_event checksummed(revision id, record_id record, std::string locator,
                                std::uint8_t content) {
  auto e = present(id, record, std::move(locator), content);
  e.op = operation::checksum_succeeded;
  return e;
}

inline served_event of_type(std::string type, served_event e) {
  e.type = std::move(type);
  return e;
}

inline catalogue_row listed(record_id record, std::string locator, revision rev = 0,
                            std::optional<std::uint8_t> content = {}) {
  catalogue_row row;
  row.record = record;
  row.key = std::to_string(record);
  row.locator = std::move(locator);
  row.rev = rev;
  if (content)
    row.sum = sum_of(*content);
  return row;
}

/// How a worker would end the claim.
inline outcome ended(const claim& of, outcome::kind how) {
  outcome out;
  out.token = of.token;
  out.id = of.id;
  out.epoch = of.epoch;
  out.reached = of.target;
  out.how = how;
  out.stale_settled = of.stale_settled;
  return out;
}

inline outcome synced(const claim& of, std::uint8_t content = 1, std::uint64_t size = 10) {
  auto out = ended(of, outcome::kind::synced);
  out.sum = sum_of(content);
  out.size = size;
  return out;
}

inline outcome removed(const claim& of) {
  return ended(of, outcome::kind::removed);
}

inline outcome failed(const claim& of, ec why = ec::disk, std::chrono::milliseconds again = 2s,
                      std::string message = "it failed") {
  auto out = ended(of, outcome::kind::failed);
  out.why = {why, std::move(message)};
  out.retry_after = again;
  return out;
}

inline outcome given_back(const claim& of) {
  return ended(of, outcome::kind::given_back);
}

/// A store with the types "file" and "scan" in one folder, and "image" in another.
template <class Backend>
class registry_fixture {
public:
  registry_fixture() {
    declare({type("file", "/srv/a"), type("scan", "/srv/a"), type("image", "/srv/b")});
  }

  static store_type type(std::string name, std::string store, bool enabled = true) {
    return {name, name + "s", std::move(store), enabled};
  }

  // Each of these is a batch of its own.
  void declare(const std::vector<store_type>& types) {
    in_batch([&] { return store().declare_types(types); });
  }
  applied events(std::vector<served_event> list, std::optional<wall_time> horizon = {},
                 std::optional<bool> verifies = {}) {
    events_page page;
    if (verifies)
      for (const auto* name : {"file", "scan", "image"})
        page.types.push_back({name, 1, {}, *verifies});
    page.events = std::move(list);
    page.upto = next_place();
    page.covered_xid = page.upto.xid;
    page.horizon = horizon;
    page.scope = scope_;
    return in_batch([&] { return store().apply_events(page); });
  }
  applied catalogue(std::vector<catalogue_row> rows, std::int64_t generation = 1, bool last = true,
                    const std::string& of_type = "file") {
    catalogue_page page;
    page.type = of_type;
    page.scope = scope_;
    page.generation = generation;
    const auto before = walk(of_type);
    if (before.stage == walk_stage::reading && before.generation == generation)
      page.after = before.after; // goes on with the walk that is under way
    page.next_after = rows.empty() ? INT64_MAX : rows.back().record;
    page.rows = std::move(rows);
    page.last = last;
    return in_batch([&] { return store().apply_catalogue(page); });
  }
  backfill_state walk(const std::string& of_type = "file") {
    for (const auto& one : in_batch([&] { return store().backfills(); }))
      if (one.type == of_type)
        return one;
    return {};
  }
  /// Every backfill is through, and what it found is what is here.
  void backfilled() {
    for (const auto* name : {"file", "scan", "image"}) {
      std::vector<catalogue_row> here;
      for (const auto& one : backend.rows(name))
        if (one.wanted)
          here.push_back(listed(one.record, one.locator, one.target_revision));
      catalogue(std::move(here), 1, true, name);
    }
  }
  /// What pages are read under from now on, too.
  void set_scope(const scope_digest& scope) {
    scope_ = scope;
    in_batch([&] { return store().set_scope(scope); });
  }
  std::vector<record_id> suspects(const std::string& of_type = "file") {
    return in_batch([&] { return store().suspects(of_type, 1000); });
  }
  /// The answer for what was asked by id.
  applied records(std::vector<record_id> asked, std::vector<catalogue_row> found,
                  const std::string& of_type = "file", std::vector<record_id> outside = {}) {
    const records_page page{of_type,          walk(of_type).generation, std::move(asked),
                            std::move(found), std::move(outside),       scope_};
    return in_batch([&] { return store().apply_records(page); });
  }
  /// The walk that is under way comes to its end; `there` are the records that the primary has.
  void confirm(const std::vector<catalogue_row>& there, const std::string& of_type = "file") {
    while (walk(of_type).stage == walk_stage::confirming) {
      const auto asked = suspects(of_type);
      std::vector<catalogue_row> found;
      for (const auto& row : there)
        if (std::ranges::binary_search(asked, row.record))
          found.push_back(row);
      records(asked, found, of_type);
    }
  }
  std::size_t approve(const std::string& of_type = "file") {
    return in_batch([&] { return store().approve(of_type); });
  }
  claimed claim_all(std::size_t limit = 100, const std::string& of_type = "file",
                    claim_scope scope = claim_scope::all) {
    return in_batch([&] { return store().claim_due(of_type, limit, scope); });
  }
  claim claim_one(const std::string& of_type = "file") {
    auto got = claim_all(1, of_type);
    REQUIRE(got.claims.size() == 1);
    return got.claims.front();
  }
  std::vector<bool> finish_all(const std::vector<outcome>& outcomes) {
    return in_batch([&] { return store().finish(outcomes); });
  }
  bool finish(const outcome& how) { return finish_all({how}).front(); }
  std::vector<claim_token> renew(std::vector<claim_token> tokens) {
    return in_batch([&] { return store().renew(tokens); });
  }
  void horizon(wall_time at, std::uint64_t covered = 0) {
    in_batch([&] { return store().note_horizon(covered, at); });
  }
  epoch_number new_epoch(const std::string& identity = "another primary") {
    place_ = {};
    return in_batch([&] { return store().start_epoch(identity, {}); });
  }
  std::size_t resync(const record_selection& which, const std::string& of_type = "file") {
    return in_batch([&] { return store().resync(of_type, which); });
  }
  bool continue_resync(std::size_t rows) {
    return in_batch([&] { return store().continue_resync(rows); });
  }
  std::size_t reverify(const record_selection& which, const std::string& of_type = "file") {
    return in_batch([&] { return store().reverify(of_type, which); });
  }
  verification_round claim_verifications(const verification_request& what) {
    return in_batch([&] { return store().claim_verifications(what); });
  }
  /// Of what was marked.
  verification_round claim_marked(std::size_t limit = 100, record_id after = record_id_before_all) {
    return claim_verifications({.type = "file", .marked_after = after, .marked_max = limit});
  }
  /// Of a reverify of all, behind what the round before had; up to `told` all has been told of.
  verification_round claim_of_all(const verification_round& before, std::size_t limit,
                                  record_id told = record_id_before_all) {
    verification_request what;
    what.type = "file";
    what.marked_max = limit;
    what.all_order = before.all_order;
    what.all_claimed = before.all_claimed;
    what.all_told = told;
    return claim_verifications(what);
  }
  verification_round claim_walk(std::size_t rows, std::chrono::milliseconds recent = 0ms) {
    return claim_verifications({.type = "file", .walk_rows = rows, .recent = recent});
  }
  std::size_t finish_verifications(const std::vector<verification_outcome>& found) {
    return in_batch([&] { return store().finish_verifications(found); });
  }
  std::size_t verified(const verification_claim& of) {
    return finish_verifications({{of, {}, {}}});
  }
  /// `content`: what was found instead.
  std::size_t damaged(const verification_claim& of, std::optional<std::uint8_t> content = {}) {
    return finish_verifications({{of, error{ec::checksum_mismatch, "it is damaged"},
                                  content ? std::optional{sum_of(*content)} : std::nullopt}});
  }
  std::optional<wall_time> verified_point(const std::string& of_type = "file") {
    for (const auto& point : in_batch([&] { return store().recovery_points(); }))
      if (point.type == of_type)
        return point.verified;
    FAIL("no recovery point of " << of_type);
    return {};
  }
  void distrust(const std::string& path, store_verdict why = store_verdict::emptied) {
    in_batch([&] { return store().distrust_store(path, why); });
  }
  store_standing standing(const std::string& path) {
    return in_batch([&] { return store().standing_of(path); });
  }
  void note(const known_store& known) {
    in_batch([&] { return store().note_store(known); });
  }
  registry_counts counts(const std::string& of_type = "file") {
    return in_batch([&] { return store().counts(of_type); });
  }
  std::optional<wall_time> recovery(const std::string& of_type = "file") {
    for (const auto& point : in_batch([&] { return store().recovery_points(); }))
      if (point.type == of_type)
        return point.synced;
    FAIL("no recovery point of " << of_type);
    return {};
  }

  /// Synced, and the primary's checksum said that it is right.
  void make_verified(record_id record, std::string locator, std::uint8_t content = 1) {
    events({present(next_id(), record, locator, content)});
    REQUIRE(finish(synced(claim_one(), content)));
  }
  /// An event, claimed and synced: the record is on the disk.
  void make_synced(record_id record, std::string locator, std::uint8_t content = 1) {
    events({present(next_id(), record, std::move(locator))});
    REQUIRE(finish(synced(claim_one(), content)));
  }
  revision next_id() { return ++last_id_; }

  registry_row row(record_id record, const std::string& of_type = "file") {
    for (auto& one : backend.rows(of_type))
      if (one.record == record)
        return one;
    FAIL("no row " << of_type << "/" << record);
    return {};
  }
  bool has_row(record_id record, const std::string& of_type = "file") {
    for (const auto& one : backend.rows(of_type))
      if (one.record == record)
        return true;
    return false;
  }

  template <class Call>
  auto in_batch(Call&& call) {
    require(store().begin());
    auto got = call();
    require(got);
    require(store().commit());
    if constexpr (!std::is_void_v<typename decltype(got)::value_type>)
      return std::move(*got);
  }

  template <class T>
  static void require(const result<T>& got) {
    if (!got)
      FAIL(to_string(got.error().code) << ": " << got.error().message);
  }

  registry_store& store() { return backend.store(); }
  wall_time wall() { return time.wall(); }
  event_position next_place() {
    ++place_.xid;
    ++place_.id;
    return place_;
  }

  held_time time;
  Backend backend{time};

private:
  scope_digest scope_;
  event_position place_;
  /// Above what tests write down themselves.
  revision last_id_ = 0;
};

} // namespace farshore::test
