#include "tests/e2e/sites.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

namespace farshore::test {

namespace {

namespace fs = std::filesystem;

const std::string files_table = "CREATE TABLE files (id bigserial PRIMARY KEY, path text)";
constexpr std::size_t large_bytes = 300'000'000;

std::uint64_t bytes_in_temporary_files(const site& at) {
  std::uint64_t bytes = 0;
  std::error_code gone;
  for (const auto& file : fs::directory_iterator{at.store() / ".farshore/tmp", gone})
    if (const auto size = fs::file_size(file.path(), gone); !gone)
      bytes += size;
  return bytes;
}

} // namespace

TEST_CASE("a secondary that lost its database adopts what its store holds", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  for (int i = 1; i <= 200; ++i)
    sites.write("d" + std::to_string(i % 7) + "/" + std::to_string(i), noise(1000, unsigned(i)));
  sites.write("large", noise(3'000'000, 0));
  sites.primary.sql("INSERT INTO files SELECT i, 'd' || i % 7 || '/' || i FROM "
                    "generate_series(1, 200) i; INSERT INTO files VALUES (1000, 'large')");
  CHECK(sites.difference() == "");
  CHECK(sites.secondary.number("/transferred/bytes") == 200 * 1000 + 3'000'000);

  CHECK(sites.secondary.stop() == 0);
  fs::remove_all(sites.secondary.data());
  sites.write("d3/3", "changed while it was away");
  sites.primary.sql("UPDATE files SET path = path WHERE id = 3");
  REQUIRE(eventually([&] {
    return sites.primary.value("SELECT verification_checksum = sha256('changed while it was away')"
                               " FROM farshore.state WHERE record_id = 3") == "t";
  }));
  REQUIRE(sites.verified());
  sites.secondary.start();
  CHECK(eventually([&] { return sites.serves("file"); }));
  CHECK(sites.difference() == "");
  CHECK(sites.secondary.number("/transferred/adopted") == 200);
  CHECK(sites.secondary.number("/transferred/bytes") == 25);
}

TEST_CASE("a store that was filled by a copy is adopted, and only what differs is fetched",
          "[e2e]") {
  two_sites sites;
  sites.declare({{}});
  sites.primary.start();
  sites.primary.sql(files_table);
  for (int i = 1; i <= 100; ++i)
    sites.write("f/" + std::to_string(i), noise(5000, unsigned(i)));
  sites.write("large", noise(5'000'000, 1));
  sites.primary.sql("INSERT INTO files SELECT i, 'f/' || i FROM generate_series(1, 100) i; "
                    "INSERT INTO files VALUES (101, 'large')");
  CHECK(run({"cp", "-r", sites.primary.store().string(), sites.secondary.store().string()}).code ==
        0);
  std::ofstream{sites.secondary.store() / "f/1", std::ios::app} << "damaged";
  std::ofstream{sites.secondary.store() / "f/2", std::ios::trunc} << noise(5000, 1000);
  fs::remove(sites.secondary.store() / "f/3");

  REQUIRE(sites.verified());
  sites.secondary.start();
  CHECK(eventually([&] { return sites.serves("file"); }));
  CHECK(sites.difference() == "");
  CHECK(sites.secondary.number("/transferred/adopted") == 98);
  CHECK(sites.secondary.number("/transferred/bytes") == 3 * 5000);
}

TEST_CASE("a large transfer that is broken off by kill -9 goes on where it was", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  sites.write("large", noise(large_bytes, 7));
  sites.primary.sql("INSERT INTO files (path) VALUES ('large')");
  REQUIRE(eventually([&] { return bytes_in_temporary_files(sites.secondary) > large_bytes / 4; }));
  sites.secondary.kill();
  const auto kept = bytes_in_temporary_files(sites.secondary);
  CHECK(sites.there("large") == "(none)");
  REQUIRE(kept > 0); // else it was too fast

  sites.secondary.start();
  CHECK(sites.difference() == "");
  const auto moved = sites.secondary.number("/transferred/bytes");
  CAPTURE(kept, moved);
  CHECK(moved > 0);
  CHECK(moved <= std::int64_t(large_bytes - kept));
  CHECK(fs::is_empty(sites.secondary.store() / ".farshore/tmp"));
}

TEST_CASE("a large file that is rewritten during its download arrives whole", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  const auto file = sites.primary.store() / "large";
  fs::create_directories(file.parent_path());
  std::ofstream{file, std::ios::binary} << noise(large_bytes, 1);
  sites.primary.sql("INSERT INTO files (path) VALUES ('large')");
  REQUIRE(eventually([&] { return bytes_in_temporary_files(sites.secondary) > 10'000'000; }));

  // In place, as a careless application does: shorter, then other bytes.
  const auto second = noise(large_bytes / 2, 2);
  std::ofstream{file, std::ios::binary | std::ios::trunc} << second;
  sites.primary.sql("UPDATE files SET path = path");
  CHECK(eventually(
      [&] {
        const auto seen = sites.there("large");
        // The first content may have made it; a mixture never.
        const bool whole = seen == "(none)" || seen == second ||
                           (seen.size() == large_bytes && seen == noise(large_bytes, 1));
        if (!whole)
          FAIL_CHECK("a mixture of " << seen.size() << " bytes");
        return seen == second || !whole;
      },
      60s));
  CHECK(sites.difference() == "");
}

} // namespace farshore::test
