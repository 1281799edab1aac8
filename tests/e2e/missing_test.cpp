#include "tests/e2e/sites.hpp"

#include <catch2/catch.hpp>

namespace farshore::test {

namespace {

const std::string files_table = "CREATE TABLE files (id bigserial PRIMARY KEY, path text)";

} // namespace

TEST_CASE("a file that comes after its row is fetched without being asked for", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  sites.primary.sql("INSERT INTO files (path) VALUES ('late')");
  CHECK(
      eventually([&] { return sites.secondary.number("/types/0/missing_on_primary_count") == 1; }));
  sites.write("late", "but here");
  CHECK(eventually([&] { return sites.there("late") == "but here"; }, 15s));
  CHECK(sites.difference() == "");
}

TEST_CASE("a file that never comes is accounted for: printed, and a no if one is strict", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  sites.write("here", "1");
  sites.primary.sql("INSERT INTO files VALUES (1, 'here'), (2, 'gone/for good')");

  const auto waited = sites.wait();
  CAPTURE(waited.out, waited.err);
  CHECK(waited.code == 0);
  CHECK(waited.out.find("1 missing on the primary") != std::string::npos);
  CHECK(waited.out.find("gone/for%20good") != std::string::npos);
  const auto strict = sites.wait(60, true);
  CHECK(strict.code == 1);
  CHECK(strict.err.find("strict") != std::string::npos);

  const auto listed = sites.secondary.command({"list", "file", "--state", "failed"});
  CHECK(listed.code == 0);
  CHECK(listed.out.find("gone/for%20good") != std::string::npos);
  CHECK(listed.out.find("missing on the primary") != std::string::npos);

  // Its row goes too: nothing is left to account for.
  sites.primary.sql("DELETE FROM files WHERE id = 2");
  CHECK(sites.wait(60, true).code == 0);
  CHECK(sites.difference() == "");
}

TEST_CASE("a file that vanishes under its row stays at the secondary", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  sites.write("one", "1");
  sites.primary.sql("INSERT INTO files VALUES (1, 'one')");
  CHECK(sites.difference() == "");
  sites.remove("one");
  sites.primary.sql("UPDATE files SET path = path");
  CHECK(
      eventually([&] { return sites.secondary.number("/types/0/missing_on_primary_count") == 1; }));
  CHECK(sites.there("one") == "1");
  sites.write("one", "1, restored");
  CHECK(eventually([&] { return sites.there("one") == "1, restored"; }));
  CHECK(sites.difference() == "");
}

} // namespace farshore::test
