// The primary's registry over a real database, on the virtual clock.

#include "actors/primary_registry.hpp"

#include "tests/registry/primary_fixture.hpp"
#include "tests/support/actor_fixture.hpp"

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;

namespace {

std::string triggers_of(primary_fixture& primary) {
  return primary.db.query_value(
      "SELECT coalesce(string_agg(tgname, ' ' ORDER BY tgname), '') FROM pg_trigger "
      "WHERE tgname LIKE 'farshore%'");
}

} // namespace

TEST_CASE("a node that is slow to start takes no type for one that nobody wants any more",
          "[primary_registry]") {
  primary_fixture primary;
  primary.db.exec("CREATE TABLE widgets (id bigint PRIMARY KEY, path text)");
  primary.ready({make_type("widget", "widgets")});
  const auto triggers = triggers_of(primary);
  REQUIRE(triggers != "");

  actor_fixture actors;
  primary_parts parts;
  parts.store = std::move(primary.store);
  parts.on_types = [](const std::vector<type_status>&) {};
  parts.take_site_notes = [] { return std::vector<site_note>{}; };
  parts.time = &actors.time;
  std::string fatal;
  parts.on_fatal = [&fatal](const error& why) { fatal = why.message; };
  const auto registry = actors.spawn(primary_registry, std::move(parts));
  actors.advance(1s);
  actors.advance(1s);
  CHECK(triggers_of(primary) == triggers);

  const auto declared =
      actors.ask<result<done>>(registry, atom::declare_v, primary.types, log_retention{});
  REQUIRE(declared->value);
  CHECK(declared->value->has_value());
  // From then on it looks each second: a trigger that somebody dropped is put back.
  primary.db.exec("DROP TRIGGER farshore_widget_ins ON widgets");
  actors.advance(1s);
  CHECK(triggers_of(primary) == triggers);
  CHECK(fatal == "");
}
