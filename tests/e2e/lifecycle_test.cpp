#include "tests/e2e/sites.hpp"

#include <csignal>
#include <filesystem>

#include <catch2/catch.hpp>

namespace farshore::test {

namespace {

const std::string files_table = "CREATE TABLE files (id bigserial PRIMARY KEY, path text)";

bool nothing_runs_in(const site& at) {
  return eventually([&] { return processes_in(at.data()).empty(); });
}

} // namespace

TEST_CASE("SIGTERM ends a node cleanly, with its database", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  // Not idle: with work in flight.
  for (int i = 1; i <= 300; ++i)
    sites.write(std::to_string(i), noise(20'000, unsigned(i)));
  sites.primary.sql("INSERT INTO files SELECT i, i::text FROM generate_series(1, 300) i");
  CHECK(sites.secondary.stop() == 0);
  CHECK(processes_in(sites.secondary.data()).empty());
  sites.primary.send(SIGINT);
  CHECK(sites.primary.wait_for_end() == 0);
  CHECK(processes_in(sites.primary.data()).empty());
  for (const auto* one : {&sites.primary, &sites.secondary}) {
    CHECK(one->command({"status"}).code == 3);
    CHECK(one->log().find("critical") == std::string::npos);
  }

  sites.secondary.start(); // its primary is still away
  CHECK(sites.secondary.status().at("role").as_string() == "secondary");
  sites.primary.start();
  CHECK(sites.difference() == "");
}

TEST_CASE("a node that is killed leaves no database behind, and starts again", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  for (auto* one : {&sites.primary, &sites.secondary}) {
    REQUIRE_FALSE(processes_in(one->data()).empty());
    one->kill();
    CHECK(nothing_runs_in(*one));
    one->start();
    // And at once, while the old database still ends.
    one->kill();
    one->start();
  }
  sites.write("one", "1");
  sites.primary.sql("INSERT INTO files (path) VALUES ('one')");
  CHECK(sites.difference() == "");
}

TEST_CASE("a node whose database is killed starts over by itself", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  int written = 0;
  for (auto* one : {&sites.secondary, &sites.primary}) {
    const auto pid = one->pid();
    const auto database = one->postmaster();
    REQUIRE(database > 0);
    REQUIRE(::kill(database, SIGKILL) == 0);
    CHECK(eventually([&] {
      const auto now = one->postmaster();
      return now > 0 && now != database && one->command({"status"}).code == 0;
    }));
    CHECK(one->pid() == pid);
    const auto name = std::to_string(++written);
    sites.write(name, "written after the kill");
    REQUIRE(eventually([&] {
      try {
        sites.primary.sql("INSERT INTO files VALUES (" + name + ", '" + name + "')");
        return true;
      } catch (const pqxx::broken_connection&) {
        return false;
      }
    }));
    CHECK(eventually([&] { return sites.there(name) == "written after the kill"; }));
    int code = 0;
    CHECK_FALSE(has_ended(pid, code));
  }
  CHECK(sites.difference() == "");
  CHECK(sites.secondary.stop() == 0);
  CHECK(sites.primary.stop() == 0);
}

TEST_CASE("a primary that is away for a while is waited for", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  sites.write("one", "1");
  sites.primary.sql("INSERT INTO files (path) VALUES ('one')");
  CHECK(sites.difference() == "");
  CHECK(sites.primary.stop() == 0);
  CHECK(eventually([&] { return sites.secondary.number("/primary/reachable") == 0; }));
  CHECK(sites.wait(1).code == 1);
  CHECK(sites.there("one") == "1");
  sites.primary.start();
  sites.write("two", "2");
  sites.primary.sql("INSERT INTO files (path) VALUES ('two')");
  CHECK(eventually([&] { return sites.there("two") == "2"; }));
  CHECK(sites.difference() == "");
}

} // namespace farshore::test
