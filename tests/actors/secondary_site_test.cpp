// Secondary site: what it was told last is what all of its actors go by.

#include "actors/secondary_site.hpp"

#include "registry/memory_store.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/fake_partners.hpp"

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;

namespace {

struct site_fixture : test::actor_fixture {
  std::shared_ptr<memory_tables> tables = std::make_shared<memory_tables>();
  std::shared_ptr<test::fake_primary> primary = std::make_shared<test::fake_primary>();
  std::vector<std::string> ended;
  secondary_site_actor testee;

  site_fixture() {
    secondary_parts parts;
    parts.store = std::make_shared<memory_store>(tables, time, parts.settings.lease);
    parts.primary = spawn(test::play_primary, primary);
    parts.time = &time;
    parts.own_threads = false;
    parts.data_space = [] { return disk_space{1u << 30, 1u << 30}; };
    parts.on_fatal = [this](const error& why) { ended.push_back(why.message); };
    testee = spawn(secondary_site, parts);
    deliver_all();
  }

  static site_scope of_project(const std::string& value) {
    site_scope scope;
    scope.columns["project"] = {value};
    return scope;
  }

  scope_digest pages_are_of() {
    const auto seen = ask<result<secondary_status>>(testee, atom::status_v);
    REQUIRE(seen->value);
    REQUIRE(*seen->value);
    return (**seen->value).log.cursor.scope;
  }
};

} // namespace

TEST_CASE_METHOD(site_fixture, "a scope that is taken back at once is not kept",
                 "[secondary_site][scopes]") {
  caf::anon_send(testee, atom::scope_v, of_project("7"));
  caf::anon_send(testee, atom::scope_v, site_scope{}); // before the registry has the first
  deliver_all();
  CHECK(tables->cursor.scope == digest_of(site_scope{}));
  CHECK(pages_are_of() == digest_of(site_scope{}));
  REQUIRE_FALSE(primary->told_scopes.empty());
  CHECK(primary->told_scopes.back() == site_scope{});
}

TEST_CASE_METHOD(site_fixture, "a scope that stays as it is has nothing compared",
                 "[secondary_site][scopes]") {
  caf::anon_send(testee, atom::scope_v, of_project("7"));
  deliver_all();
  const auto told = primary->told_scopes.size();
  const auto again = ask<result<done>>(testee, atom::scope_v, of_project("7"));
  REQUIRE(again->value);
  CHECK(*again->value);
  CHECK(primary->told_scopes.size() == told);
  CHECK(pages_are_of() == digest_of(of_project("7")));
}
