#include "tests/e2e/sites.hpp"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

namespace farshore::test {

namespace {

const std::string files_table = "CREATE TABLE files (id bigserial PRIMARY KEY, path text)";

} // namespace

TEST_CASE("a paused type fetches nothing and loses nothing, also over a restart", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  const bool all = GENERATE(true, false);
  const auto order = [all](const std::string& verb) {
    return all ? std::vector<std::string>{verb} : std::vector<std::string>{verb, "file"};
  };
  CHECK(sites.secondary.command(order("pause")).code == 0);
  sites.write("one", "1");
  sites.primary.sql("INSERT INTO files (path) VALUES ('one')");
  CHECK(eventually([&] { return sites.secondary.number("/types/0/pending_count") == 1; }));
  const auto waited = sites.wait(1);
  CHECK(waited.code == 1);
  CHECK(waited.err.find("paused") != std::string::npos);
  if (all) {
    CHECK(sites.secondary.stop() == 0);
    sites.secondary.start();
    CHECK(eventually([&] { return sites.secondary.number("/primary/reachable") == 1; }));
    CHECK(sites.secondary.number("/types/0/paused") == 1);
  }
  CHECK(sites.there("one") == "(none)");
  CHECK(sites.secondary.command(order("resume")).code == 0);
  CHECK(eventually([&] { return sites.there("one") == "1"; }));
  CHECK(sites.difference() == "");
  CHECK(sites.secondary.command({"pause", "fiel"}).code == 1);
}

TEST_CASE("resync repairs what was damaged at the secondary", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  for (int i = 1; i <= 50; ++i)
    sites.write(std::to_string(i), "content " + std::to_string(i));
  sites.primary.sql("INSERT INTO files SELECT i, i::text FROM generate_series(1, 50) i");
  CHECK(sites.difference() == "");

  const auto damage = [&](int id) {
    std::ofstream{sites.secondary.store() / std::to_string(id), std::ios::trunc} << "damaged";
  };
  damage(1);
  damage(2);
  std::filesystem::remove(sites.secondary.store() / "3");
  CHECK(sites.secondary.command({"resync", "file", "--id", "1", "3"}).code == 0);
  CHECK(sites.wait().code == 0);
  CHECK(sites.there("1") == "content 1");
  CHECK(sites.there("2") == "damaged");
  CHECK(sites.there("3") == "content 3");
  CHECK(sites.secondary.command({"resync", "file", "--id", "9999"}).code == 1);

  CHECK(sites.secondary.command({"resync", "file", "--all"}).code == 0);
  CHECK(eventually([&] { return sites.there("2") == "content 2"; }));
  CHECK(sites.difference() == "");
  CHECK(sites.secondary.command({"resync", "file"}).code == 2);
}

TEST_CASE("resync tries what failed at once", "[e2e]") {
  two_sites sites;
  sites.secondary.more_settings = "";
  sites.start(files_table);
  // So long that only the order explains success.
  auto text = read_file(sites.secondary.config());
  for (const std::string setting : {"retry_base = \"200ms\"", "retry_cap = \"2s\""})
    text.replace(text.find(setting), setting.size(),
                 setting.substr(0, setting.find('"')) + "\"30min\"");
  std::ofstream{sites.secondary.config(), std::ios::trunc} << text;
  CHECK(sites.secondary.stop() == 0);
  sites.secondary.start();
  std::filesystem::create_directories(sites.secondary.store() / "taken/by a folder");
  sites.write("taken", "a file");
  sites.primary.sql("INSERT INTO files (path) VALUES ('taken')");
  // Its checksum comes as an event, and makes it due once more.
  CHECK(eventually([&] {
    return sites.secondary.value("SELECT count(*) FROM farshore.registry WHERE state = 3 AND "
                                 "primary_checksum IS NOT NULL") == "1";
  }));
  std::filesystem::remove_all(sites.secondary.store() / "taken");
  CHECK(sites.wait(3).code == 1);
  CHECK(sites.secondary.command({"resync", "file", "--failed"}).code == 0);
  CHECK(eventually([&] { return sites.there("taken") == "a file"; }));
  CHECK(sites.difference() == "");
}

TEST_CASE("a file that is rewritten under an unchanged row arrives once it is published", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  sites.write("one", "1");
  sites.primary.sql("INSERT INTO files VALUES (7, 'one')");
  CHECK(sites.difference() == "");
  sites.write("one", "rewritten");
  CHECK(sites.wait().code == 0);
  CHECK(sites.there("one") == "1");
  CHECK(sites.primary.command({"publish", "file", "7", "updated"}).code == 0);
  CHECK(eventually([&] { return sites.there("one") == "rewritten"; }));
  CHECK(sites.difference() == "");
  CHECK(sites.primary.command({"publish", "file", "8", "updated"}).code != 0);
  CHECK(sites.secondary.command({"publish", "file", "7", "updated"}).code == 4);
  CHECK(sites.primary.command({"resync", "file", "--all"}).code == 4);
}

} // namespace farshore::test
