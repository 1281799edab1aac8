// What inotify tells of a folder.

#include "strategies/folder/folder_watch.hpp"
#include "tests/strategies/stores.hpp"

#include <algorithm>
#include <fstream>
#include <set>

#include <fcntl.h>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;
namespace fs = std::filesystem;

namespace {

class watched {
public:
  watched() : watch{std::move(*watch_folder(folder.path()))} { add(""); }

  void add(const std::string& path) {
    const unique_fd fd{::open((folder.path() / path).c_str(), O_RDONLY | O_DIRECTORY)};
    REQUIRE(watch->add(path, fd.get()));
  }
  std::set<std::string> news() {
    auto told = watch->read();
    CHECK_FALSE(told.everything);
    return {told.paths.begin(), told.paths.end()};
  }
  void put(const std::string& path) const { std::ofstream{folder.path() / path} << "x"; }

  temporary_folder folder;
  std::unique_ptr<folder_watch> watch;
};

using paths = std::set<std::string>;

} // namespace

TEST_CASE_METHOD(watched, "what is made, written, touched and removed is told by its path",
                 "[folder_watch]") {
  CHECK(news().empty());
  put("a");
  CHECK(news() == paths{"a"});
  put("a");
  CHECK(news() == paths{"a"});
  fs::permissions(folder.path() / "a", fs::perms::owner_read);
  CHECK(news() == paths{"a"});
  fs::create_symlink("a", folder.path() / "link");
  CHECK(news() == paths{"link"});
  fs::rename(folder.path() / "a", folder.path() / "b\n");
  CHECK(news() == paths{"a", "b\n"});
  fs::remove(folder.path() / "b\n");
  CHECK(news() == paths{"b\n"});
}

TEST_CASE_METHOD(watched, "a folder that was moved tells under its new name only",
                 "[folder_watch]") {
  fs::create_directory(folder.path() / "old");
  CHECK(news() == paths{"old"});
  add("old");
  put("old/1");
  CHECK(news() == paths{"old/1"});
  fs::rename(folder.path() / "old", folder.path() / "new");
  CHECK(news() == paths{"old", "new"});
  add("new");
  put("new/2");
  CHECK(news() == paths{"new/2"});
  fs::remove_all(folder.path() / "new");
  CHECK(news().contains("new"));
  fs::create_directory(folder.path() / "new");
  add("new");
  put("new/3");
  CHECK(news().contains("new/3"));
}

TEST_CASE_METHOD(watched, "Farshore's own folder is none of its business", "[folder_watch]") {
  fs::create_directory(folder.path() / ".farshore");
  put(".farshore-not");
  CHECK(news() == paths{".farshore-not"});
}

TEST_CASE_METHOD(watched, "a root that goes away may have changed altogether", "[folder_watch]") {
  fs::rename(folder.path(), folder.path().string() + ".moved");
  CHECK(watch->read().everything);
  fs::rename(folder.path().string() + ".moved", folder.path());
}

TEST_CASE("file systems that other machines write to are not watched", "[folder_watch]") {
  CHECK(remote_file_system(0x6969) == "nfs");
  CHECK(remote_file_system(0x65735546) == "fuse");
  CHECK(remote_file_system(0xef53).empty());
  CHECK(remote_file_system(0x01021994).empty()); // tmpfs
}
