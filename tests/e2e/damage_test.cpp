// What changes at rest on a secondary, with nobody telling, is found by reading, and mended.

#include "tests/e2e/sites.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <functional>
#include <utility>

namespace farshore::test {

namespace {

const std::string files_table = "CREATE TABLE files (id bigint PRIMARY KEY, path text)";

void fill(const two_sites& sites, int count) {
  for (int i = 1; i <= count; ++i)
    sites.write(std::to_string(i), noise(3000, static_cast<unsigned>(i)));
  sites.primary.sql("INSERT INTO files SELECT i, i::text FROM generate_series(1, " +
                    std::to_string(count) + ") i");
}

void flip_a_bit(const std::filesystem::path& file) {
  std::fstream bytes{file, std::ios::in | std::ios::out | std::ios::binary};
  bytes.seekg(1000);
  const auto byte = static_cast<char>(bytes.get() ^ 1);
  bytes.seekp(1000);
  bytes.put(byte);
}

boost::json::object record_of(const two_sites& sites, const std::string& only) {
  const auto listed = sites.secondary.command({"list", "file", "--json"});
  const auto page = boost::json::parse(listed.out);
  for (const auto& record : page.at("records").as_array())
    if (record.at("locator").as_string() == only)
      return record.as_object();
  return {};
}

void counts_are_right(const two_sites& sites) {
  for (const auto* site : {&sites.primary, &sites.secondary}) {
    const auto checked = site->command({"check", "--counts"});
    CHECK(checked.out == "every count is right\n");
    CHECK(checked.code == 0);
  }
}

} // namespace

TEST_CASE("what is synced is verified, by the checksum that the primary makes", "[e2e][verify]") {
  two_sites sites;
  sites.start(files_table);
  fill(sites, 30);
  const auto waited = sites.wait();
  CHECK(waited.code == 0);
  CHECK(waited.out.find("synced and verified: 30 records") != std::string::npos);
  CHECK(sites.secondary.number("/types/0/verified_count") == 30);
  CHECK(sites.secondary.number("/types/0/verification_pending_count") == 0);
  const auto record = record_of(sites, "7");
  CHECK(record.at("verification_state").as_string() == "succeeded");
  CHECK(record.at("verification_checksum") == record.at("primary_checksum"));
  counts_are_right(sites);
}

TEST_CASE("damage at rest is found by reverify, and mended", "[e2e][verify]") {
  two_sites sites;
  sites.start(files_table);
  fill(sites, 20);
  REQUIRE(sites.wait().code == 0);
  const auto store = sites.secondary.store();
  flip_a_bit(store / "3");
  std::filesystem::resize_file(store / "4", 1200);
  std::filesystem::remove(store / "5");
  std::filesystem::remove(store / "6");
  std::filesystem::create_directory(store / "6");
  std::ofstream{store / "6" / "somebody's"} << "own";
  SECTION("of all records") {
    CHECK(sites.secondary.command({"reverify", "file", "--all"}).code == 0);
  }
  SECTION("of those that are named") {
    CHECK(sites.secondary.command({"reverify", "file", "--id", "3", "4", "5", "6"}).code == 0);
  }
  // What somebody put in a file's place is not ours to remove: it is reported until it is moved
  // away.
  REQUIRE(eventually([&] { return sites.secondary.number("/types/0/synced_count") == 19; }));
  REQUIRE(eventually([&] {
    const auto record = record_of(sites, "6");
    return !record.at("last_sync_failure").is_null();
  }));
  CHECK(sites.there("3") == noise(3000, 3));
  CHECK(sites.there("4") == noise(3000, 4));
  CHECK(sites.there("5") == noise(3000, 5));
  const auto listed = sites.secondary.command({"list", "file", "--verification", "failed"});
  CHECK(listed.out.find(" 6 ") != std::string::npos);
  std::filesystem::remove_all(store / "6");
  CHECK(sites.secondary.command({"reverify", "file", "--failed"}).code == 0);
  CHECK(sites.wait().code == 0);
  CHECK(sites.there("6") == noise(3000, 6));
  CHECK(sites.difference() == "");
  CHECK(sites.secondary.number("/types/0/verification_failed_count") == 0);
  counts_are_right(sites);
}

TEST_CASE("damage at rest is found by itself within reverify_after", "[e2e][verify]") {
  two_sites sites;
  type_declaration type;
  type.at_secondary = "reverify_after = \"3s\"";
  sites.start(files_table, {type});
  fill(sites, 10);
  REQUIRE(sites.wait().code == 0);
  flip_a_bit(sites.secondary.store() / "3");
  std::filesystem::remove(sites.secondary.store() / "4");
  CHECK(eventually([&] { return sites.there("3") == noise(3000, 3); }));
  CHECK(eventually([&] { return sites.there("4") == noise(3000, 4); }));
  CHECK(sites.wait().code == 0);
  CHECK(sites.difference() == "");
  counts_are_right(sites);
}

} // namespace farshore::test
