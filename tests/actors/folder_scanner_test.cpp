// A folder scanner over a real folder, with a table in memory and a watch that the test holds.

#include "actors/folder_scanner.hpp"
#include "strategies/repository/repository_view.hpp"
#include "tests/strategies/git_repository.hpp"
#include "tests/strategies/stores.hpp"
#include "tests/support/actor_fixture.hpp"

#include <fstream>
#include <map>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

using paths = std::vector<std::string>;

/// What the registry would keep.
struct fake_tables {
  std::map<std::string, scanned_row> rows;
  std::int64_t ids = 0;
  /// Messages that changed something, and pages that were read.
  int changes = 0;
  int pages = 0;
  int lookups = 0;
  /// "+a", "~a", "-a": what happened, in order.
  paths log;
  scan_report report;
};

scan_tables_actor::behavior_type play_tables(scan_tables_actor::pointer,
                                             std::shared_ptr<fake_tables> fake) {
  return {
      [=](const scan_page_request& asked) -> result<scanned_page> {
        ++fake->pages;
        scanned_page page;
        for (auto at = fake->rows.upper_bound(asked.after);
             at != fake->rows.end() && at->first < asked.until && page.rows.size() < asked.limit;
             ++at)
          page.rows.push_back(at->second);
        page.last = page.rows.size() < asked.limit;
        return page;
      },
      [=](const scan_lookup& asked) -> result<std::vector<scanned_place>> {
        ++fake->lookups;
        std::vector<scanned_place> out;
        for (const auto& path : asked.paths) {
          scanned_place place;
          if (const auto there = fake->rows.find(path); there != fake->rows.end())
            place.row = there->second;
          const auto beneath = fake->rows.lower_bound(path + "/");
          place.has_beneath = beneath != fake->rows.end() && beneath->first.starts_with(path + "/");
          out.push_back(place);
        }
        return out;
      },
      [=](const scan_change& change) -> result<done> {
        ++fake->changes;
        for (const auto id : change.differences.gone)
          std::erase_if(fake->rows, [&](const auto& one) {
            if (one.second.id == id)
              fake->log.push_back("-" + one.first);
            return one.second.id == id;
          });
        for (const auto& row : change.differences.changed) {
          fake->log.push_back("~" + row.file.path);
          fake->rows[row.file.path] = row;
        }
        for (const auto& file : change.differences.created)
          if (fake->rows.emplace(file.path, scanned_row{++fake->ids, file}).second)
            fake->log.push_back("+" + file.path);
        return done{};
      },
      [=](const scan_report& now) { fake->report = now; },
  };
}

/// A watch that tells what the test has put into it.
struct held_news {
  folder_news next;
  std::vector<std::string> watched;
  bool full = false;
};

class held_watch final : public folder_watch {
public:
  explicit held_watch(std::shared_ptr<held_news> news) : news_{std::move(news)} {}
  result<void> add(const std::string& path, int) override {
    if (news_->full)
      return fail(ec::disk, "no more watches");
    news_->watched.push_back(path);
    return {};
  }
  folder_news read() override { return std::exchange(news_->next, {}); }

private:
  std::shared_ptr<held_news> news_;
};

/// The actors' clock; what people call now is the test's.
class split_time final : public time_source {
public:
  explicit split_time(const time_source& steady) : steady_{steady} {}
  [[nodiscard]] steady_time now() const override { return steady_.now(); }
  [[nodiscard]] wall_time wall() const override { return wall_now; }
  /// Long after every file of the test was made.
  wall_time wall_now = std::chrono::system_clock::now() + std::chrono::hours{1};

private:
  const time_source& steady_;
};

class scanner_fixture : public actor_fixture {
public:
  void start() {
    folder_scanner_parts with;
    with.type = "manual";
    with.folder = folder.path();
    with.period = 30s;
    with.tables = tables_actor;
    with.time = &clock;
    with.view = view;
    with.open_watch = [this](const fs::path&) -> result<std::unique_ptr<folder_watch>> {
      if (!watchable)
        return fail(ec::disk, "it lies on nfs");
      return std::make_unique<held_watch>(news);
    };
    scanner = spawn(folder_scanner, std::move(with));
    pass(100ms);
  }
  void pass(std::chrono::milliseconds duration) {
    deliver_all();
    for (; duration > 0ms; duration -= 50ms)
      advance(50ms);
  }
  void put(const std::string& path, const std::string& bytes = "x") const {
    fs::create_directories((folder.path() / path).parent_path());
    std::ofstream{folder.path() / path, std::ios::binary} << bytes;
  }
  void put_many(int n) const {
    for (int i = 0; i < n; ++i)
      put("many/" + std::to_string(i));
  }
  void remove(const std::string& path) const { fs::remove_all(folder.path() / path); }
  /// As the system tells of it; and the time that it takes.
  void tell(const paths& of) {
    news->next.paths = of;
    pass(150ms);
  }
  paths log() { return std::exchange(tables->log, {}); }

  temporary_folder folder;
  std::shared_ptr<fake_tables> tables = std::make_shared<fake_tables>();
  scan_tables_actor tables_actor = spawn(play_tables, tables);
  std::shared_ptr<held_news> news = std::make_shared<held_news>();
  split_time clock{time};
  bool watchable = true;
  std::shared_ptr<const folder_view> view = std::make_shared<file_view>();
  folder_scanner_actor scanner;
};

class repositories_fixture : public scanner_fixture {
public:
  repositories_fixture() { view = std::make_shared<repository_view>(); }
  git_repository make(const std::string& path) const {
    fs::create_directories((folder.path() / path).parent_path());
    return git_repository::init(folder.path() / path);
  }
};

} // namespace

TEST_CASE_METHOD(scanner_fixture, "the first scan takes what is there, the next writes nothing",
                 "[folder_scanner]") {
  put("b/c");
  put("a");
  fs::create_symlink("a", folder.path() / "link");
  start();
  CHECK(log() == paths{"+a", "+b/c", "+link"});
  CHECK(tables->rows.at("link").file.kind == scanned_kind::link);
  CHECK(tables->report.files == 3);
  CHECK(tables->report.not_watched.empty());
  CHECK(news->watched == paths{"", "b"});
  const auto changes = tables->changes;
  const auto pages = tables->pages;
  pass(31s);
  CHECK(tables->pages > pages);
  CHECK(tables->changes == changes);
}

TEST_CASE_METHOD(scanner_fixture, "a change that is told is looked at at once, and nothing else",
                 "[folder_scanner]") {
  put("a", "old");
  put("b", "old");
  put("c", "old");
  start();
  log();
  const auto pages = tables->pages;
  put("a", "longer");
  put("b", "longer");
  put("new");
  remove("c");
  tell({"a", "a", "new", "c"});
  CHECK(log() == paths{"-c", "~a", "+new"});
  CHECK(tables->lookups == 1);
  CHECK(tables->pages == pages);
  pass(30s);
  CHECK(log() == paths{"~b"});
}

TEST_CASE_METHOD(scanner_fixture, "folders that come, go and become files are looked through",
                 "[folder_scanner]") {
  for (int i = 0; i < 20; ++i)
    put("stay/" + std::to_string(i));
  put("x/1");
  put("x/y/2");
  start();
  log();
  fs::rename(folder.path() / "x", folder.path() / "z");
  put("x", "a file now");
  tell({"x", "z"});
  auto happened = log();
  std::sort(happened.begin(), happened.end());
  CHECK(happened == paths{"+x", "+z/1", "+z/y/2", "-x/1", "-x/y/2"});
  CHECK(std::count(news->watched.begin(), news->watched.end(), "z/y") == 1);
  remove("x");
  put("x/again");
  tell({"x", "x/again"});
  CHECK(log() == paths{"-x", "+x/again"});
}

TEST_CASE_METHOD(scanner_fixture, "an overflow of the watch means a whole scan",
                 "[folder_scanner]") {
  put("a");
  start();
  log();
  put("b");
  news->next.everything = true;
  pass(150ms);
  CHECK(log() == paths{"+b"});
}

TEST_CASE_METHOD(scanner_fixture, "where nothing can be watched the scans find it, and say why",
                 "[folder_scanner]") {
  SECTION("the file system tells nothing") {
    watchable = false;
  }
  SECTION("there are more folders than watches") {
    news->full = true;
  }
  start();
  CHECK_FALSE(tables->report.not_watched.empty());
  put("a");
  pass(29s);
  CHECK(log().empty());
  pass(2s);
  CHECK(log() == paths{"+a"});
  put("b");
  watchable = true;
  news->full = false;
  caf::anon_send(scanner, atom::recheck_v);
  pass(150ms);
  CHECK(log() == paths{"+b"});
  CHECK(tables->report.not_watched.empty());
}

TEST_CASE_METHOD(scanner_fixture, "a change that leaves size and times as they were is not missed",
                 "[folder_scanner]") {
  put("quiet");
  start();
  log();
  put("racy");
  const auto made = fs::last_write_time(folder.path() / "racy");
  struct stat there {};
  REQUIRE(::stat((folder.path() / "racy").c_str(), &there) == 0);
  const auto ctime =
      std::chrono::seconds{there.st_ctim.tv_sec} + std::chrono::nanoseconds{there.st_ctim.tv_nsec};
  const auto to_wall = [](std::chrono::nanoseconds t) {
    return wall_time{std::chrono::duration_cast<wall_time::duration>(t)};
  };
  // Looked at in the same tick of the clock in which it was written: another write in that tick
  // could not be seen.
  clock.wall_now = to_wall(ctime + 1ms);
  tell({"racy"});
  CHECK(log() == paths{"+racy"});
  CHECK_FALSE(tables->rows.at("racy").file.settled);
  CHECK(fs::last_write_time(folder.path() / "racy") == made);
  clock.wall_now = to_wall(ctime + 2100ms);
  pass(2100ms);
  CHECK(log() == paths{"~racy"});
  CHECK(tables->rows.at("racy").file.settled);
  pass(40s);
  CHECK(log().empty());
}

TEST_CASE_METHOD(scanner_fixture, "a wave of removals waits, what is new goes on, approval lets go",
                 "[folder_scanner]") {
  const bool by_watch = GENERATE(true, false);
  put_many(100);
  put("keep");
  start();
  log();
  paths told;
  for (int i = 0; i < 50; ++i) {
    remove("many/" + std::to_string(i));
    told.push_back("many/" + std::to_string(i));
  }
  put("new");
  told.push_back("new");
  if (by_watch)
    tell(told);
  pass(31s);
  CHECK(log() == paths{"+new"});
  CHECK(tables->report.held == 50);
  CHECK(tables->report.held_of == 101 + (by_watch ? 1 : 0));
  put("newer");
  remove("many/60");
  tell({"newer", "many/60"});
  CHECK(log() == paths{"+newer"});
  pass(5min);
  CHECK(tables->report.held == 51);
  CHECK(log().empty());
  CHECK(*ask<result<std::size_t>>(scanner, atom::approve_v)->value == 51u);
  pass(200ms);
  CHECK(log().size() == 51);
  CHECK(tables->report.held == 0);
  CHECK(*ask<result<std::size_t>>(scanner, atom::approve_v)->value == 0u);
}

TEST_CASE_METHOD(scanner_fixture, "what was held and comes back is not held any more",
                 "[folder_scanner]") {
  put_many(40);
  start();
  log();
  fs::rename(folder.path() / "many", folder.path().string() + ".away");
  pass(31s);
  CHECK(tables->report.held == 40);
  fs::rename(folder.path().string() + ".away", folder.path() / "many");
  pass(31s);
  CHECK(tables->report.held == 0);
  CHECK(tables->rows.size() == 40);
}

TEST_CASE_METHOD(scanner_fixture, "a root that is gone or empty removes nothing",
                 "[folder_scanner]") {
  put("a");
  start();
  log();
  const auto away = folder.path().string() + ".away";
  fs::rename(folder.path(), away);
  SECTION("gone") {
    tell({"a"});
    pass(31s);
    CHECK(tables->report.trouble.find("nothing is taken for deleted") != std::string::npos);
  }
  SECTION("empty") {
    fs::create_directory(folder.path());
    pass(31s);
    CHECK(tables->report.held == 1);
    fs::remove(folder.path());
  }
  CHECK(log().empty());
  fs::rename(away, folder.path());
  pass(31s);
  CHECK(tables->report.trouble.empty());
  CHECK(tables->report.held == 0);
  CHECK(log().empty());
}

TEST_CASE_METHOD(scanner_fixture, "pipes are counted and listed, and go from the list with them",
                 "[folder_scanner]") {
  put("a");
  ::mkfifo((folder.path() / "pipe").c_str(), 0600);
  start();
  CHECK(tables->report.unsupported == 1);
  REQUIRE(tables->report.unsupported_list->size() == 1);
  CHECK(tables->report.unsupported_list->front().path == "pipe");
  fs::create_directory(folder.path() / "d");
  ::mkfifo((folder.path() / "d/pipe").c_str(), 0600);
  tell({"d", "d/pipe"});
  CHECK(tables->report.unsupported == 2);
  remove("d");
  tell({"d"});
  CHECK(tables->report.unsupported == 1);
  remove("pipe");
  pass(31s);
  CHECK(tables->report.unsupported == 0);
}

TEST_CASE_METHOD(scanner_fixture, "many files that did not change cost no message but for pages",
                 "[folder_scanner]") {
  for (int i = 0; i < 12'000; ++i)
    put("d" + std::to_string(i / 1000) + "/" + std::to_string(i));
  start();
  REQUIRE(tables->rows.size() == 12'000);
  const auto changes = tables->changes;
  const auto lookups = tables->lookups;
  tables->pages = 0;
  pass(31s);
  CHECK(tables->report.files == 12'000);
  CHECK(tables->pages == 3);
  CHECK(tables->changes == changes);
  CHECK(tables->lookups == lookups);
}

TEST_CASE_METHOD(repositories_fixture,
                 "repositories are found, and what did not change writes nothing",
                 "[folder_scanner][repository]") {
  make("one.git");
  const auto two = make("group/two.git");
  two.commit("first");
  put("notes.txt");
  start();
  CHECK(log() == paths{"+group/two.git", "+one.git"});
  CHECK(tables->rows.at("one.git").file.kind == scanned_kind::repository);
  CHECK(tables->report.files == 2);
  CHECK(tables->report.unsupported == 1);
  const auto changes = tables->changes;
  const auto pages = tables->pages;
  // What leaves its refs as they are is no change.
  two.git("repack -adq");
  two.git("pack-refs --all");
  put("one.git/objects/info/packs");
  pass(31s);
  CHECK(tables->pages > pages);
  CHECK(tables->changes == changes);
}

TEST_CASE_METHOD(repositories_fixture, "a push without a hook is found by the next scan",
                 "[folder_scanner][repository]") {
  watchable = false;
  const auto one = make("one.git");
  make("two.git");
  one.commit("first");
  start();
  log();
  SECTION("a new commit") {
    one.commit("second");
  }
  SECTION("another default branch, at the same commit") {
    one.git("symbolic-ref HEAD refs/heads/other");
    one.git("update-ref refs/heads/other main");
    pass(31s);
    CHECK(log() == paths{"~one.git"});
    one.git("symbolic-ref HEAD refs/heads/main");
  }
  SECTION("a branch that is gone") {
    one.git("update-ref -d refs/heads/main");
  }
  pass(31s);
  CHECK(log() == paths{"~one.git"});
  pass(31s);
  CHECK(log().empty());
}

TEST_CASE_METHOD(repositories_fixture,
                 "what the watch tells within a repository is looked at there",
                 "[folder_scanner][repository]") {
  const auto one = make("g/one.git");
  make("g/two.git");
  start();
  log();
  const auto pages = tables->pages;
  CHECK(std::count(news->watched.begin(), news->watched.end(), "g/one.git/refs/heads") == 1);
  CHECK(std::count(news->watched.begin(), news->watched.end(), "g/one.git") == 1);
  CHECK(std::count(news->watched.begin(), news->watched.end(), "g/one.git/objects") == 0);
  one.commit("first", "topic/deep");
  tell({"g/one.git/refs/heads/topic", "g/one.git/refs/heads/topic/deep.lock"});
  CHECK(log() == paths{"~g/one.git"});
  CHECK(std::count(news->watched.begin(), news->watched.end(), "g/one.git/refs/heads/topic") == 1);
  CHECK(tables->pages == pages);
  CHECK(tables->lookups == 1);

  SECTION("one is made") {
    make("h/three.git");
    tell({"h"});
    CHECK(log() == paths{"+h/three.git"});
    CHECK(std::count(news->watched.begin(), news->watched.end(), "h/three.git/refs") == 1);
  }
  SECTION("one is renamed") {
    fs::rename(one.path(), folder.path() / "g/other.git");
    tell({"g/one.git", "g/other.git"});
    CHECK(log() == paths{"-g/one.git", "+g/other.git"});
  }
  SECTION("one is removed while others stay") {
    remove("g/one.git");
    tell({"g/one.git/HEAD", "g/one.git/refs", "g/one.git"});
    CHECK(log() == paths{"-g/one.git"});
  }
}

TEST_CASE_METHOD(repositories_fixture, "somebody may say where something has changed",
                 "[folder_scanner][repository]") {
  watchable = false;
  const auto one = make("one.git");
  start();
  log();
  one.commit("first");
  caf::anon_send(scanner, atom::look_v, std::string{"one.git"});
  pass(150ms);
  CHECK(log() == paths{"~one.git"});
}

TEST_CASE_METHOD(repositories_fixture, "a repository that is being made is one once it is whole",
                 "[folder_scanner][repository]") {
  start();
  put("new.git/description");
  tell({"new.git"});
  CHECK(log().empty());
  CHECK(tables->report.unsupported == 1);
  fs::create_directories(folder.path() / "new.git/objects");
  fs::create_directories(folder.path() / "new.git/refs/heads");
  tell({"new.git/objects", "new.git/refs"});
  CHECK(log().empty());
  CHECK(tables->report.unsupported == 0);
  put("new.git/HEAD", "ref: refs/heads/main\n");
  tell({"new.git/HEAD"});
  CHECK(log() == paths{"+new.git"});
}

TEST_CASE_METHOD(repositories_fixture, "a wave of repositories that are gone waits",
                 "[folder_scanner][repository]") {
  for (int i = 0; i < 12; ++i)
    make("g/" + std::to_string(i) + ".git");
  start();
  CHECK(log().size() == 12);
  fs::rename(folder.path() / "g", folder.path().string() + ".away");
  tell({"g"});
  pass(31s);
  CHECK(log().empty());
  CHECK(tables->report.held == 12);
  fs::rename(folder.path().string() + ".away", folder.path() / "g");
  pass(31s);
  CHECK(tables->report.held == 0);
  CHECK(log().empty());
}

TEST_CASE_METHOD(repositories_fixture, "a repository that lacks a part is not taken for deleted",
                 "[folder_scanner][repository]") {
  const auto damaged = make("damaged.git");
  for (int i = 0; i < 3; ++i)
    make(std::to_string(i) + ".git");
  start();
  CHECK(log().size() == 4);
  const auto part = GENERATE("HEAD", "objects", "refs");
  fs::rename(damaged.path() / part, folder.path().string() + ".part");
  tell({std::string{"damaged.git/"} + part, "damaged.git"});
  pass(31s);
  CHECK(log().empty());
  CHECK(tables->report.held == 0);
  CHECK(tables->report.closed == 1);
  CHECK_THAT(tables->report.first_closed, Catch::Contains("damaged.git"));
  fs::rename(folder.path().string() + ".part", damaged.path() / part);
  pass(31s);
  CHECK(log().empty());
  CHECK(tables->report.closed == 0);
}
