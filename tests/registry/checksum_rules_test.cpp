#include "registry/checksum_rules.hpp"

#include <array>

#include <catch2/catch.hpp>

using namespace farshore;

TEST_CASE("what was verified in one wave comes back spread over the whole interval", "[checksum]") {
  random_source random{42};
  const std::chrono::milliseconds interval{std::chrono::hours{24 * 7}};
  constexpr int records = 100'000;
  std::array<int, 10> slots{};
  for (int i = 0; i < records; ++i) {
    const auto delay = reverify_delay(interval, random);
    REQUIRE(delay >= interval / 2);
    REQUIRE(delay < interval + interval / 2);
    ++slots[static_cast<std::size_t>((delay - interval / 2) * 10 / interval)];
  }
  for (const auto slot : slots)
    CHECK(slot == Approx(records / 10).epsilon(0.05));
}

TEST_CASE("what is verified is so until a result says otherwise", "[checksum]") {
  using enum checksum_message;
  for (const auto message : {claimed, reverify, released})
    CHECK(next_state(verification_state::succeeded, message) == verification_state::succeeded);
  for (int state = 0; state < 5; ++state) {
    CHECK(next_state(static_cast<verification_state>(state), touched) ==
          verification_state::pending);
    CHECK(next_state(static_cast<verification_state>(state), switched_off) ==
          verification_state::disabled);
  }
}
