#include "config/clock.hpp"
#include "config/ids.hpp"

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;

TEST_CASE("a checksum survives its way through hex", "[ids]") {
  random_source random{7};
  for (int round = 0; round < 100; ++round) {
    checksum sum;
    for (auto& byte : sum)
      byte = static_cast<std::uint8_t>(random.next());
    checksum back{};
    REQUIRE(from_hex(to_hex(sum), back));
    CHECK(back == sum);
  }
}

TEST_CASE("what is no checksum leaves the old one untouched", "[ids]") {
  checksum sum{};
  sum[0] = 42;
  const auto before = sum;
  for (const auto& text :
       {std::string{}, std::string(63, 'a'), std::string(65, 'a'), std::string(64, 'g'),
        std::string(63, 'a') + " ", std::string(62, 'a') + "\xc3\xa4"})
    CHECK_FALSE(from_hex(text, sum));
  CHECK(sum == before);
  CHECK(from_hex(std::string(64, 'A'), sum));
  CHECK(sum[31] == 0xaa);
}

TEST_CASE("names of operations and states read back", "[ids]") {
  for (int i = 1; i <= 5; ++i) {
    operation op{};
    REQUIRE(parse(to_string(static_cast<operation>(i)), op));
    CHECK(op == static_cast<operation>(i));
  }
  for (int i = 0; i <= 3; ++i) {
    sync_state state{};
    REQUIRE(parse(to_string(static_cast<sync_state>(i)), state));
    CHECK(state == static_cast<sync_state>(i));
  }
  auto op = operation::truncated;
  CHECK_FALSE(parse("Created", op));
  CHECK_FALSE(parse("", op));
  CHECK(op == operation::truncated);
  auto state = sync_state::failed;
  CHECK_FALSE(parse("sync", state));
  CHECK(state == sync_state::failed);
  CHECK(to_string(verification_state::disabled) == "disabled");
}

TEST_CASE("times are shown in UTC with milliseconds", "[ids]") {
  CHECK(to_rfc3339(wall_time{}) == "1970-01-01T00:00:00.000Z");
  CHECK(to_rfc3339(wall_time{1'767'323'045'678ms}) == "2026-01-02T03:04:05.678Z");
  CHECK(to_rfc3339(wall_time{1'709'164'800'000ms + 999us}) == "2024-02-29T00:00:00.000Z");
  CHECK(to_rfc3339(wall_time{-1ms}) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("a seed gives the same numbers everywhere", "[clock]") {
  // Published test vector of SplitMix64 for seed 1234567.
  random_source random{1'234'567};
  CHECK(random.next() == 6'457'827'717'110'365'317u);
  CHECK(random.next() == 3'203'168'211'198'807'973u);
}

TEST_CASE("bounded numbers stay within their bound and reach all of it", "[clock]") {
  random_source random{8};
  std::array<int, 7> hits{};
  for (int draw = 0; draw < 7'000; ++draw)
    ++hits.at(random.below(7));
  for (auto hit : hits)
    CHECK(hit > 800);
  CHECK(random.below(1) == 0);
  for (int draw = 0; draw < 1'000; ++draw) {
    auto value = random.unit();
    CHECK((value >= 0 && value < 1));
  }
}

TEST_CASE("seeds of the operating system differ", "[clock]") {
  CHECK(random_seed() != random_seed());
}

TEST_CASE("the machine's steady clock does not run backwards", "[clock]") {
  auto earlier = system_time().now();
  CHECK(system_time().now() >= earlier);
  CHECK(system_time().wall() > wall_time{1'700'000'000s});
}
