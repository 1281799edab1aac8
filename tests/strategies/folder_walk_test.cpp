// The walk of a scanned folder, against a plain recursive listing.

#include "strategies/folder/folder_walk.hpp"
#include "tests/strategies/stores.hpp"

#include <algorithm>
#include <fstream>
#include <random>
#include <set>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;
namespace fs = std::filesystem;
using kind = folder_entry::kind;

namespace {

std::vector<folder_entry> walk(const fs::path& root, const std::string& beneath = "",
                               folder_walk::before_listing hook = {}) {
  auto opened = opened_folder::open(root);
  REQUIRE(opened);
  folder_walk walking{*opened, beneath, std::move(hook), system_time()};
  std::vector<folder_entry> all;
  while (auto entry = walking.next())
    all.push_back(std::move(*entry));
  return all;
}

std::vector<std::string> paths_of(const std::vector<folder_entry>& entries) {
  std::vector<std::string> paths;
  for (const auto& entry : entries)
    paths.push_back(entry.path);
  return paths;
}

void put(const fs::path& file, const std::string& bytes = "x") {
  fs::create_directories(file.parent_path());
  std::ofstream{file, std::ios::binary} << bytes;
}

/// Names that sort differently as names and as parts of paths.
std::string odd_name(std::mt19937_64& random) {
  static const std::vector<std::string> names{"a",   "a-b",  "a.b", "a0",  "b",    "A",
                                              "a b", "\xff", "\n",  "'\"", "\x01", ".farshore"};
  return names[random() % names.size()];
}

void grow(const fs::path& folder, std::mt19937_64& random, int depth) {
  for (auto n = random() % 6; n > 0; --n) {
    const auto path = folder / odd_name(random);
    if (fs::exists(fs::symlink_status(path)))
      continue;
    switch (depth > 0 ? random() % 4 : 1 + random() % 3) {
    case 0:
      fs::create_directory(path);
      grow(path, random, depth - 1);
      break;
    case 1:
      fs::create_symlink("../somewhere", path);
      break;
    default:
      put(path);
    }
  }
}

} // namespace

TEST_CASE("a walk finds what a recursive listing does, in the order of the paths' bytes",
          "[folder_walk]") {
  std::mt19937_64 random{7};
  for (int round = 0; round < 200; ++round) {
    temporary_folder folder;
    grow(folder.path(), random, 4);
    std::set<std::string> expected; // in byte order by itself
    for (auto at = fs::recursive_directory_iterator{folder.path()}; at != fs::end(at); ++at) {
      const auto path = at->path().lexically_relative(folder.path()).string();
      if (path == ".farshore" || path.starts_with(".farshore/"))
        continue;
      if (!fs::is_directory(at->symlink_status()))
        expected.insert(path);
    }
    const auto found = paths_of(walk(folder.path()));
    REQUIRE(found == std::vector<std::string>(expected.begin(), expected.end()));
  }
}

TEST_CASE("a walk beneath a folder yields just that part, and nothing of what is not there",
          "[folder_walk]") {
  temporary_folder folder;
  for (const auto* path : {"a/b/1", "a/b/c/2", "a/b-", "a/b0", "z"})
    put(folder.path() / path);
  CHECK(paths_of(walk(folder.path(), "a/b")) == std::vector<std::string>{"a/b/1", "a/b/c/2"});
  CHECK(walk(folder.path(), "gone").empty());
  CHECK(walk(folder.path(), "z").empty());
}

TEST_CASE("links are found as links and never followed", "[folder_walk]") {
  temporary_folder folder;
  temporary_folder outside;
  put(outside.path() / "secret");
  fs::create_directory_symlink(outside.path(), folder.path() / "out");
  const auto found = walk(folder.path());
  REQUIRE(found.size() == 1);
  CHECK(found[0].what == kind::link);
  CHECK(walk(folder.path(), "out").empty());
  auto root = *opened_folder::open(folder.path());
  CHECK(look_at(*root, "out", system_time())->what == kind::link);
  CHECK_FALSE(look_at(*root, "out/secret", system_time()));
}

TEST_CASE("what is neither file, link nor folder is named for what it is", "[folder_walk]") {
  temporary_folder folder;
  ::mkfifo((folder.path() / "pipe").c_str(), 0600);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (folder.path() / "socket").string().copy(address.sun_path, sizeof(address.sun_path) - 1);
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  ::close(fd);
  const auto found = walk(folder.path());
  REQUIRE(found.size() == 2);
  CHECK(found[0].what == kind::unsupported);
  CHECK(found[0].note == "a pipe");
  CHECK(found[1].note == "a socket");
}

TEST_CASE("paths that are too long for a locator are named, not lost", "[folder_walk]") {
  temporary_folder folder;
  auto at = ::open(folder.path().c_str(), O_PATH | O_DIRECTORY);
  const std::string name(250, 'd');
  for (int depth = 0; depth < 18; ++depth) { // 18 * 251 > 4095
    REQUIRE(::mkdirat(at, name.c_str(), 0755) == 0);
    const int next = ::openat(at, name.c_str(), O_PATH | O_DIRECTORY);
    ::close(at);
    at = next;
  }
  ::close(at);
  const auto found = walk(folder.path());
  REQUIRE(found.size() == 1);
  CHECK(found[0].what == kind::unsupported);
  CHECK(found[0].note.find("4095") != std::string::npos);
}

TEST_CASE("a folder that may not be looked into is closed, not empty", "[folder_walk]") {
  temporary_folder folder;
  put(folder.path() / "a/file");
  put(folder.path() / "closed/file");
  put(folder.path() / "closed.too");
  fs::permissions(folder.path() / "closed", fs::perms::none);
  fs::permissions(folder.path(), fs::perms::all);
  const bool root = ::geteuid() == 0;
  if (root)
    REQUIRE(::seteuid(65534) == 0); // root may look into everything
  const auto found = walk(folder.path());
  if (root)
    REQUIRE(::seteuid(0) == 0);
  fs::permissions(folder.path() / "closed", fs::perms::all);
  CHECK(paths_of(found) == std::vector<std::string>{"a/file", "closed.too", "closed"});
  REQUIRE(found.size() == 3);
  CHECK(found[2].what == kind::closed);
  CHECK(found[2].key() == "closed/");
  CHECK(found[2].note.find("\"closed\"") != std::string::npos);
}

TEST_CASE("another file system within the folder is left alone", "[folder_walk]") {
  // /dev with /dev/pts or /dev/shm in it is what every machine has.
  for (const auto& entry : walk("/dev"))
    if (entry.path == "shm" || entry.path == "pts") {
      CHECK(entry.what == kind::closed);
      CHECK(entry.note.find("another file system") != std::string::npos);
      return;
    }
  WARN("this machine has no mount beneath /dev");
}

TEST_CASE("a folder is shown to the watch before its names are read", "[folder_walk]") {
  temporary_folder folder;
  put(folder.path() / "a/file");
  std::vector<std::string> shown;
  const auto found = walk(folder.path(), "", [&](const std::string& path, int) {
    shown.push_back(path);
    if (path == "a")
      put(folder.path() / "a/late");
  });
  CHECK(shown == std::vector<std::string>{"", "a"});
  CHECK(paths_of(found) == std::vector<std::string>{"a/file", "a/late"});
}

TEST_CASE("what vanishes during the walk is left out", "[folder_walk]") {
  temporary_folder folder;
  put(folder.path() / "a/file");
  put(folder.path() / "b/file");
  const auto found = walk(folder.path(), "", [&](const std::string& path, int) {
    if (path == "a")
      fs::remove_all(folder.path() / "b");
  });
  CHECK(paths_of(found) == std::vector<std::string>{"a/file"});
}

TEST_CASE("a root that is not there is an error", "[folder_walk]") {
  auto opened = opened_folder::open("/nowhere/at/all");
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ec::disk);
}
