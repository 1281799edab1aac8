#include "registry/row_rules.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace farshore;

namespace {

const std::string mark = "\xEF\xBF\xBD";

} // namespace

TEST_CASE("text that is valid stays as it is", "[row_rules]") {
  for (const std::string text : {"", "plain", "\xC3\xA9t\xC3\xA9", "\xE2\x82\xAC", "\xED\x9F\xBF",
                                 "\xF0\x9F\x90\x98", "\xF4\x8F\xBF\xBF", "a\nb\tc\\\"'{}"})
    CHECK(clean_text(text) == text);
}

TEST_CASE("what is no character is marked as such, byte by byte", "[row_rules]") {
  CHECK(clean_text(std::string{"a\0b", 3}) == "a" + mark + "b");
  CHECK(clean_text("\x80") == mark);
  CHECK(clean_text("\xC3") == mark);
  CHECK(clean_text("\xC3(") == mark + "(");
  CHECK(clean_text("\xC0\xAF") == mark + mark);            // overlong
  CHECK(clean_text("\xE0\x80\x80") == mark + mark + mark); // overlong
  CHECK(clean_text("\xED\xA0\x80") == mark + mark + mark); // half of a surrogate pair
  CHECK(clean_text("\xF4\x90\x80\x80").size() == 4 * 3);   // beyond U+10FFFF
  CHECK(clean_text("\xF0\x9F\x90") == mark + mark + mark); // cut off
  CHECK(clean_text("\xFF\xFEz") == mark + mark + "z");
}

TEST_CASE("text is cut where a character begins", "[row_rules]") {
  CHECK(clean_text("abc", 2) == "ab");
  CHECK(clean_text("ab\xC3\xA9", 3) == "ab");
  CHECK(clean_text("ab\xC3\xA9", 4) == "ab\xC3\xA9");
  CHECK(clean_text("\xFF", 2).empty());
  CHECK(clean_text("abc", 0).empty());
  for (std::size_t n = 250; n < 260; ++n) {
    const auto cut = failure_text(std::string(n, 'x') + "\xF0\x9F\x90\x98 and so on");
    CHECK(cut.size() <= 255);
    CHECK(clean_text(cut) == cut);
  }
}

TEST_CASE("times are kept as whole microseconds, also before the epoch", "[row_rules]") {
  using namespace std::chrono_literals;
  CHECK(stored_time(wall_time{1'999ns}) == wall_time{1us});
  CHECK(stored_time(wall_time{-1ns}) == wall_time{-1us});
}

TEST_CASE("a recovery point is told only where it is known, and never goes back", "[row_rules]") {
  using namespace std::chrono_literals;
  std::optional<wall_time> told;
  CHECK_FALSE(told_recovery_point(told, {}));
  CHECK_FALSE(told_recovery_point(told, since_unknown));
  CHECK_FALSE(told);
  CHECK(told_recovery_point(told, wall_time{5s}) == wall_time{5s});
  CHECK(told_recovery_point(told, wall_time{4s}) == wall_time{5s});
  CHECK_FALSE(told_recovery_point(told, {}));
  CHECK(told_recovery_point(told, wall_time{6s}) == wall_time{6s});
}
