// Pushes of which nobody tells, between two real sites: folders of repositories without a table,
// and repositories of an application's whose hooks did not run.

#include "tests/e2e/sites.hpp"
#include "tests/strategies/git_repository.hpp"

#include <filesystem>

#include <catch2/catch.hpp>

namespace farshore::test {

namespace fs = std::filesystem;

namespace {

/// What a clone of it would see; "(none)" where there is no repository.
std::string refs_at(const fs::path& path) {
  if (fs::exists(path / "HEAD"))
    try {
      return git_repository{path}.refs();
    } catch (const std::exception&) { // it goes just now
      if (fs::exists(path / "HEAD"))
        throw;
    }
  return "(none)";
}

struct repository_sites : two_sites {
  [[nodiscard]] fs::path here(const std::string& path) const {
    return primary.store("repo") / path;
  }
  [[nodiscard]] fs::path far(const std::string& path) const {
    return secondary.store("repo") / path;
  }
  [[nodiscard]] git_repository make(const std::string& path) const {
    fs::create_directories(here(path).parent_path());
    auto made = git_repository::init(here(path));
    made.commit("the first of " + path);
    return made;
  }
  [[nodiscard]] bool equal(const std::string& path) const {
    return eventually([&] { return refs_at(here(path)) == refs_at(far(path)); });
  }
};

} // namespace

TEST_CASE("a scanned folder of repositories is at the other site, and pushes arrive without a hook",
          "[e2e][scan][repository]") {
  repository_sites sites;
  const auto one = sites.make("one.git");
  const auto two = sites.make("group/two.git");
  const auto three = sites.make("group/three.git");
  sites.start("SELECT 1",
              {{.name = "repo", .table = "", .more = "scan = \"1s\"\n", .strategy = "repository"}});
  for (const auto* path : {"one.git", "group/two.git", "group/three.git"})
    REQUIRE(sites.equal(path));

  SECTION("pushes") {
    for (int i = 0; i < 3; ++i) {
      two.commit("push " + std::to_string(i));
      CHECK(sites.equal("group/two.git"));
    }
    three.git("update-ref refs/tags/v1 main");
    three.git("symbolic-ref HEAD refs/heads/other");
    CHECK(sites.equal("group/three.git"));
  }
  SECTION("one is removed, one is renamed") {
    fs::remove_all(sites.here("one.git"));
    CHECK(eventually([&] { return refs_at(sites.far("one.git")) == "(none)"; }));
    fs::rename(sites.here("group/two.git"), sites.here("renamed.git"));
    CHECK(sites.equal("renamed.git"));
    CHECK(eventually([&] { return refs_at(sites.far("group/two.git")) == "(none)"; }));
    CHECK(sites.equal("group/three.git"));
  }
  SECTION("what did not change makes no event") {
    REQUIRE(sites.verified());
    const auto newest = sites.primary.value("SELECT max(id) FROM farshore.event_log");
    two.git("pack-refs --all");
    two.git("repack -adq");
    const auto scan = [&] {
      boost::system::error_code ignored;
      const auto status = sites.primary.status();
      const auto* at = status.find_pointer("/types/0/scan/last_scan", ignored);
      return at != nullptr && at->is_string() ? std::string{at->as_string()} : "";
    };
    for (int i = 0; i < 3; ++i) {
      const auto before = scan();
      REQUIRE(eventually([&] { return scan() > before; }));
    }
    CHECK(sites.primary.value("SELECT max(id) FROM farshore.event_log") == newest);
  }
}

TEST_CASE("a push of which no hook told arrives within refs_check", "[e2e][verify][repository]") {
  repository_sites sites;
  const auto one = sites.make("one.git");
  const auto two = sites.make("two.git");
  sites.start("CREATE TABLE repos (id bigserial PRIMARY KEY, path text);"
              "INSERT INTO repos (path) VALUES ('one.git'), ('two.git')",
              {{.name = "repo",
                .table = "repos",
                .more = "refs_check = \"1s\"\n",
                .strategy = "repository"}});
  REQUIRE(sites.verified());
  REQUIRE(sites.equal("one.git"));
  REQUIRE(sites.equal("two.git"));
  const auto told = "SELECT count(*) FROM farshore.event_log WHERE operation = 5 AND record_id = 2";
  const auto before = sites.primary.value(told);

  one.commit("nobody tells of it");
  CHECK(sites.equal("one.git"));
  // It reaches a node that was not there when it happened, too.
  sites.primary.stop();
  one.commit("nor of this");
  sites.primary.start();
  CHECK(sites.equal("one.git"));
  CHECK(sites.primary.value(told) == before);
}

} // namespace farshore::test
