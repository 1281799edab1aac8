// Repositories that share objects with their pool: a fork's first mirror begins with what the pool
// has, and stays whole whatever becomes of the pool.

#include "tests/strategies/repository_site.hpp"

#include "strategies/repository/pool.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;

namespace {

namespace fs = std::filesystem;

struct pool_site : repository_site {
  git_repository pool = init("pool.git");

  pool_site() { commit_to_pool(std::string(20'000, 'p')); }

  void commit_to_pool(const std::string& content) { pool.commit(content); }

  /// At the primary it borrows from the pool.
  [[nodiscard]] git_repository fork(const std::string& locator = "fork.git") const {
    const auto made = init(locator);
    std::ofstream{made.path() / "objects/info/alternates"} << (pool.path() / "objects").string()
                                                           << '\n';
    made.git("update-ref refs/heads/main " + pool.git("rev-parse refs/heads/main"));
    return made;
  }
  std::shared_ptr<sync_job> fork_job(const std::string& locator = "fork.git", int tries = 0) {
    auto made = job(2, locator);
    made->pool = encode_locator("pool.git");
    made->tries = tries;
    return made;
  }
  void sync_pool() { REQUIRE(sync(1, "pool.git")); }
  void check_whole(const git_repository& of_primary, const std::string& locator = "fork.git") {
    CHECK(mirror(locator).refs() == of_primary.refs());
    CHECK_NOTHROW(mirror(locator).git("fsck --full --strict --no-dangling 2>&1"));
    CHECK_FALSE(fs::exists(there(locator) / "objects/info/alternates"));
  }
  /// How many of the mirror's packs are files that something else has, too.
  [[nodiscard]] int shared_packs(const std::string& locator = "fork.git") const {
    int count = 0;
    for (const auto& one : fs::directory_iterator{there(locator) / "objects/pack"})
      count += one.path().extension() == ".pack" && fs::hard_link_count(one.path()) > 1 ? 1 : 0;
    return count;
  }
};

} // namespace

TEST_CASE_METHOD(pool_site, "a fork begins with the pool's packs, and only the rest moves",
                 "[repository][pools]") {
  sync_pool();
  CHECK(moved > 100);
  const auto of_primary = fork();
  of_primary.commit("own");
  REQUIRE(sync(fork_job()));
  check_whole(of_primary);
  CHECK(shared_packs() == 1);
  CHECK(moved < 1'000);
  SECTION("later changes come as to any other mirror") {
    of_primary.commit("more");
    REQUIRE(sync(fork_job()));
    check_whole(of_primary);
    CHECK(shared_packs() == 1);
  }
  SECTION("it is verified as any other") {
    const auto verified = secondary->verify("fork.git", nullptr);
    REQUIRE(verified);
    CHECK(verified->sum == secondary->checksum_of("fork.git", nullptr)->sum);
  }
}

TEST_CASE_METHOD(pool_site, "a fork that was empty when it came begins with its pool all the same",
                 "[repository][pools]") {
  sync_pool();
  const auto of_primary = init("fork.git");
  REQUIRE(sync(2, "fork.git"));
  fs::remove_all(of_primary.path());
  fork().commit("own");
  REQUIRE(sync(fork_job()));
  check_whole(of_primary);
  CHECK(shared_packs() == 1);
  CHECK(moved < 1'000);
}

TEST_CASE_METHOD(pool_site, "a fork that is just what its pool is moves nothing",
                 "[repository][pools]") {
  sync_pool();
  const auto of_primary = fork();
  const auto to = sync(fork_job());
  REQUIRE(to);
  CHECK(moved == 0);
  CHECK(to->sum == primary->checksum_of("fork.git", nullptr)->sum);
  check_whole(of_primary);
}

TEST_CASE_METHOD(pool_site, "a fork that needs less than the pool has moves no object",
                 "[repository][pools]") {
  const auto of_primary = fork();
  commit_to_pool("later");
  sync_pool();
  REQUIRE(sync(fork_job()));
  check_whole(of_primary);
  CHECK(shared_packs() == 1);
}

TEST_CASE_METHOD(pool_site, "whatever becomes of the pool, a fork stays whole",
                 "[repository][pools]") {
  sync_pool();
  const auto of_primary = fork();
  of_primary.commit("own");
  REQUIRE(sync(fork_job()));
  SECTION("it is removed") {
    REQUIRE(remove("pool.git"));
    CHECK_FALSE(fs::exists(there("pool.git")));
  }
  SECTION("what it had is no longer led to, and pruned") {
    pool.git("update-ref -d refs/heads/main");
    sync_pool();
    mirror("pool.git").git("-c gc.pruneExpire=now gc --quiet --prune=now");
  }
  SECTION("it is made anew") {
    auto anew = job(1, "pool.git");
    anew->force = true;
    REQUIRE(sync(anew));
  }
  SECTION("git keeps the fork up") {
    mirror("fork.git").git("-c gc.pruneExpire=now gc --quiet --prune=now");
    CHECK(shared_packs() == 1);
  }
  check_whole(of_primary);
}

TEST_CASE_METHOD(pool_site, "a first mirror waits for its pool, but not for ever",
                 "[repository][pools]") {
  const auto of_primary = fork();
  of_primary.commit("own");
  const auto waits = sync(fork_job());
  REQUIRE_FALSE(waits);
  CHECK(waits.error().code == ec::pool_missing);
  CHECK(waits.error().message.find("pool.git") != std::string::npos);
  SECTION("the pool comes") {
    sync_pool();
    REQUIRE(sync(fork_job("fork.git", 1)));
    CHECK(shared_packs() == 1);
  }
  SECTION("the pool does not come") {
    REQUIRE(sync(fork_job("fork.git", pool_tries_max)));
    CHECK(shared_packs() == 0);
  }
  SECTION("what is here already waits for nothing") {
    REQUIRE(sync(2, "fork.git"));
    of_primary.commit("more");
    REQUIRE(sync(fork_job()));
  }
  SECTION("what is moved waits for nothing") {
    REQUIRE(sync(2, "fork.git"));
    fs::rename(of_primary.path(), folder.path() / "primary/moved.git");
    auto moves = fork_job("moved.git");
    moves->former = {"fork.git"};
    REQUIRE(sync(moves));
    check_whole(git_repository{folder.path() / "primary/moved.git"}, "moved.git");
    return;
  }
  check_whole(of_primary);
}

TEST_CASE_METHOD(pool_site, "a pool that is of no use is not used", "[repository][pools]") {
  const auto of_primary = fork();
  of_primary.commit("own");
  SECTION("all is to be fetched anew") {
    sync_pool();
    auto forced = fork_job();
    forced->force = true;
    REQUIRE(sync(forced));
    CHECK(shared_packs() == 0);
  }
  SECTION("it is of another object format") {
    fs::rename(pool.path(), folder.path() / "primary/kept.git");
    std::ofstream{of_primary.path() / "objects/info/alternates"}
        << (folder.path() / "primary/kept.git/objects").string() << '\n';
    init("pool.git", "sha256").commit("elsewhere");
    sync_pool();
    REQUIRE(sync(fork_job()));
  }
  SECTION("it is empty") {
    fs::rename(pool.path(), folder.path() / "primary/kept.git");
    std::ofstream{of_primary.path() / "objects/info/alternates"}
        << (folder.path() / "primary/kept.git/objects").string() << '\n';
    pool = init("pool.git");
    sync_pool();
    REQUIRE(sync(fork_job()));
  }
  SECTION("it is the record itself") {
    auto own = fork_job();
    own->pool = own->locator;
    REQUIRE(sync(own));
  }
  SECTION("it leads out of the store") {
    auto out = fork_job();
    out->pool = "../primary/pool.git";
    REQUIRE(sync(out));
    CHECK(shared_packs() == 0);
  }
  SECTION("it lacks objects") {
    sync_pool();
    for (const auto& one : fs::directory_iterator{there("pool.git") / "objects/pack"})
      fs::remove(one.path());
    CHECK_FALSE(sync(fork_job()));
    CHECK_FALSE(fs::exists(there("fork.git")));
    CHECK(leftovers() == 0);
    REQUIRE(sync(fork_job("fork.git", pool_tries_max)));
  }
  check_whole(of_primary);
}
