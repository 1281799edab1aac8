// What in a scanned folder of repositories is a record, and where a change that is told belongs.

#include "strategies/repository/repository_view.hpp"
#include "tests/strategies/git_repository.hpp"
#include "tests/strategies/stores.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

using namespace farshore;
using namespace farshore::test;
namespace fs = std::filesystem;
using kind = folder_entry::kind;

namespace {

struct repositories {
  temporary_folder folder;
  repository_view view;

  [[nodiscard]] fs::path at(const std::string& path) const { return folder.path() / path; }
  git_repository make(const std::string& path) const {
    fs::create_directories(at(path).parent_path());
    return git_repository::init(at(path));
  }
  void put(const std::string& path) const {
    fs::create_directories(at(path).parent_path());
    std::ofstream{at(path)} << "x";
  }
  [[nodiscard]] std::shared_ptr<const opened_folder> open() const {
    auto opened = opened_folder::open(folder.path());
    REQUIRE(opened);
    return *opened;
  }
  [[nodiscard]] std::vector<folder_entry> walk(const std::string& beneath = "",
                                               folder_walk::before_listing hook = {}) const {
    const auto next = view.walk(open(), beneath, std::move(hook), system_time());
    std::vector<folder_entry> all;
    while (auto entry = next())
      all.push_back(std::move(*entry));
    return all;
  }
  [[nodiscard]] std::map<std::string, kind> kinds(const std::string& beneath = "") const {
    std::map<std::string, kind> found;
    for (const auto& entry : walk(beneath))
      found[entry.key()] = entry.what;
    return found;
  }
  [[nodiscard]] std::optional<folder_entry> look(const std::string& path) const {
    return view.look(*open(), path, {}, system_time());
  }
};

bool same_refs(const folder_entry& a, const folder_entry& b) {
  return a.size == b.size && a.mtime_ns == b.mtime_ns && a.ctime_ns == b.ctime_ns &&
         a.inode == b.inode;
}

} // namespace

TEST_CASE("each bare repository is a record, and none is descended into", "[repository_view]") {
  repositories all;
  const auto outer = all.make("a.git");
  all.make("a/b/deep.git").commit("one");
  all.make("a-b.git");
  all.make("a.git/modules/inner.git"); // as git keeps such things in a repository
  fs::create_directories(all.at("empty/folder"));
  const auto found = all.walk();
  std::vector<std::string> paths;
  for (const auto& entry : found) {
    CHECK(entry.what == kind::repository);
    paths.push_back(entry.path);
  }
  CHECK(paths == std::vector<std::string>{"a-b.git", "a.git", "a/b/deep.git"});
  CHECK(std::is_sorted(found.begin(), found.end(),
                       [](const auto& a, const auto& b) { return a.key() < b.key(); }));
  CHECK(all.kinds("a") == std::map<std::string, kind>{{"a/b/deep.git", kind::repository}});
  CHECK(all.kinds("a.git").empty());
  CHECK(all.kinds("a.git/modules").empty());
}

TEST_CASE("what is no bare repository is named for what it is", "[repository_view]") {
  repositories all;
  git_repository::shell("git init -q '" + all.at("checkout").string() + "'");
  all.make("bare.git");
  git_repository::shell("git -C '" + all.at("bare.git").string() +
                        "' config extensions.worktreeConfig true");
  all.put("stray");
  all.put("group/notes");
  fs::create_directory_symlink("bare.git", all.at("link.git"));
  ::mkfifo(all.at("pipe").c_str(), 0600);
  all.put(".farshore/tmp/x");
  CHECK(all.kinds() == std::map<std::string, kind>{{"bare.git", kind::repository},
                                                   {"checkout", kind::unsupported},
                                                   {"group/notes", kind::unsupported},
                                                   {"link.git", kind::unsupported},
                                                   {"pipe", kind::unsupported},
                                                   {"stray", kind::unsupported}});
  for (const auto& entry : all.walk())
    if (entry.what == kind::unsupported) {
      CHECK_FALSE(entry.note.empty());
      const auto looked = all.look(entry.path);
      REQUIRE(looked);
      CHECK(looked->what == entry.what);
      CHECK(looked->note == entry.note);
    }
  CHECK_THAT(all.look("checkout")->note, Catch::Contains("work tree"));
  CHECK_THAT(all.look("stray")->note, Catch::Contains("a file"));
  CHECK_THAT(all.look("link.git")->note, Catch::Contains("symbolic link"));
  CHECK(all.look("group")->what == kind::folder);
  CHECK_FALSE(all.look("nowhere"));
}

TEST_CASE("what identifies a repository is what its refs say", "[repository_view]") {
  repositories all;
  const auto one = all.make("one.git");
  one.commit("first");
  const auto before = all.walk().at(0);
  CHECK(same_refs(before, *all.look("one.git")));
  CHECK(before.mode == 0);
  SECTION("not how they are kept") {
    one.git("pack-refs --all");
    one.git("repack -adq");
    fs::permissions(one.path(), fs::perms{0700});
    fs::rename(one.path(), all.at("two.git"));
    CHECK(same_refs(before, *all.look("two.git")));
  }
  SECTION("a commit") {
    one.commit("second");
    CHECK_FALSE(same_refs(before, *all.look("one.git")));
  }
  SECTION("a tag, and back") {
    one.git("update-ref refs/tags/v1 main");
    CHECK_FALSE(same_refs(before, *all.look("one.git")));
    one.git("update-ref -d refs/tags/v1");
    CHECK(same_refs(before, *all.look("one.git")));
  }
  SECTION("which branch HEAD names") {
    one.git("symbolic-ref HEAD refs/heads/other");
    CHECK_FALSE(same_refs(before, *all.look("one.git")));
  }
  SECTION("refs that can't be read are those of none") {
    std::ofstream{one.path() / "refs/heads/broken"} << "no object\n";
    const auto broken = all.look("one.git");
    REQUIRE(broken);
    CHECK(broken->what == kind::repository);
    CHECK(broken->size == 0);
    CHECK(broken->inode == 0);
  }
}

TEST_CASE("what may be a repository and can't be told is unclear", "[repository_view]") {
  repositories all;
  const auto one = all.make("one.git");
  SECTION("it lacks a part") {
    const auto part = GENERATE("HEAD", "objects", "refs");
    fs::remove_all(one.path() / part);
    CHECK(all.kinds() == std::map<std::string, kind>{{"one.git", kind::unclear}});
    CHECK(all.look("one.git")->what == kind::unclear);
    CHECK_THAT(all.look("one.git")->note, Catch::Contains("one.git"));
  }
  SECTION("it may not be looked into") {
    if (::geteuid() == 0)
      return; // root may
    fs::permissions(one.path(), fs::perms{0});
    CHECK(all.kinds() ==
          std::map<std::string, kind>{{"one.git", kind::unclear}, {"one.git/", kind::closed}});
    CHECK(all.look("one.git")->what == kind::unclear);
    fs::permissions(one.path(), fs::perms{0700});
  }
  SECTION("it lacks two") {
    fs::remove_all(one.path() / "HEAD");
    fs::remove_all(one.path() / "objects");
    CHECK(all.look("one.git")->what == kind::folder);
  }
}

TEST_CASE("a change within a repository belongs to it", "[repository_view]") {
  repositories all;
  all.make("g/one.git");
  fs::create_directories(all.at("g/sub"));
  git_repository::shell("git init -q '" + all.at("g/checkout").string() + "'");
  const auto root = all.open();
  const auto at = [&](const std::string& path) { return all.view.record_at(*root, path); };
  CHECK(at("g/one.git/refs/heads/main.lock") == "g/one.git");
  CHECK(at("g/one.git/HEAD") == "g/one.git");
  CHECK(at("g/one.git") == "g/one.git");
  CHECK(at("g/sub/new.git") == "g/sub/new.git");
  CHECK(at("g/checkout/file") == "g/checkout");
  CHECK(at("gone/one.git/HEAD") == "gone/one.git/HEAD");
  CHECK(at("g") == "g");
}

TEST_CASE("what tells of pushes is watched, and not more", "[repository_view]") {
  repositories all;
  const auto one = all.make("g/one.git");
  for (int i = 0; i < 100; ++i)
    fs::create_directories(one.path() / "refs/many" / std::to_string(i));
  one.commit("first", "a/b");
  std::vector<std::string> watched;
  const auto hook = [&](const std::string& path, int) { watched.push_back(path); };
  (void)all.walk("", hook);
  const auto count = [&](const std::string& path) {
    return std::count(watched.begin(), watched.end(), path);
  };
  CHECK(count("") == 1);
  CHECK(count("g") == 1);
  CHECK(count("g/one.git") == 1);
  CHECK(count("g/one.git/refs") == 1);
  CHECK(count("g/one.git/objects") == 0);
  CHECK(watched.size() <= 2 + 64);
  fs::remove_all(one.path() / "refs/many");
  watched.clear();
  CHECK(all.view.look(*all.open(), "g/one.git", hook, system_time()));
  CHECK(count("g/one.git/refs/heads/a") == 1);
  CHECK(count("g/one.git/refs/tags") == 1);
}
