#include "config/settings.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>

using namespace farshore;

namespace {

constexpr std::string_view begin_mark = "<!-- settings: begin -->\n";
constexpr std::string_view end_mark = "<!-- settings: end -->";

} // namespace

// With FARSHORE_WRITE_REFERENCE set, the page is rewritten instead.
TEST_CASE("the page of all settings says what the program knows", "[reference]") {
  std::ifstream file{FARSHORE_CONFIGURATION_PAGE};
  std::stringstream content;
  content << file.rdbuf();
  auto page = content.str();
  auto begin = page.find(begin_mark);
  auto end = page.find(end_mark);
  REQUIRE(begin != std::string::npos);
  REQUIRE(end != std::string::npos);
  begin += begin_mark.size();
  if (std::getenv("FARSHORE_WRITE_REFERENCE") != nullptr) {
    page.replace(begin, end - begin, configuration_reference());
    std::ofstream{FARSHORE_CONFIGURATION_PAGE} << page;
    return;
  }
  CHECK(page.substr(begin, end - begin) == configuration_reference());
}

TEST_CASE("every setting has a meaning, and no two of a table share a name", "[reference]") {
  auto check = [](auto settings) {
    for (std::size_t i = 0; i < settings.size(); ++i) {
      CHECK(settings[i].meaning.ends_with('.'));
      CHECK_FALSE(settings[i].type.empty());
      CHECK(settings[i].min <= settings[i].max);
      for (std::size_t j = 0; j < i; ++j)
        CHECK(settings[i].key != settings[j].key);
    }
  };
  check(site_settings());
  check(primary_settings());
  check(events_settings());
  check(limits_settings());
  check(log_settings());
  check(replicable_settings());
  check(model_settings());
}
