#include "config/clock.hpp"
#include "config/locator.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

using namespace farshore;

namespace {

std::string random_bytes(random_source& random, std::size_t bytes_max) {
  std::string bytes(random.below(bytes_max + 1), '\0');
  // Half of the time from the characters that matter most.
  constexpr std::string_view interesting = "./%aZ0 \"\\\n{,}";
  for (auto& byte : bytes)
    byte = random.below(2) == 0 ? interesting[random.below(interesting.size())]
                                : static_cast<char>(random.next());
  return bytes;
}

std::string refusal(std::string_view locator) {
  auto checked = check_locator(locator);
  if (checked)
    return "accepted";
  CHECK(checked.error().code == ec::bad_locator);
  return checked.error().message;
}

} // namespace

TEST_CASE("any bytes survive the way through a locator's text form", "[locator]") {
  for (std::uint64_t seed = 0; seed < 5'000; ++seed) {
    random_source random{seed};
    auto bytes = random_bytes(random, 300);
    auto text = encode_locator(bytes);
    auto back = decode_locator(text);
    CAPTURE(seed, text);
    REQUIRE(back);
    CHECK(*back == bytes);
  }
}

TEST_CASE("the text form is plain ASCII that needs no quoting anywhere", "[locator]") {
  std::string every;
  for (int byte = 0; byte < 256; ++byte)
    every += static_cast<char>(byte);
  auto text = encode_locator(every);
  for (char c : text)
    CHECK((c > ' ' && c <= '~'));
  CHECK(text.find_first_of("\"'\\{}, ") == std::string::npos);
  CHECK(encode_locator("a b/ü%.txt") == "a%20b/%C3%BC%25.txt");
  CHECK(encode_locator("Az09/._~@+=:-") == "Az09/._~@+=:-");
}

TEST_CASE("random text is decoded or refused, never misread", "[locator]") {
  for (std::uint64_t seed = 0; seed < 5'000; ++seed) {
    random_source random{seed};
    auto text = random_bytes(random, 12);
    CAPTURE(seed);
    if (auto bytes = decode_locator(text)) {
      // Hex digits may be lower-case, and any byte may be escaped: what decodes must mean the same.
      CHECK(decode_locator(encode_locator(*bytes)) == bytes);
      CHECK(bytes->size() <= text.size());
    } else {
      CHECK(bytes.error().code == ec::bad_locator);
    }
  }
}

TEST_CASE("broken escapes and bytes that should be encoded are refused", "[locator]") {
  for (std::string_view text :
       {"%", "a%", "a%2", "%G0", "%0g", "a b", "a\"", "\xc3\xbc", "a\\b", "a,b", "{a}", "%%41"}) {
    auto decoded = decode_locator(text);
    CAPTURE(text);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code == ec::bad_locator);
  }
  CHECK_FALSE(decode_locator(std::string_view{"a\0", 2}));
  CHECK(decode_locator("%41%2f%2F") == std::string{"A//"});
  CHECK(decode_locator("") == std::string{});
}

TEST_CASE("a locator that could leave its store is refused", "[locator]") {
  using Catch::Contains;
  CHECK_THAT(refusal(""), Contains("empty"));
  CHECK_THAT(refusal("/etc/passwd"), Contains("absolute"));
  for (auto locator : {"..", "../a", "a/..", "a/../b", ".", "./a", "a/./b", "a/."})
    CHECK_THAT(refusal(locator), Contains("\".\" or \"..\""));
  for (auto locator : {"a//b", "a/", "a/b/"})
    CHECK_THAT(refusal(locator), Contains("empty component"));
  CHECK_THAT(refusal(std::string_view{"a\0b", 3}), Contains("NUL"));
  CHECK_THAT(refusal(".farshore"), Contains(".farshore"));
  CHECK_THAT(refusal(".farshore/tmp/x"), Contains(".farshore"));
}

TEST_CASE("a locator is refused from its first byte too many on", "[locator]") {
  const std::string longest_component(255, 'c');
  CHECK(check_locator(longest_component));
  CHECK_THAT(refusal("a/" + longest_component + "c"), Catch::Contains("255"));
  std::string longest;
  while (longest.size() < 4'095)
    longest += longest.size() % 2 == 0 ? 'a' : '/';
  REQUIRE(longest.back() == 'a');
  CHECK(check_locator(longest));
  CHECK_THAT(refusal(longest + "a"), Catch::Contains("4095"));
}

TEST_CASE("unusual names that stay in the store are accepted", "[locator]") {
  for (auto locator : {"a", "a/b/c.txt", "...", "..a", "a../b", ".hidden", "a/.farshore",
                       ".farshorex", "with space", "new\nline", "\xff\xfe", "-rf", "a\\..\\b"})
    CHECK(refusal(locator) == "accepted");
}

TEST_CASE("no accepted locator has a component that climbs", "[locator]") {
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    random_source random{seed};
    std::string locator(random.below(8), '\0');
    for (auto& byte : locator)
      byte = "./a"[random.below(3)];
    CAPTURE(locator);
    if (!check_locator(locator))
      continue;
    auto framed = "/" + locator + "/";
    CHECK(framed.find("/../") == std::string::npos);
    CHECK(framed.find("/./") == std::string::npos);
    CHECK(framed.find("//") == std::string::npos);
  }
}
