#include "config/toml_guard.hpp"

#include <catch2/catch.hpp>

using farshore::line_of_stray_character;

TEST_CASE("text in quotes and comments may hold any character", "[toml]") {
  for (auto toml : {"", "# ü\n", "a = \"ü\"\n", "a = 'ü'\n", "a = \"\"\"\nü\nü\"\"\"\n",
                    "a = '''\nü\\ü'''\n", "a = \"\\\"ü\" # ü\n", "\"ü\" = 1\n",
                    "\xef\xbb\xbf"
                    "a = 1\n",
                    "a = \"\"\"x\"\" ü\"\"\"\n", "a = 'x\\' # ü\n"}) {
    CAPTURE(toml);
    CHECK_FALSE(line_of_stray_character(toml));
  }
}

TEST_CASE("a character beyond ASCII outside quotes is found in its line", "[toml]") {
  CHECK(line_of_stray_character("ü = 1\n") == 1);
  CHECK(line_of_stray_character("a = 1\n\nb = ü\n") == 3);
  CHECK(line_of_stray_character("a = \"x\" ü\n") == 1);
  CHECK(line_of_stray_character("a = \"\"\"\n\n\"\"\"\xa0\n") == 3);
  CHECK(line_of_stray_character("a = 'x\\'ü\n") == 1);
  // A text of one line ends with its line, closed or not.
  CHECK(line_of_stray_character("a = \"x\nü = 1\n") == 2);
  CHECK(line_of_stray_character("a = \"\"\"x\\\n  ü\"\"\"\n") == 2);
}
