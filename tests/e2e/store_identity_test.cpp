// The disk is believed, not the table: stores and tracking databases that are emptied, exchanged or
// put back beneath a real secondary. Each case ends with both sites equal.

#include "tests/e2e/sites.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>

namespace farshore::test {

namespace {

namespace fs = std::filesystem;

constexpr int files = 60;
constexpr std::int64_t file_bytes = 1000;

/// Both sites, with some files that are synced.
class filled_sites : public two_sites {
public:
  filled_sites() {
    start("CREATE TABLE files (id bigserial PRIMARY KEY, path text)");
    for (int i = 1; i <= files; ++i)
      write(name(i), noise(file_bytes, unsigned(i)));
    primary.sql(
        "INSERT INTO files (path) SELECT 'd' || i % 7 || '/' || i FROM generate_series(1, " +
        std::to_string(files) + ") i");
    REQUIRE(difference() == "");
  }

  static std::string name(int i) { return "d" + std::to_string(i % 7) + "/" + std::to_string(i); }

  void change(int i, unsigned seed) const {
    write(name(i), noise(file_bytes, seed));
    primary.sql("UPDATE files SET path = path WHERE id = " + std::to_string(i));
  }
  [[nodiscard]] std::string noticed() const {
    const auto all = secondary.status();
    boost::system::error_code absent;
    const auto* found = all.find_pointer("/types/0/store/noticed", absent);
    return found != nullptr && found->is_string() ? std::string{found->as_string()} : "";
  }
  [[nodiscard]] bool notices(const std::string& what) const {
    return eventually([&] { return noticed() == what; });
  }
};

void copy_tree(const fs::path& from, const fs::path& to) {
  fs::remove_all(to);
  REQUIRE(run({"cp", "-a", from.string(), to.string()}).code == 0);
}

} // namespace

TEST_CASE("a store that is emptied under a running secondary is filled again", "[e2e][identity]") {
  filled_sites sites;
  fs::remove_all(sites.secondary.store());
  fs::create_directory(sites.secondary.store());
  CHECK(sites.notices("emptied"));
  CHECK(sites.difference() == "");
  CHECK(sites.secondary.log().find("was emptied") != std::string::npos);
  CHECK(sites.secondary.number("/transferred/bytes") >= 2 * files * file_bytes);
}

TEST_CASE("a store that vanishes with its folder is made again", "[e2e][identity]") {
  filled_sites sites;
  fs::remove_all(sites.secondary.store());
  CHECK(sites.notices("emptied"));
  CHECK(sites.difference() == "");
}

TEST_CASE("what goes into a folder that was exchanged, before that is noticed, is fetched again",
          "[e2e][identity]") {
  filled_sites sites;
  const auto aside = sites.folder() / "aside";
  fs::rename(sites.secondary.store(), aside);
  sites.write("late", noise(500, 77));
  sites.primary.sql("INSERT INTO files (path) VALUES ('late')");
  CHECK(sites.notices("emptied"));
  CHECK(sites.difference() == "");
}

TEST_CASE("another site's store in the place of ours is adopted as far as it fits",
          "[e2e][identity]") {
  filled_sites sites;
  const auto other = sites.folder() / "other";
  copy_tree(sites.secondary.store(), other);
  std::ofstream{other / ".farshore/identity", std::ios::trunc} << "another 5\n";
  std::ofstream{other / filled_sites::name(3), std::ios::app} << "damaged";
  fs::remove(other / filled_sites::name(4));
  const auto before = sites.secondary.number("/transferred/bytes");
  fs::rename(sites.secondary.store(), sites.folder() / "aside");
  fs::rename(other, sites.secondary.store());
  CHECK(sites.notices("replaced"));
  CHECK(sites.difference() == "");
  // At most the one damaged file, and the one that was not there.
  CHECK(sites.secondary.number("/transferred/bytes") - before == 2 * file_bytes);
}

TEST_CASE("a store that is exchanged for its own copy is opened anew", "[e2e][identity]") {
  filled_sites sites;
  const auto twin = sites.folder() / "twin";
  copy_tree(sites.secondary.store(), twin);
  fs::rename(sites.secondary.store(), sites.folder() / "aside");
  fs::rename(twin, sites.secondary.store());
  CHECK(sites.notices("replaced"));
  sites.change(5, 505);
  CHECK(sites.difference() == "");
}

TEST_CASE("a store that is put back to an older copy gets what it lacks", "[e2e][identity]") {
  filled_sites sites;
  CHECK(sites.secondary.stop() == 0);
  copy_tree(sites.secondary.store(), sites.folder() / "backup");
  sites.secondary.start();
  sites.change(7, 707);
  sites.change(8, 808);
  REQUIRE(sites.difference() == "");
  REQUIRE(sites.verified());
  CHECK(sites.secondary.stop() == 0);
  copy_tree(sites.folder() / "backup", sites.secondary.store());

  sites.secondary.start();
  CHECK(sites.notices("rolled_back"));
  CHECK(sites.difference() == "");
  CHECK(sites.secondary.number("/transferred/adopted") == files - 2);
  CHECK(sites.secondary.number("/transferred/bytes") == 2 * file_bytes);
}

TEST_CASE("a tracking database that is put back to an older copy catches up", "[e2e][identity]") {
  filled_sites sites;
  CHECK(sites.secondary.stop() == 0);
  copy_tree(sites.secondary.data() / "postgres", sites.folder() / "backup");
  sites.secondary.start();
  sites.change(7, 707);
  sites.remove(filled_sites::name(9));
  sites.primary.sql("DELETE FROM files WHERE id = 9");
  sites.write("later", noise(file_bytes, 1));
  sites.primary.sql("INSERT INTO files (path) VALUES ('later')");
  REQUIRE(sites.difference() == "");
  CHECK(sites.secondary.stop() == 0);
  copy_tree(sites.folder() / "backup", sites.secondary.data() / "postgres");

  sites.secondary.start();
  CHECK(sites.notices("database_rolled_back"));
  CHECK(sites.difference() == "");
  CHECK(sites.secondary.number("/transferred/bytes") == 0);
}

TEST_CASE("a tracking schema that is dropped under a running secondary is made again, and all "
          "adopted",
          "[e2e][identity]") {
  filled_sites sites;
  sites.secondary.sql("DROP SCHEMA farshore CASCADE");
  sites.change(7, 707); // the registry meets its loss
  CHECK(sites.secondary.wait_for_end() != 0);
  sites.secondary.start();
  CHECK(eventually([&] { return sites.serves("file"); }));
  CHECK(sites.difference() == "");
  CHECK(sites.secondary.number("/transferred/adopted") >= files - 1);
  CHECK(sites.secondary.number("/transferred/bytes") <= file_bytes);
}

TEST_CASE("a store that was emptied while the secondary was down is filled at its start",
          "[e2e][identity]") {
  filled_sites sites;
  CHECK(sites.secondary.stop() == 0);
  fs::remove_all(sites.secondary.store());
  sites.secondary.start();
  // Not before the disk was looked at: the table still calls everything synced.
  CHECK(sites.difference() == "");
  CHECK(sites.secondary.number("/transferred/bytes") == files * file_bytes);
}

TEST_CASE("restarts and kills alone make nobody look again", "[e2e][identity]") {
  filled_sites sites;
  for (int i = 0; i < 4; ++i) {
    sites.change(7, unsigned(i));
    sites.secondary.kill();
    sites.secondary.start();
  }
  CHECK(sites.difference() == "");
  CHECK(sites.noticed().empty());
}

} // namespace farshore::test
