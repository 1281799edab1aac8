// A primary that verifies what it has, with and without a secondary.

#include "registry/count_check.hpp"
#include "tests/e2e/sites.hpp"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <fmt/format.h>

namespace farshore::test {

namespace fs = std::filesystem;

namespace {

const std::string files_table = "CREATE TABLE files (id bigserial PRIMARY KEY, path text)";

std::int64_t count(const site& at, const std::string& what) {
  return at.number("/types/0/" + what + "_count");
}

/// What a count is kept as is what it is.
std::string wrong_counts(const site& at) {
  auto url = at.command({"database-url"}).out;
  const auto found = check_primary_counts(url.substr(0, url.find('\n')));
  if (!found)
    return found.error().message;
  std::string out;
  for (const auto& one : *found)
    out +=
        fmt::format("{} {}: {} kept, {} counted\n", one.type, one.counter, one.kept, one.counted);
  return out;
}

/// In place, as no application should: neither row nor name changes.
void overwrite(const fs::path& file, const std::string& content) {
  std::ofstream out{file, std::ios::binary | std::ios::trunc};
  out << content;
}

} // namespace

TEST_CASE("a primary alone checksums what it has, and lists what is not there", "[e2e][verify]") {
  two_sites sites;
  auto& primary = sites.primary;
  sites.declare({{}});
  primary.start();
  primary.sql(files_table);
  for (int i = 1; i <= 20; ++i)
    sites.write(fmt::format("f/{}", i), fmt::format("content {}", i));
  primary.sql("INSERT INTO files (path) SELECT 'f/' || n FROM generate_series(1, 22) AS n");
  CHECK(eventually([&] {
    return count(primary, "checksummed") == 20 && count(primary, "checksum_missing") == 2;
  }));
  CHECK(count(primary, "checksum_failed") == 2);
  CHECK(count(primary, "checksum_pending") == 0);

  const auto listed = primary.command({"list", "file", "--verification", "failed"});
  CAPTURE(listed.out, listed.err);
  CHECK(listed.code == 0);
  CHECK(listed.out.find("missing: file/21 at \"f/21\"") != std::string::npos);
  CHECK(listed.out.find("bring the file back") != std::string::npos);
  const auto status = primary.command({"status"});
  CHECK(status.out.find("2 records have no file where their row says") != std::string::npos);

  // It appears; nothing tells of it.
  sites.write("f/21", "late");
  CHECK(eventually([&] { return count(primary, "checksummed") == 21; }));
  CHECK(count(primary, "checksum_missing") == 1);

  // A folder where a file should be is a failure of another kind.
  fs::create_directories(primary.store() / "f/22");
  const auto again = primary.command({"reverify", "file", "--failed"});
  CHECK(again.code == 0);
  CHECK(eventually([&] {
    return count(primary, "checksum_missing") == 0 && count(primary, "checksum_failed") == 1;
  }));
  CHECK(wrong_counts(primary) == "");

  // What it had in hand when it was killed is not lost.
  primary.sql("UPDATE files SET path = path");
  primary.kill();
  primary.start();
  CHECK(eventually([&] { return count(primary, "checksummed") == 21; }));
  CHECK(count(primary, "checksum_pending") == 0);
  CHECK(primary.stop() == 0);
}

TEST_CASE("a file rewritten under an unchanged row is found, and reaches the secondary",
          "[e2e][verify]") {
  two_sites sites;
  sites.start(files_table);
  auto& primary = sites.primary;
  for (int i = 1; i <= 10; ++i)
    sites.write(fmt::format("f/{}", i), fmt::format("content {}", i));
  primary.sql("INSERT INTO files (path) SELECT 'f/' || n FROM generate_series(1, 10) AS n");
  CHECK(eventually([&] { return count(primary, "checksummed") == 10; }));
  CHECK(sites.difference() == "");
  const auto events = primary.value("SELECT count(*) FROM farshore.event_log WHERE operation = 5");
  CHECK(events == "10");

  overwrite(primary.store() / "f/7", "contenT 7");
  CHECK(primary.command({"reverify", "file", "--all"}).code == 0);
  CHECK(eventually([&] { return sites.there("f/7") == "contenT 7"; }));
  CHECK(eventually([&] {
    return primary.value("SELECT count(*) FROM farshore.state WHERE verification_retry_at <= now()"
                         " OR verification_state <> 2") == "0";
  }));
  // Of the nine others there is nothing new.
  CHECK(primary.value("SELECT count(*) FROM farshore.event_log WHERE operation = 5") == "11");
  CHECK(sites.difference() == "");

  const auto unknown = primary.command({"reverify", "file", "--id", "3", "999"});
  CHECK(unknown.code == 1);
  CHECK(unknown.err.find("1 of the 2 ids") != std::string::npos);
  CHECK(wrong_counts(primary) == "");
}

TEST_CASE("a store that is renamed under its primary takes no record with it", "[e2e][verify]") {
  two_sites sites;
  auto& primary = sites.primary;
  sites.declare({{}});
  primary.start();
  primary.sql(files_table);
  for (int i = 1; i <= 5; ++i)
    sites.write(fmt::format("{}", i), "x");
  primary.sql("INSERT INTO files (path) SELECT n::text FROM generate_series(1, 5) AS n");
  CHECK(eventually([&] { return count(primary, "checksummed") == 5; }));

  const auto away = primary.folder() / "away";
  fs::rename(primary.store(), away);
  primary.command({"reverify", "file", "--all"});
  CHECK(eventually([&] {
    return primary.value("SELECT count(*) FROM farshore.state WHERE verification_retry_at <= now()"
                         " OR verification_state <> 2") == "0";
  }));
  CHECK(count(primary, "checksummed") == 5);
  CHECK(count(primary, "checksum_failed") == 0);
  fs::rename(away, primary.store());
  CHECK(eventually([&] {
    return primary.value("SELECT count(*) FROM farshore.state WHERE verification_retry_at <= now()"
                         " OR verification_state <> 2") == "0";
  }));
  CHECK(primary.command({"status"}).out.find("health          ok") != std::string::npos);
}

TEST_CASE("verification is kept in the model's own columns, and they wake no trigger",
          "[e2e][verify]") {
  two_sites sites;
  auto& primary = sites.primary;
  const std::vector<type_declaration> in_columns{{.more = "verification = \"columns\"\n"}};
  sites.start(files_table, in_columns);
  sites.write("a", "a");
  primary.sql("INSERT INTO files VALUES (1, 'a'), (2, 'b')");
  CHECK(eventually([&] { return count(primary, "checksummed") == 1; }));
  CHECK(eventually([&] {
    return primary.command({"status"}).out.find("farshore migrate-model file") != std::string::npos;
  }));
  const auto checked = primary.command({"check"});
  CHECK(checked.out.find("ADD COLUMN verification_state smallint NOT NULL DEFAULT 0") !=
        std::string::npos);

  const auto dry = primary.command({"migrate-model", "file", "--dry-run"});
  CHECK(dry.code == 0);
  const auto migrated = primary.command({"migrate-model", "file"});
  CAPTURE(migrated.out, migrated.err);
  CHECK(migrated.code == 0);
  CHECK(migrated.out.find(dry.out) == 0);
  const auto nothing = primary.command({"migrate-model", "file"});
  CHECK(nothing.code == 0);
  CHECK(nothing.out.find("nothing to do") != std::string::npos);

  CHECK(eventually([&] {
    return primary.value("SELECT string_agg(verification_state::text, ' ' ORDER BY id) FROM files"
                         " WHERE verification_failure IS NOT NULL OR verified_at IS NOT NULL") ==
           "2 3";
  }));
  CHECK(primary.value("SELECT encode(verification_checksum, 'hex') FROM files WHERE id = 1") ==
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb");
  CHECK(primary.value("SELECT verification_failure LIKE 'file/2 at \"b\"%' FROM files"
                      " WHERE id = 2") == "t");
  // One event for each row, one for the checksum: what Farshore wrote is none.
  sites.write("b", "b");
  CHECK(eventually([&] {
    return primary.value("SELECT count(*) FROM files WHERE verification_state = 2") == "2";
  }));
  CHECK(primary.value("SELECT string_agg(operation::text, ' ' ORDER BY id) FROM"
                      " farshore.event_log") == "1 1 5 5");
  CHECK(sites.difference() == "");
  CHECK(count(sites.secondary, "registry") == 2);
  CHECK(wrong_counts(primary) == "");
}

TEST_CASE("a type that is only verified is served to nobody, until it is enabled",
          "[e2e][verify]") {
  two_sites sites;
  auto& primary = sites.primary;
  auto verified_only = type_declaration{};
  verified_only.more = "enabled = \"verify\"\n";
  sites.declare({verified_only});
  primary.start();
  primary.sql(files_table);
  sites.secondary.declare({{}});
  sites.secondary.start();
  sites.write("a", "a");
  primary.sql("INSERT INTO files VALUES (1, 'a')");
  CHECK(eventually([&] { return count(primary, "checksummed") == 1; }));
  CHECK(count(sites.secondary, "registry") == 0);
  CHECK(primary.command({"status"}).out.find("verified only") != std::string::npos);

  primary.declare({{}});
  primary.reload();
  CHECK(eventually([&] { return sites.there("a") == "a"; }));
  CHECK(eventually([&] { return count(primary, "checksummed") == 1; }));
  // And back: what happens meanwhile is found when it is served again.
  primary.declare({verified_only});
  primary.reload();
  sites.write("b", "b");
  primary.sql("INSERT INTO files VALUES (2, 'b'); DELETE FROM files WHERE id = 1");
  CHECK(eventually([&] {
    return primary.value("SELECT string_agg(record_id::text, ' ') FROM farshore.state"
                         " WHERE verification_state = 2") == "2";
  }));
  primary.declare({{}});
  primary.reload();
  CHECK(eventually([&] { return sites.there("b") == "b" && sites.there("a") == "(none)"; }));
}

} // namespace farshore::test
