// Bare repositories of an application, changed by real git, mirrored by real nodes.

#include "tests/e2e/hosting.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

namespace farshore::test {

namespace {

namespace fs = std::filesystem;

/// Commits of files that do not compress, so that a transfer takes its time.
void fill(const git_repository& git, int commits, std::size_t bytes) {
  const auto file = git.path().parent_path() / "content";
  for (int i = 0; i < commits; ++i) {
    std::ofstream{file, std::ios::binary} << noise(bytes, static_cast<unsigned>(i));
    git_repository::shell("cd '" + git.path().string() + "' && blob=$(git hash-object -w '" +
                          file.string() +
                          "') && tree=$(printf '100644 blob %s\\tf\\n' $blob | git mktree) && "
                          "parent=$(git rev-parse -q --verify refs/heads/main || true) && git "
                          "update-ref refs/heads/main $(git commit-tree $tree ${parent:+-p "
                          "$parent} -m x)");
  }
  fs::remove(file);
}

} // namespace

TEST_CASE("repositories follow commits, forced pushes, deleted refs and removals",
          "[e2e][repositories]") {
  hosting host;
  for (int id = 1; id <= 12; ++id)
    host.add(id, id == 3 ? "sha256" : "sha1");
  for (int id = 2; id <= 12; ++id) {
    host.at_primary(id).commit("first");
    host.pushed(id);
  }
  host.wait();
  for (int id = 1; id <= 12; ++id)
    host.check_equal(id);

  const auto git = host.at_primary(2);
  git.commit("second", "feature/x");
  git.git("tag -a -m note v1 refs/heads/main");
  host.pushed(2);
  host.at_primary(3).commit("second");
  host.pushed(3);
  host.wait();
  host.check_equal(2);
  host.check_equal(3);

  git.git("update-ref refs/heads/main refs/heads/feature/x");
  git.git("branch -D feature/x");
  git.git("tag -d v1");
  git.git("branch -m main trunk");
  git.git("symbolic-ref HEAD refs/heads/trunk");
  host.pushed(2);
  fs::remove_all(host.at_primary(4).path());
  host.sites.primary.sql("DELETE FROM projects WHERE id = 4");
  const auto pack_of = [&](int id) {
    const auto packs = host.at_secondary(id).path() / "objects/pack";
    return fs::exists(packs) ? fs::directory_iterator {
      packs
      } -> path().filename().string() : "";
  };
  const auto pack = pack_of(5);
  fs::rename(host.at_primary(5).path(), host.at_primary(50).path());
  host.sites.primary.sql("UPDATE projects SET path = '" + hosting::path_of(50) + "' WHERE id = 5");
  host.wait();
  host.check_equal(2);
  host.check_equal(50);
  CHECK_FALSE(fs::exists(host.at_secondary(4).path()));
  CHECK_FALSE(fs::exists(host.at_secondary(5).path()));
  CHECK(fs::exists(host.at_secondary(50).path() / "objects/pack" / pack)); // moved

  const auto clone = host.sites.folder() / "clone";
  git_repository::shell("git clone -q '" + host.at_secondary(2).path().string() + "' '" +
                        clone.string() + "'");
  CHECK(fs::exists(clone / "file"));
}

TEST_CASE("what a secondary has already is taken as it is", "[e2e][repositories]") {
  hosting host;
  host.add(1).commit("first");
  host.pushed(1);
  host.wait();
  const auto before = fs::last_write_time(host.at_secondary(1).path() / "packed-refs");
  CHECK(host.sites.secondary.command({"resync", "project", "--all"}).code == 0);
  host.wait();
  CHECK(fs::last_write_time(host.at_secondary(1).path() / "packed-refs") == before);
  host.check_equal(1);
}

TEST_CASE("forks share what they have in common with their pool, and need it no more",
          "[e2e][repositories]") {
  auto type = projects();
  type.more_model = "pool = \"pool\"\n";
  hosting host{type};
  const auto fork_of = [&](int id, int pool) {
    const auto git = git_repository::init(host.at_primary(id).path());
    std::ofstream{git.path() / "objects/info/alternates"}
        << (host.at_primary(pool).path() / "objects").string() << '\n';
    git.git("update-ref refs/heads/main " + host.at_primary(pool).git("rev-parse refs/heads/main"));
    git.commit("of fork " + std::to_string(id));
    host.sites.primary.sql("INSERT INTO projects VALUES (" + std::to_string(id) + ", '" +
                           hosting::path_of(id) + "', '" + hosting::path_of(pool) + "')");
  };
  const auto bytes_of = [&](int id) { // of what no other repository has
    std::uintmax_t bytes = 0;
    for (const auto& one : fs::directory_iterator{host.at_secondary(id).path() / "objects/pack"})
      bytes += one.hard_link_count() == 1 ? one.file_size() : 0;
    return bytes;
  };
  const auto pool = host.add(1);
  fill(pool, 4, 300'000);
  host.pushed(1);
  host.wait();
  for (int id = 2; id <= 5; ++id)
    fork_of(id, 1);
  host.wait();
  for (int id = 1; id <= 5; ++id)
    host.check_equal(id);
  for (int id = 2; id <= 5; ++id)
    CHECK(bytes_of(id) < 20'000);

  // Fork and pool begin at once: whichever is claimed first.
  const auto late = host.add(6);
  fill(late, 1, 300'000);
  fork_of(7, 6);
  host.pushed(6);
  host.wait();
  host.check_equal(6);
  host.check_equal(7);

  // The pool goes, and a fork of it stays whole, also when it is read anew.
  host.sites.primary.sql("UPDATE projects SET pool = NULL");
  for (int id = 2; id <= 5; ++id) {
    host.at_primary(id).git("repack -a -d -q");
    fs::remove(host.at_primary(id).path() / "objects/info/alternates");
  }
  host.sites.primary.sql("DELETE FROM projects WHERE id IN (1, 3)");
  host.wait();
  CHECK_FALSE(fs::exists(host.at_secondary(1).path()));
  CHECK_FALSE(fs::exists(host.at_secondary(3).path()));
  CHECK(host.sites.secondary.command({"reverify", "project", "--all"}).code == 0);
  host.at_primary(2).commit("more");
  host.pushed(2);
  host.wait();
  for (const int id : {2, 4, 5})
    host.check_equal(id);
}

TEST_CASE("what git fsck has to say of a repository is listed", "[e2e][repositories]") {
  hosting host;
  for (int id = 1; id <= 3; ++id) {
    host.add(id).commit("first");
    host.pushed(id);
  }
  const auto odd = host.at_primary(2);
  const auto tree = odd.git("rev-parse refs/heads/main^{tree}");
  git_repository::shell("cd '" + odd.path().string() + "' && printf 'tree " + tree.substr(0, 40) +
                        "\\nauthor A 1 +0000\\ncommitter A 1 +0000\\n\\nx\\n' | git hash-object "
                        "-t commit --literally -w --stdin | xargs git update-ref refs/heads/odd");
  host.pushed(2);
  host.wait();
  const auto listed = [&] {
    return host.sites.secondary.command({"list", "project", "--findings"}).out;
  };
  CHECK(listed() == "no records with findings\n");
  CHECK(host.sites.secondary.command({"reverify", "project", "--all"}).code == 0);
  CHECK(
      eventually([&] { return listed().find("git fsck: error in commit") != std::string::npos; }));
  CHECK(listed().find(hosting::path_of(2)) != std::string::npos);
  CHECK(listed().find(hosting::path_of(1)) == std::string::npos);
  host.wait(); // it counts as verified
}

TEST_CASE("a damaged mirror is found by reverify, and mended", "[e2e][repositories]") {
  hosting host;
  for (int id = 1; id <= 4; ++id) {
    host.add(id).commit("first");
    host.pushed(id);
  }
  host.wait();
  for (const auto& one : fs::directory_iterator{host.at_secondary(1).path() / "objects/pack"})
    if (one.path().extension() == ".pack") {
      fs::permissions(one.path(), fs::perms::owner_all);
      fs::resize_file(one.path(), 40);
    }
  host.at_secondary(2).git("update-ref refs/heads/by-hand refs/heads/main");
  fs::remove(host.at_secondary(3).path() / "HEAD");
  CHECK(host.sites.secondary.command({"reverify", "project", "--all"}).code == 0);
  CHECK(eventually([&] {
    try {
      for (int id = 1; id <= 3; ++id) {
        host.at_secondary(id).git("fsck --full 2>&1");
        if (host.at_secondary(id).refs() != host.at_primary(id).refs())
          return false;
      }
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }));
  host.wait();
  for (int id = 1; id <= 4; ++id)
    host.check_equal(id);
}

TEST_CASE("a mirror that was pushed to many times has few packs", "[e2e][repositories]") {
  hosting host;
  const auto git = host.add(1);
  for (int i = 1; i <= 30; ++i) {
    git.commit(std::to_string(i));
    host.pushed(1);
    REQUIRE(host.equal(1));
  }
  CHECK(eventually([&] {
    int packs = 0;
    std::error_code vanished;
    for (const auto& one :
         fs::directory_iterator{host.at_secondary(1).path() / "objects/pack", vanished})
      packs += one.path().extension() == ".pack" ? 1 : 0;
    return packs < 20;
  }));
  host.wait();
  host.check_equal(1);
  git.commit("after it");
  host.pushed(1);
  host.wait();
  host.check_equal(1);
}

TEST_CASE("a secondary that is killed during a clone or a fetch ends equal",
          "[e2e][repositories]") {
  auto type = projects();
  type.at_secondary = "progress_deadline = \"10s\"\n";
  hosting host{type};
  host.add(1);
  fill(host.at_primary(1), 20, 1'000'000);
  auto& secondary = host.sites.secondary;
  const auto temps = secondary.store("project") / ".farshore/tmp";
  const auto kill_in_the_middle = [&] {
    host.pushed(1);
    // Something of the transfer lies there: it is under way.
    CHECK(eventually([&] {
      std::error_code gone;
      return fs::directory_iterator{temps, gone} != fs::directory_iterator{};
    }));
    secondary.kill();
  };
  kill_in_the_middle();
  secondary.start();
  host.wait();
  host.check_equal(1);
  const auto before = host.at_secondary(1).refs();
  fill(host.at_primary(1), 20, 1'500'000);
  kill_in_the_middle();
  const auto after = host.at_secondary(1).refs();
  CHECK((after == before || after == host.at_primary(1).refs()));
  CHECK_NOTHROW(host.at_secondary(1).git("fsck --full 2>&1"));
  secondary.start();
  host.wait();
  host.check_equal(1);
  CHECK(eventually([&] { return fs::is_empty(temps); }));
}

TEST_CASE("what is no repository on the primary is named, and stops nothing else",
          "[e2e][repositories]") {
  hosting host;
  host.add(1).commit("first");
  const auto store = host.sites.primary.store("project");
  std::ofstream{store / "file.git"} << "x";
  fs::create_directory(store / "folder.git");
  host.sites.primary.sql(
      "INSERT INTO projects (id, path) VALUES (10, 'file.git'), (11, 'folder.git'), "
      "(12, 'nothing.git'), (13, '../outside.git')");
  host.pushed(1);
  CHECK(eventually([&] { return host.sites.secondary.number("/types/0/synced_count") == 1; }));
  host.check_equal(1);
  CHECK(eventually([&] {
    const auto listed = host.sites.secondary.command({"list", "project", "--state", "failed"});
    return listed.out.find(" 10 ") != std::string::npos &&
           listed.out.find(" 11 ") != std::string::npos;
  }));
  CHECK_FALSE(fs::exists(host.sites.secondary.store("project") / "file.git"));
}

} // namespace farshore::test
