// Scanned types: folders without an application table, between two real sites.

#include "node/api_call.hpp"
#include "tests/e2e/sites.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>

#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fmt/format.h>

namespace farshore::test {

namespace fs = std::filesystem;

namespace {

const std::vector<type_declaration> scanned{
    {.name = "manual", .table = "", .more = "scan = \"1s\"\n"}};

/// What a site has at a path, in one text: kind, mode, time, and content.
std::map<std::string, std::string> contents(const fs::path& store) {
  std::map<std::string, std::string> all;
  for (const auto& path : files_in(store)) {
    struct stat there {};
    if (::lstat((store / path).c_str(), &there) != 0)
      continue;
    if (S_ISLNK(there.st_mode))
      all[path.string()] = "link to " + fs::read_symlink(store / path).string();
    else if (S_ISREG(there.st_mode))
      all[path.string()] = fmt::format("{:o} {}.{:09} {}", there.st_mode, there.st_mtim.tv_sec,
                                       there.st_mtim.tv_nsec, read_file(store / path));
    // Others are not replicated.
  }
  return all;
}

struct scanned_sites : two_sites {
  explicit scanned_sites(int files = 300) {
    fs::create_directories(here());
    for (int i = 0; i < files; ++i)
      put("base/" + std::to_string(i % 7) + "/" + std::to_string(i), "base " + std::to_string(i));
  }
  void begin() {
    start("SELECT 1", scanned);
    CHECK(become_equal());
  }
  [[nodiscard]] fs::path here() const { return primary.store("manual"); }
  [[nodiscard]] fs::path far() const { return secondary.store("manual"); }
  void put(const std::string& path, const std::string& content) const {
    fs::create_directories((here() / path).parent_path());
    std::ofstream{here() / path, std::ios::binary | std::ios::trunc} << content;
  }
  [[nodiscard]] bool become_equal() const {
    if (eventually([&] { return contents(here()) == contents(far()); }, 90s))
      return true;
    const auto left = contents(here());
    const auto right = contents(far());
    for (const auto& [path, what] : left)
      if (!right.contains(path) || right.at(path) != what)
        UNSCOPED_INFO(path << ": " << what.substr(0, 200) << " | "
                           << (right.contains(path) ? right.at(path).substr(0, 200) : "(none)"));
    for (const auto& [path, what] : right)
      if (!left.contains(path))
        UNSCOPED_INFO("only there: " << path);
    return false;
  }
  /// As the command line asks the primary.
  [[nodiscard]] api_answer ask(const std::string& route, boost::json::value body) const {
    return call_api(load_config(primary.config()).settings,
                    {"POST", "/api/v1/" + route, std::move(body)});
  }
  [[nodiscard]] std::string last_scan() const {
    const auto all = primary.status();
    const auto* at = all.find_pointer("/types/0/scan/last_scan", ignored_);
    return at != nullptr && at->is_string() ? std::string{at->as_string()} : "";
  }
  /// Waits for so many whole scans to begin and end.
  void scan(int times) const {
    for (int i = 0; i < times + 1; ++i) {
      const auto before = last_scan();
      REQUIRE(eventually([&] { return last_scan() > before; }));
    }
  }
  [[nodiscard]] std::int64_t events() const {
    return std::stoll(primary.value("SELECT last_value FROM farshore.event_id"));
  }

private:
  mutable boost::system::error_code ignored_;
};

} // namespace

TEST_CASE("a scanned folder is at the other site as it is, and stays so", "[e2e][scan]") {
  scanned_sites sites;
  const auto& here = sites.here();
  const std::vector<std::string> odd{"new\nline",           "quote'\"\\", "sp ace/\xff\xfe",
                                     std::string(255, 'n'), "%41",        "-rf"};
  for (const auto& name : odd)
    sites.put(name, "content of " + name);
  fs::create_symlink("base/0/0", here / "link");
  fs::create_symlink("/nowhere/at all", here / "dangling");
  fs::create_directory_symlink("base", here / "link to folder");
  fs::permissions(here / "base/1/1", fs::perms{0751});
  ::mkfifo((here / "pipe").c_str(), 0600);
  sites.begin();
  CHECK(sites.primary.number("/types/0/unsupported_count") == 1);
  CHECK(sites.primary.number("/types/0/scan/files") == 300 + 6 + 3);
  const auto listed = sites.primary.command({"list", "manual", "--unsupported"});
  CHECK(listed.code == 0);
  CHECK(listed.out.find("pipe") != std::string::npos);
  CHECK_FALSE(fs::exists(fs::symlink_status(sites.far() / "pipe")));

  SECTION("a change is there in a moment") {
    std::vector<std::chrono::milliseconds> took;
    for (int i = 0; i < 10; ++i) {
      const auto began = std::chrono::steady_clock::now();
      const auto text = "version " + std::to_string(i);
      sites.put("live", text);
      CHECK(eventually([&] { return sites.there("live", "manual") == text; }));
      took.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(
          std::chrono::steady_clock::now() - began));
    }
    std::sort(took.begin(), took.end());
    WARN("from the write at one site to the file at the other: median " << took[5].count()
                                                                        << " ms");
    CHECK(took[0] < 1s);
  }
  SECTION("changed, deleted, renamed, touched") {
    sites.put("base/0/0", "changed");
    fs::remove(here / "base/2/2");
    fs::rename(here / "base/3/3", here / "base/3/renamed");
    sites.put("folder/one", "1");
    sites.put("folder/two", "2");
    CHECK(sites.become_equal());
    fs::rename(here / "folder", here / "other folder");
    CHECK(sites.become_equal());
    fs::permissions(here / "base/4/4", fs::perms{0600});
    const timespec times[2]{{0, UTIME_OMIT}, {1'000'000'000, 123'456'789}};
    REQUIRE(::utimensat(AT_FDCWD, (here / "base/5/5").c_str(), times, 0) == 0);
    CHECK(sites.become_equal());
    CHECK(sites.wait(60, true).code == 0);
    for (const auto& name : odd)
      fs::rename(here / name, here / name.substr(0, 200).append(" moved"));
    CHECK(sites.become_equal());
  }
  SECTION("files, links and folders take each other's places") {
    for (int round = 0; round < 2; ++round) {
      fs::remove_all(here / "x");
      sites.put("x/inner/file", "in a folder");
      CHECK(sites.become_equal());
      fs::remove_all(here / "x");
      fs::create_symlink("base", here / "x");
      CHECK(sites.become_equal());
      fs::remove_all(here / "x");
      sites.put("x", "base"); // the link's very text
      CHECK(sites.become_equal());
    }
    fs::remove(here / "link");
    fs::create_symlink("elsewhere", here / "link");
    CHECK(sites.become_equal());
  }
}

TEST_CASE("a scanned folder that did not change causes no event, also over a restart",
          "[e2e][scan]") {
  scanned_sites sites;
  sites.begin();
  sites.scan(3); // young files may be told once more
  REQUIRE(sites.verified());
  const auto events = sites.events();
  sites.scan(2);
  CHECK(sites.events() == events);
  CHECK(sites.primary.stop() == 0);
  sites.put("while away", "1");
  fs::remove(sites.here() / "base/0/0");
  sites.primary.start();
  CHECK(sites.become_equal());
  CHECK(sites.wait(60, true).code == 0);
  // One created and one deleted; the new file is young, and may be told twice, each time with its
  // checksum behind it.
  CHECK(sites.events() <= events + 5);
}

TEST_CASE("half of a scanned folder is not removed before somebody approves", "[e2e][scan]") {
  scanned_sites sites;
  sites.begin();
  for (int i = 0; i < 300; i += 2)
    fs::remove(sites.here() / "base" / std::to_string(i % 7) / std::to_string(i));
  sites.put("new", "goes on");
  CHECK(eventually([&] { return sites.there("new", "manual") == "goes on"; }));
  // What went before the wave was seen to be one is a few at most.
  CHECK(eventually(
      [&] { return sites.primary.number("/types/0/scan/held_removals_count") >= 150 - 15; }));
  REQUIRE(sites.ask("recheck", {{"type", "manual"}}));
  sites.scan(1);
  const auto held = sites.primary.number("/types/0/scan/held_removals_count");
  const auto status = sites.primary.command({"status"});
  CHECK(status.out.find("farshore approve manual") != std::string::npos);
  CHECK(status.out.find(std::to_string(held) + " are gone at once") != std::string::npos);
  CHECK(sites.wait(60, true).code == 0);
  CHECK(contents(sites.far()).size() == static_cast<std::size_t>(151 + held));

  CHECK_FALSE(sites.ask("approve", {{"type", "no such type"}}));
  CHECK_FALSE(sites.ask("recheck", {{"type", "no such type"}}));
  const auto approved = sites.ask("approve", {{"type", "manual"}});
  REQUIRE(approved);
  CHECK(approved->at("approved").to_number<std::int64_t>() == held);
  CHECK(sites.become_equal());
  CHECK(eventually([&] { return sites.primary.number("/types/0/scan/held_removals_count") == 0; }));
}

TEST_CASE("scanned types come and go with a reload", "[e2e][scan]") {
  scanned_sites sites{40};
  fs::create_directories(sites.primary.store("second"));
  std::ofstream{sites.primary.store("second") / "file"} << "of the second";
  sites.begin();
  auto both = scanned;
  both.push_back({.name = "second", .table = "", .more = "scan = \"1s\"\n"});
  sites.declare(both);
  sites.primary.reload();
  sites.secondary.reload();
  CHECK(eventually([&] { return sites.there("file", "second") == "of the second"; }));
  sites.put("still", "watched");
  CHECK(eventually([&] { return sites.there("still", "manual") == "watched"; }));
  sites.declare({both[1]});
  sites.primary.reload();
  sites.secondary.reload();
  std::ofstream{sites.primary.store("second") / "file"} << "changed";
  CHECK(eventually([&] { return sites.there("file", "second") == "changed"; }));
  CHECK(sites.there("still", "manual") == "watched");
  CHECK_FALSE(sites.ask("recheck", {{"type", "manual"}}));
}

} // namespace farshore::test
