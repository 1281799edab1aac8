// The verifier between a desk, a reader and a store that the test plays.

#include "actors/primary_verifier.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/fake_partners.hpp"

#include <map>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;

namespace {

struct fake_desk {
  /// Handed out with the next claim.
  std::vector<checksum_claim> due;
  /// When it is asked once more.
  std::vector<checksum_claim> due_next;
  std::vector<checksum_request> asked;
  std::vector<checksum_result> results;
  int reports = 0;
  int releases = 0;
  std::string trouble;
  /// Said to differ.
  std::vector<record_id> suspects;
  /// What a report is answered with; nothing: done.
  std::optional<error> refusal;
};

checksum_desk_actor::behavior_type play_desk(checksum_desk_actor::pointer,
                                             std::shared_ptr<fake_desk> fake) {
  return {
      [=](const checksum_request& asked) -> result<std::vector<checksum_claim>> {
        fake->asked.push_back(asked);
        return std::exchange(fake->due, std::exchange(fake->due_next, {}));
      },
      [=](const checksum_report& report) -> result<done> {
        ++fake->reports;
        if (fake->refusal)
          return fail(*fake->refusal);
        for (const auto& one : report.results)
          fake->results.push_back(one);
        return done{};
      },
      [=](const checksum_release&) { ++fake->releases; },
      [=](atom::reverify, const std::string&,
          const record_selection& which) -> result<std::int64_t> {
        fake->suspects.insert(fake->suspects.end(), which.ids.begin(), which.ids.end());
        return static_cast<std::int64_t>(which.ids.size());
      },
      [=](const checksum_trouble& trouble) { fake->trouble = trouble.what; },
  };
}

/// What lies in the store, by locator.
struct fake_content {
  bool there = true;
  std::map<std::string, result<content_offer>> files;
  int reads = 0;
  int glances = 0;
  int glances_at_last_read = 0;
  /// The store's kind can be glanced at.
  bool glanceable = true;
};

class held_store final : public strategy {
public:
  explicit held_store(std::shared_ptr<fake_content> content) : content_{std::move(content)} {}
  result<store_look> look() override {
    store_look look;
    look.there = content_->there;
    return look;
  }
  result<void> prepare() override { return {}; }
  result<void> write_mark(const store_mark&) override { return {}; }
  result<std::shared_ptr<receiver>> receive(std::shared_ptr<sync_job>) override {
    return fail(ec::internal, "not of a primary");
  }
  result<disk_space> space() override { return disk_space{}; }
  void place(std::span<placement>) override {}
  void remove(std::span<removal>) override {}
  result<std::unique_ptr<resource_reader>> open(std::string_view) override {
    return fail(ec::internal, "not read by hand");
  }
  result<content_offer> checksum_of(std::string_view locator, const std::atomic<bool>*) override {
    ++content_->reads;
    content_->glances_at_last_read = content_->glances;
    const auto found = content_->files.find(std::string{locator});
    if (!content_->there || found == content_->files.end())
      return fail(ec::missing_on_primary, "no such file");
    return found->second;
  }
  result<std::optional<checksum>> glance(std::string_view locator) override {
    if (!content_->glanceable)
      return strategy::glance(locator);
    ++content_->glances;
    const auto found = content_->files.find(std::string{locator});
    if (!content_->there || found == content_->files.end())
      return fail(ec::missing_on_primary, "no such file");
    if (!found->second)
      return fail(found->second.error());
    return std::optional{found->second->sum};
  }

private:
  std::shared_ptr<fake_content> content_;
};

/// What the catalogue says: records and their checksums.
struct fake_catalogue {
  std::map<record_id, std::optional<checksum>> rows;
  int pages = 0;
};

/// Every record lies at its number; those below zero are not available, 0 has no locator.
struct fake_reader final : primary_reader {
  fake_reader(std::shared_ptr<std::optional<error>> refusal,
              std::shared_ptr<fake_catalogue> catalogue)
      : refusal_{std::move(refusal)}, catalogue_{std::move(catalogue)} {}
  void declare(std::span<const replicable_type>) override {}
  result<events_page> events(const event_position&, std::size_t, const site_scope&) override {
    return events_page{};
  }
  result<catalogue_page> catalogue(const std::string&, record_id after, std::size_t limit,
                                   const site_scope&) override {
    if (*refusal_)
      return fail(**refusal_);
    ++catalogue_->pages;
    catalogue_page page;
    page.next_after = after;
    auto at = catalogue_->rows.upper_bound(after);
    for (; at != catalogue_->rows.end() && page.rows.size() < limit; ++at) {
      auto& row = page.rows.emplace_back();
      row.record = page.next_after = at->first;
      row.locator = std::to_string(at->first);
      row.sum = at->second;
    }
    page.last = page.rows.size() < limit;
    return page;
  }
  result<records_page> look_up(const std::string&, std::span<const record_id>,
                               const site_scope&) override {
    return records_page{};
  }
  result<std::optional<std::string>> key_at(const std::string&, const std::string&) override {
    return std::nullopt;
  }
  result<std::vector<resolved_record>>
  resolve(const std::string&, std::span<const record_id> records, const site_scope&) override {
    if (*refusal_)
      return fail(**refusal_);
    std::vector<resolved_record> out;
    for (const auto record : records)
      out.push_back({record, record >= 0, record == 0 ? "" : std::to_string(record), {}});
    return out;
  }
  result<event_position> folded_place() override { return event_position{}; }
  result<event_position> newest_place() override { return event_position{}; }
  result<snapshot_bounds> bounds() override { return snapshot_bounds{}; }
  result<std::string> identity() override { return std::string{}; }
  result<std::optional<horizon_blocker>> blocker(std::chrono::seconds) override {
    return std::optional<horizon_blocker>{};
  }

private:
  std::shared_ptr<std::optional<error>> refusal_;
  std::shared_ptr<fake_catalogue> catalogue_;
};

class verifier_fixture : public actor_fixture {
public:
  explicit verifier_fixture(std::size_t hashers = 2) {
    type.name = "file";
    type.strategy = "blob";
    type.store = "/store";
    primary_verifier_parts parts;
    parts.desk = spawn(play_desk, desk);
    parts.open_reader = [this]() -> result<std::unique_ptr<primary_reader>> {
      ++readers;
      return std::make_unique<fake_reader>(refusal, catalogue);
    };
    parts.open_store = [this](const replicable_type&) -> result<std::shared_ptr<strategy>> {
      return std::make_shared<held_store>(content);
    };
    parts.hashers = hashers;
    parts.threads = false;
    parts.retry_base = 2s;
    parts.time = &time;
    parts.seed = 1;
    verifier = spawn(primary_verifier, std::move(parts));
  }

  void declare() {
    caf::anon_send(verifier, atom::declare_v, std::vector<replicable_type>{type});
    deliver_all();
  }
  void pass(std::chrono::milliseconds duration) {
    for (; duration > 0ms; duration -= 100ms)
      advance(100ms);
  }
  static checksum_claim claim_of(record_id record, int retries = 0) {
    return {record, 5, false, "then", retries};
  }
  void have(record_id record, std::uint8_t byte) {
    checksum sum{};
    sum.fill(byte);
    content->files.insert_or_assign(std::to_string(record), content_offer{1, sum});
  }
  const checksum_result& result_of(record_id record) {
    for (const auto& one : desk->results)
      if (one.of.record == record)
        return one;
    FAIL("no result of record " << record);
    throw std::logic_error{"unreachable"};
  }

  std::shared_ptr<fake_desk> desk = std::make_shared<fake_desk>();
  std::shared_ptr<fake_content> content = std::make_shared<fake_content>();
  std::shared_ptr<std::optional<error>> refusal = std::make_shared<std::optional<error>>();
  std::shared_ptr<fake_catalogue> catalogue = std::make_shared<fake_catalogue>();
  int readers = 0;
  replicable_type type;
  primary_verifier_actor verifier;
};

/// Repositories whose refs are looked at each minute.
class glances_fixture : public verifier_fixture {
public:
  explicit glances_fixture(std::size_t hashers = 2) : verifier_fixture{hashers} {
    type.strategy = "repository";
    type.refs_check = 60s;
  }
  /// There, and known as such.
  void know(record_id record, std::uint8_t byte) {
    have(record, byte);
    checksum sum{};
    sum.fill(byte);
    catalogue->rows[record] = sum;
  }
};

struct lone_hasher_fixture : glances_fixture {
  lone_hasher_fixture() : glances_fixture{1} {}
};

using kind = checksum_result::kind;

} // namespace

TEST_CASE_METHOD(verifier_fixture, "each record comes to the result that its resource has",
                 "[verifier]") {
  have(1, 7);
  content->files.insert_or_assign("3", fail(ec::changed, "changed"));
  content->files.insert_or_assign("4", fail(ec::unreadable_on_primary, "no right to read"));
  desk->due = {claim_of(1), claim_of(2, 2), claim_of(3), claim_of(4), claim_of(-5), claim_of(0)};
  declare();
  pass(500ms);
  REQUIRE(desk->results.size() == 6);
  CHECK(result_of(1).how == kind::succeeded);
  CHECK(result_of(1).sum[0] == 7);
  CHECK(result_of(1).next >= type.reverify_after / 2);
  CHECK(result_of(2).how == kind::missing);
  CHECK(result_of(2).next == 4s); // the third time
  CHECK_THAT(result_of(2).failure, Catch::StartsWith("file/2 at \"2\": no such file; bring"));
  CHECK(result_of(3).how == kind::changed);
  CHECK(result_of(4).how == kind::unreadable);
  CHECK_THAT(result_of(4).failure, Catch::Contains("farshore reverify file --id 4"));
  CHECK(result_of(-5).how == kind::unavailable);
  CHECK(result_of(0).how == kind::unreadable);
  CHECK(desk->trouble.empty());
}

TEST_CASE_METHOD(verifier_fixture, "what a former life had in hand is given back first",
                 "[verifier]") {
  declare();
  CHECK(desk->releases == 1);
}

TEST_CASE_METHOD(verifier_fixture, "it asks again when something may be due, and seldom otherwise",
                 "[verifier]") {
  declare();
  pass(5s);
  const auto idle = desk->asked.size();
  CHECK(idle <= 12);
  have(1, 1);
  desk->due = {claim_of(1)};
  caf::anon_send(verifier, atom::wake_v);
  deliver_all();
  CHECK(desk->asked.size() > idle);
  pass(200ms);
  CHECK(desk->results.size() == 1);
}

TEST_CASE_METHOD(verifier_fixture,
                 "a store that is away is waited for, and nothing counts as missing",
                 "[verifier]") {
  have(1, 1);
  declare();
  content->there = false;
  desk->due = {claim_of(1), claim_of(2)};
  pass(1s);
  CHECK(desk->results.empty());
  CHECK_THAT(desk->trouble, Catch::Contains("is not there any more"));
  const auto releases = desk->releases;
  CHECK(releases >= 2);
  const auto asked = desk->asked.size();
  pass(4s);
  CHECK(desk->asked.size() == asked);

  content->there = true;
  desk->due = {claim_of(1)};
  pass(7s);
  CHECK(desk->trouble.empty());
  CHECK(desk->results.size() == 1);
}

TEST_CASE_METHOD(verifier_fixture, "results wait while the model's table is locked", "[verifier]") {
  have(1, 1);
  have(2, 2);
  desk->refusal = error{ec::overloaded, "locked"};
  desk->due = {claim_of(1)};
  declare();
  pass(3s);
  const auto tries = desk->reports;
  CHECK(tries >= 2);
  CHECK(tries <= 4);
  desk->refusal.reset();
  pass(2s);
  CHECK(desk->results.size() == 1);
  CHECK(content->reads == 1);
}

TEST_CASE_METHOD(verifier_fixture, "a type that waits for its table gives back what it holds",
                 "[verifier]") {
  *refusal = error{ec::type_waiting, "not ready"};
  desk->due = {claim_of(1)};
  declare();
  pass(300ms);
  CHECK(desk->results.empty());
  CHECK(desk->releases == 2);
  refusal->reset();
  have(1, 1);
  desk->due = {claim_of(1)};
  pass(2s);
  CHECK(desk->results.size() == 1);
}

TEST_CASE_METHOD(verifier_fixture,
                 "a record that changes while its result is on its way is hashed again at once",
                 "[verifier]") {
  have(1, 7);
  auto again = claim_of(1);
  again.started = "later";
  desk->due = {claim_of(1)};
  desk->due_next = {again}; // comes before the first one's result has been taken
  declare();
  pass(2s);
  REQUIRE(desk->results.size() == 2);
  CHECK(desk->results.front().of.started == "then");
  CHECK(desk->results.back().of.started == "later");
  CHECK(desk->asked.back().held.empty());
}

TEST_CASE_METHOD(verifier_fixture, "what is in hand is bounded", "[verifier]") {
  // Nothing is taken off its hands.
  desk->refusal = error{ec::overloaded, "locked"};
  declare();
  for (int round = 0; round < 20; ++round) {
    for (record_id n = 1; n <= 500; ++n)
      desk->due.push_back(claim_of(round * 500 + n));
    caf::anon_send(verifier, atom::wake_v);
    pass(100ms);
  }
  CHECK(content->reads <= 2000);
}

TEST_CASE_METHOD(verifier_fixture, "a type whose verification is off is left alone", "[verifier]") {
  type.verification = verification_place::off;
  declare();
  pass(2s);
  CHECK(desk->asked.empty());
  type.verification = verification_place::state_table;
  declare();
  pass(1s);
  CHECK_FALSE(desk->asked.empty());
}

TEST_CASE_METHOD(glances_fixture,
                 "each minute all refs are looked at, and only what differs is due",
                 "[verifier][glances]") {
  for (record_id n = 1; n <= 2500; ++n)
    know(n, static_cast<std::uint8_t>(n));
  catalogue->rows[3] = std::nullopt; // has no checksum yet: it is due anyway
  declare();
  pass(2s);
  CHECK(content->glances == 2499); // at once: what happened while nobody looked is found, too
  CHECK(catalogue->pages == 3);
  CHECK(desk->suspects.empty());
  pass(57s);
  CHECK(content->glances == 2499);

  have(17, 200); // a push that nobody told of
  have(2500, 201);
  have(3, 202);
  content->files.erase("40"); // gone
  content->files.insert_or_assign("41", fail(ec::unreadable_on_primary, "a broken ref"));
  pass(4s);
  CHECK(content->glances == 2 * 2499);
  std::sort(desk->suspects.begin(), desk->suspects.end());
  CHECK(desk->suspects == std::vector<record_id>{17, 40, 41, 2500});
  CHECK(content->reads == 0); // it is the desk that makes them due
  CHECK(desk->reports == 0);
}

TEST_CASE_METHOD(glances_fixture, "refs are looked at as often as the declaration says",
                 "[verifier][glances]") {
  know(1, 1);
  SECTION("more seldom") {
    type.refs_check = 10min;
    declare();
    pass(1s);
    CHECK(content->glances == 1);
    pass(9min);
    CHECK(content->glances == 1);
    pass(61s);
    CHECK(content->glances == 2);
  }
  SECTION("never") {
    type.refs_check = 0s;
    declare();
    pass(5min);
    CHECK(catalogue->pages == 0);
  }
  SECTION("of a kind that can't be glanced at nothing is made due") {
    content->glanceable = false;
    have(1, 2);
    declare();
    pass(2min);
    CHECK(desk->suspects.empty());
    CHECK(content->reads == 0);
  }
}

TEST_CASE_METHOD(glances_fixture, "nothing is suspected while the store, or the catalogue, is away",
                 "[verifier][glances]") {
  for (record_id n = 1; n <= 600; ++n)
    know(n, 1);
  SECTION("the store") {
    declare();
    pass(1s);
    content->there = false;
    pass(61s);
    CHECK_THAT(desk->trouble, Catch::Contains("is not there any more"));
    CHECK(content->glances <= 601);
    CHECK(desk->suspects.empty());
    content->there = true;
    have(5, 2);
    pass(20s);
    CHECK(desk->trouble.empty());
  }
  SECTION("the catalogue") {
    *refusal = error{ec::database_unavailable, "away"};
    declare();
    pass(5s);
    CHECK(content->glances == 0);
    CHECK(readers <= 12);
    refusal->reset();
    have(5, 2);
    pass(2s);
  }
  CHECK(desk->suspects == std::vector<record_id>{5});
}

TEST_CASE_METHOD(lone_hasher_fixture, "with one hasher glances and hashes take turns",
                 "[verifier][glances]") {
  for (record_id n = 1; n <= 20'000; ++n)
    know(n, 1);
  for (record_id n = 1; n <= 320; ++n)
    desk->due.push_back(claim_of(n));
  declare();
  pass(1s);
  CHECK(content->reads == 320);
  CHECK(content->glances == 20'000);
  CHECK(content->glances_at_last_read >= 2 * 250);
  CHECK(content->glances_at_last_read < 6'000);
}
