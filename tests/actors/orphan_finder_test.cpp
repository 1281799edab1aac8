// Orphan finder: what nobody names is told of, and removed only when it was looked up twice and is
// no wave.

#include "actors/orphan_finder.hpp"

#include "tests/support/actor_fixture.hpp"
#include "tests/support/fake_partners.hpp"

#include <set>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;

namespace {

/// A store with these files.
class filled_store final : public test::idle_strategy {
public:
  explicit filled_store(std::vector<std::string> locators) : locators_{std::move(locators)} {}

  result<std::unique_ptr<store_listing>> list() override {
    if (fails)
      return fail(ec::disk, "no such folder");
    return std::make_unique<listing>(locators_, breaks);
  }

  bool fails = false;
  bool breaks = false;

private:
  class listing final : public store_listing {
  public:
    listing(std::vector<std::string> all, bool breaks) : all_{std::move(all)}, breaks_{breaks} {}
    result<stored_page> next(std::size_t limit) override {
      if (breaks_)
        return fail(ec::disk, "can't look into x");
      stored_page page;
      while (at_ < all_.size() && page.locators.size() < limit)
        page.locators.push_back(all_[at_++]);
      page.last = at_ == all_.size();
      return page;
    }

  private:
    std::vector<std::string> all_;
    bool breaks_;
    std::size_t at_ = 0;
  };
  std::vector<std::string> locators_;
};

std::vector<std::string> numbered(int count) {
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i)
    out.push_back("f" + std::to_string(i));
  return out;
}

struct orphan_fixture : test::actor_fixture {
  std::shared_ptr<test::fake_registry> registry = std::make_shared<test::fake_registry>();
  std::shared_ptr<test::fake_disk> disk = std::make_shared<test::fake_disk>();
  std::set<std::string> orphans;
  orphan_finder_actor testee;
  disk_actor disk_handle;

  orphan_fixture() {
    testee = spawn(orphan_finder, orphan_finder_parts{spawn(test::play_registry, registry), &time});
    disk_handle = spawn(test::play_disk, disk);
  }

  result<done> begin(const std::shared_ptr<filled_store>& store, bool remove = false,
                     bool many = false) {
    auto got = ask<result<done>>(
        testee, orphan_search{{"file", remove, many}, "/srv/a", store, disk_handle});
    REQUIRE(got->value);
    return *got->value;
  }
  /// Answers every look-up that waits.
  void look_up() {
    while (!registry->look_ups.empty()) {
      auto open = std::move(registry->look_ups.front());
      registry->look_ups.pop_front();
      CHECK(open.what.first == "/srv/a");
      CHECK(open.what.second.size() <= 1'000);
      std::vector<bool> named;
      for (const auto& locator : open.what.second)
        named.push_back(!orphans.contains(locator));
      open.answer.deliver(named);
      deliver_all();
    }
  }
  orphan_status status() {
    auto got = ask<result<orphan_status>>(testee, atom::status_v);
    REQUIRE(got->value);
    return **got->value;
  }
};

} // namespace

TEST_CASE_METHOD(orphan_fixture, "files that no record names are told of, and left alone",
                 "[orphans]") {
  orphans = {"f7", "f2000"};
  REQUIRE(begin(std::make_shared<filled_store>(numbered(2'500))));
  CHECK(status().now == orphan_status::stage::running);
  const auto second = begin(std::make_shared<filled_store>(numbered(1)));
  CHECK((!second && second.error().code == ec::overloaded));
  look_up();
  const auto found = status();
  CHECK(found.now == orphan_status::stage::done);
  CHECK(found.files == 2'500);
  CHECK(found.found == 2);
  CHECK(found.first == std::vector<std::string>{"f7", "f2000"});
  CHECK(found.removed == 0);
  advance(1s);
  CHECK(disk->removals.empty());
}

TEST_CASE_METHOD(orphan_fixture, "what is to be removed is looked up once more", "[orphans]") {
  orphans = {"f7", "f8"};
  REQUIRE(begin(std::make_shared<filled_store>(numbered(100)), true));
  look_up();
  CHECK(registry->look_ups.empty());
  CHECK(disk->removals.empty());
  orphans.erase("f8"); // a record has come for it
  advance(1s);
  look_up();
  REQUIRE(disk->removals.size() == 1);
  CHECK(disk->removals.front().what.locators == std::vector<std::string>{"f7"});
  CHECK(status().removed == 0);
  disk->removals.front().answer.deliver(result<done>{});
  deliver_all();
  CHECK(status().now == orphan_status::stage::done);
  CHECK(status().removed == 1);
  CHECK(status().found == 1);
}

TEST_CASE_METHOD(orphan_fixture, "a wave of them is removed only with a second word", "[orphans]") {
  const bool many = GENERATE(false, true);
  for (int i = 0; i < 20; ++i)
    orphans.insert("f" + std::to_string(i));
  REQUIRE(begin(std::make_shared<filled_store>(numbered(100)), true, many));
  look_up();
  advance(1s);
  look_up();
  CHECK(status().held == !many);
  CHECK(disk->removals.size() == (many ? 1 : 0));
}

TEST_CASE_METHOD(orphan_fixture, "a store that can't be read is said so, and nothing removed",
                 "[orphans]") {
  orphans = {"f1"};
  auto store = std::make_shared<filled_store>(numbered(100));
  SECTION("at all") {
    store->fails = true;
    const auto begun = begin(store, true);
    REQUIRE_FALSE(begun);
    CHECK(begun.error().code == ec::disk);
  }
  SECTION("in part") {
    store->breaks = true;
    REQUIRE(begin(store, true));
    CHECK(status().now == orphan_status::stage::done);
    CHECK(status().trouble == "can't look into x");
  }
  SECTION("or looked up") {
    REQUIRE(begin(store, true));
    registry->look_ups.front().answer.deliver(
        result<std::vector<bool>>{fail(ec::database_unavailable, "gone")});
    deliver_all();
    CHECK(status().trouble == "gone");
  }
  advance(1s);
  CHECK(disk->removals.empty());
}
