#include "tests/e2e/kill_loop.hpp"
#include "tests/e2e/sites.hpp"

#include <cstdlib>
#include <string>

#include <catch2/catch.hpp>

namespace farshore::test {

namespace {

int setting(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::atoi(text) : otherwise;
}

} // namespace

/// FARSHORE_KILLS sets another number.
TEST_CASE("both sides are equal after fifty kills under load", "[e2e][slow]") {
  kill_again_and_again(setting("FARSHORE_KILLS", 50));
}

/// FARSHORE_ROWS sets another number.
TEST_CASE("a table of a million rows is truncated, and live changes of another go on",
          "[e2e][slow]") {
  const auto rows = std::to_string(setting("FARSHORE_ROWS", 1'000'000));
  two_sites sites;
  const type_declaration other{.name = "other", .table = "others"};
  sites.start("CREATE TABLE files (id bigserial PRIMARY KEY, path text);"
              "CREATE TABLE others (id bigserial PRIMARY KEY, path text)",
              {{}, other});
  // Their files never come: what counts here is the rows.
  sites.primary.sql("INSERT INTO files (path) SELECT 'none/' || i FROM generate_series(1, " + rows +
                    ") i");
  CHECK(eventually(
      [&] { return sites.secondary.number("/types/0/registry_count") == std::stol(rows); }, 300s));
  sites.primary.sql("TRUNCATE files");
  for (int i = 0; i < 10; ++i) {
    const auto name = "live/" + std::to_string(i);
    sites.write(name, "x", "other");
    sites.primary.sql("INSERT INTO others (path) VALUES ('" + name + "')");
    CHECK(eventually([&] { return sites.there(name, "other") == "x"; }, 20s));
  }
  CHECK(eventually([&] { return sites.secondary.number("/types/0/registry_count") == 0; }, 600s));
  CHECK(sites.wait(60, true).code == 0);
}

} // namespace farshore::test
