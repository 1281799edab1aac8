// The upkeep of mirrors by the machine's own git: many packs become few, nothing else changes, and
// it makes way for whoever needs the mirror.

#include "strategies/repository/upkeep.hpp"

#include "strategies/repository/refs.hpp"
#include "tests/strategies/repository_site.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <future>
#include <map>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t plenty = 1u << 30;

std::string hex_name(std::size_t number) {
  auto text = std::to_string(number);
  return std::string(40 - text.size(), '0') + text;
}

/// Copies one of the repository's packs until it has that many more: git takes them as any other.
void add_packs(const git_repository& repository, std::size_t count = packs_due) {
  const auto folder = repository.path() / "objects/pack";
  fs::path index;
  for (const auto& one : fs::directory_iterator{folder})
    if (one.path().extension() == ".idx")
      index = one.path();
  REQUIRE_FALSE(index.empty());
  for (std::size_t i = 0; i < count; ++i) {
    const auto copy = folder / ("pack-" + hex_name(i) + ".idx");
    if (fs::exists(copy))
      continue;
    fs::copy_file(fs::path{index}.replace_extension(".pack"),
                  fs::path{copy}.replace_extension(".pack"), fs::copy_options::overwrite_existing);
    fs::copy_file(index, copy);
  }
}

std::map<std::string, std::size_t> parts_of(const git_repository& repository) {
  std::map<std::string, std::size_t> counts;
  for (const auto& one : fs::directory_iterator{repository.path() / "objects/pack"})
    ++counts[one.path().extension().string()];
  return counts;
}

std::size_t packs_of(const git_repository& repository) {
  return parts_of(repository)[".pack"];
}

bool has_graph(const git_repository& repository) {
  return fs::exists(repository.path() / "objects/info/commit-graph");
}

/// A git that reads the repository's alternates waits for what is written here.
class stopper {
public:
  explicit stopper(const git_repository& repository)
      : path_{repository.path() / "objects/info/alternates"} {
    if (::mkfifo(path_.c_str(), 0600) != 0)
      throw std::runtime_error("no FIFO");
  }
  stopper(const stopper&) = delete;
  stopper& operator=(const stopper&) = delete;
  ~stopper() {
    unlink();
    ::close(fd_);
  }

  /// Until git waits there. From then on no other one does.
  void await_git() {
    while ((fd_ = ::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0 && errno == ENXIO)
      std::this_thread::yield();
    REQUIRE(fd_ >= 0);
    unlink();
  }

private:
  void unlink() const {
    std::error_code none;
    fs::remove(path_, none);
  }

  fs::path path_;
  int fd_ = -1;
};

struct upkeep_site : repository_site {
  git_repository git = init();
  git_repository kept = mirror();

  /// A mirror that has too many packs, and is known for it.
  void become_due() {
    git.commit("first");
    REQUIRE(sync());
    add_packs(kept);
    git.commit("second");
    REQUIRE(sync());
    REQUIRE(packs_of(kept) >= packs_due);
  }
  [[nodiscard]] unique_fd open_kept() const {
    const unique_fd store{::open(type.store.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    auto repository = open_repository(store.get(), "app.git");
    REQUIRE(repository);
    return std::move(*repository);
  }
  void check_good() const {
    CHECK(kept.refs() == git.refs());
    CHECK_NOTHROW(kept.git("fsck --full --strict 2>&1"));
    const auto sum = secondary->checksum_of("app.git", nullptr);
    const auto of_primary = primary->checksum_of("app.git", nullptr);
    REQUIRE(sum);
    CHECK(sum->sum == of_primary->sum);
  }
};

/// An upkeep that has begun, and does not end by itself.
class stuck_upkeep {
public:
  explicit stuck_upkeep(upkeep_site& site, const std::atomic<bool>* cancelled = nullptr)
      : stop_{std::make_unique<stopper>(site.kept)},
        more_{std::async(std::launch::async,
                         [&site, cancelled] { return site.secondary->keep_up(cancelled); })} {
    stop_->await_git();
  }
  stuck_upkeep(const stuck_upkeep&) = delete;
  stuck_upkeep& operator=(const stuck_upkeep&) = delete;
  ~stuck_upkeep() { stop_.reset(); } // before the thread is waited for

  [[nodiscard]] bool ends(std::chrono::seconds patience = 60s) const {
    return more_.wait_for(patience) == std::future_status::ready;
  }

private:
  std::unique_ptr<stopper> stop_;
  std::future<bool> more_;
};

} // namespace

TEST_CASE_METHOD(upkeep_site, "many fetches leave many packs, and upkeep makes one of them",
                 "[upkeep]") {
  CHECK_FALSE(secondary->keep_up(nullptr));
  for (std::size_t i = 0; i < packs_due; ++i) {
    git.commit(std::to_string(i));
    REQUIRE(sync());
    if (i + 1 < packs_due)
      CHECK_FALSE(secondary->keep_up(nullptr)); // not yet due
  }
  CHECK(packs_of(kept) == packs_due);
  CHECK_FALSE(secondary->keep_up(nullptr));
  CHECK(parts_of(kept) ==
        std::map<std::string, std::size_t>{{".pack", 1}, {".idx", 1}, {".bitmap", 1}});
  CHECK(has_graph(kept));
  CHECK_FALSE(fs::exists(kept.path() / "gc.pid"));
  CHECK_FALSE(fs::exists(kept.path() / "info"));
  check_good();
  CHECK(secondary->verify("app.git", nullptr));
  git.commit("further");
  REQUIRE(sync());
  check_good();
}

TEST_CASE_METHOD(upkeep_site, "mirrors are kept up one at a time", "[upkeep]") {
  become_due();
  init("b.git").commit("first");
  REQUIRE(sync(2, "b.git"));
  add_packs(mirror("b.git"));
  CHECK(secondary->verify("b.git", nullptr)); // finds it by its packs
  CHECK(secondary->keep_up(nullptr));
  CHECK(packs_of(kept) == 1);
  CHECK(packs_of(mirror("b.git")) > 1);
  CHECK_FALSE(secondary->keep_up(nullptr));
  CHECK(packs_of(mirror("b.git")) == 1);
}

TEST_CASE_METHOD(upkeep_site, "a mirror with a receiver at work is passed over", "[upkeep]") {
  become_due();
  git.commit("third");
  const auto what = job();
  {
    const auto receiving = fetch(what);
    REQUIRE(receiving);
    CHECK_FALSE(secondary->keep_up(nullptr));
    CHECK(packs_of(kept) >= packs_due);
  } // broken off
  CHECK_FALSE(secondary->keep_up(nullptr));
  CHECK(packs_of(kept) == 1);
}

TEST_CASE_METHOD(upkeep_site, "whoever needs a mirror that is being kept up breaks that off",
                 "[upkeep]") {
  become_due();
  SECTION("a fetch") {
    git.commit("third");
    stuck_upkeep running{*this};
    CHECK_FALSE(running.ends(0s));
    CHECK(sync());
    CHECK(running.ends());
    check_good();
    CHECK(packs_of(kept) >= packs_due);
    CHECK_FALSE(secondary->keep_up(nullptr)); // it stayed due
    CHECK(packs_of(kept) < 5);
  }
  SECTION("one that makes it anew") {
    stuck_upkeep running{*this};
    const auto forced = job();
    forced->force = true;
    CHECK(sync(forced));
    CHECK(running.ends());
    CHECK(packs_of(kept) == 1);
  }
  SECTION("a verification") {
    stuck_upkeep running{*this};
    CHECK(secondary->verify("app.git", nullptr));
    CHECK(running.ends());
  }
  SECTION("a removal") {
    stuck_upkeep running{*this};
    CHECK(remove());
    CHECK(running.ends());
    CHECK_FALSE(fs::exists(kept.path()));
    CHECK(leftovers() == 0);
    CHECK_FALSE(secondary->keep_up(nullptr));
    return;
  }
  check_good();
}

TEST_CASE_METHOD(upkeep_site, "upkeep ends soon when it is no longer wanted", "[upkeep]") {
  become_due();
  std::atomic<bool> cancelled{false};
  {
    stuck_upkeep running{*this, &cancelled};
    cancelled = true;
    CHECK(running.ends());
  }
  check_good();
  CHECK_FALSE(secondary->keep_up(nullptr));
  CHECK(packs_of(kept) < 5);
  check_good();
}

TEST_CASE_METHOD(upkeep_site, "wherever a gc is killed, the mirror is good, and the next one works",
                 "[upkeep]") {
  become_due();
  const auto parts = {"objects/pack", "objects/info"};
  for (const char* beginning : {"tmp_pack", ".tmp-", "tmp_bitmap", "tmp_idx", "commit-graph"}) {
    INFO(beginning);
    add_packs(kept);
    git.commit(beginning);
    REQUIRE(sync()); // now it is due
    std::atomic<bool> cancelled{false};
    auto running = std::async(std::launch::async, [&] { return secondary->keep_up(&cancelled); });
    const auto is_there = [&] {
      for (const char* part : parts)
        for (const auto& one : fs::directory_iterator{kept.path() / part})
          if (one.path().filename().string().starts_with(beginning))
            return true;
      return false;
    };
    while (running.wait_for(0s) != std::future_status::ready && !is_there())
      std::this_thread::yield();
    cancelled = true;
    running.get();
    check_good();
  }
  add_packs(kept);
  git.commit("last");
  REQUIRE(sync());
  secondary->keep_up(nullptr);
  CHECK(packs_of(kept) < 5);
  check_good();
}

TEST_CASE_METHOD(upkeep_site, "what a killed gc has left does not hinder the next", "[upkeep]") {
  become_due();
  const auto here = git_repository::shell("hostname");
  const std::map<std::string, std::string> left{
      {"gc.pid", std::to_string(::getpid()) + " " + here},
      {"gc.pid.lock", ""},
      {"objects/info/commit-graph.lock", ""},
      {"objects/info/commit-graph", "not even half of one"},
      {"objects/pack/multi-pack-index.lock", ""},
      {"objects/pack/tmp_pack_AbCdEf", "PACK"},
      {"objects/pack/.tmp-12-pack-" + hex_name(7) + ".pack", "PACK"},
      {"objects/pack/pack-" + hex_name(999) + ".idx", "the pack is gone already"},
      {"objects/pack/pack-" + hex_name(999) + ".bitmap", ""},
  };
  for (const auto& [name, text] : left)
    std::ofstream{kept.path() / name} << text;
  CHECK_FALSE(secondary->keep_up(nullptr));
  CHECK(packs_of(kept) == 1);
  CHECK(has_graph(kept));
  for (const auto& [name, text] : left)
    if (!name.ends_with("commit-graph"))
      CHECK_FALSE(fs::exists(kept.path() / name));
  check_good();
}

TEST_CASE_METHOD(upkeep_site, "objects of a forced push stay for two weeks", "[upkeep]") {
  const auto gone = git.commit("first");
  REQUIRE(sync());
  git.git("update-ref -d refs/heads/main");
  const auto main = git.commit("other");
  REQUIRE(sync());
  const auto has = [&](const std::string& oid) {
    try {
      kept.git("cat-file -e " + oid + " 2>&1");
      return true;
    } catch (const std::exception&) {
      return false;
    }
  };
  const auto keep_up = [&] {
    return keep_up_mirror(open_kept().get(), upkeep_kind::whole, plenty, [] { return false; });
  };
  REQUIRE(keep_up());
  CHECK(has(gone));
  CHECK(has(main));
  CHECK(parts_of(kept)[".mtimes"] == 1);
  check_good();
  const fs::directory_iterator objects{kept.path() / "objects"};
  CHECK(std::distance(begin(objects), end(objects)) == 2); // no loose ones
  REQUIRE(keep_up());                                      // their time goes on
  // Three weeks pass: it is the times that git has noted.
  fs::remove_all(kept.path() / "objects/pack");
  fs::copy(git.path() / "objects", kept.path() / "objects",
           fs::copy_options::recursive | fs::copy_options::skip_existing);
  fs::create_directories(kept.path() / "objects/pack");
  git_repository::shell("find '" + (kept.path() / "objects").string() +
                        "' -type f -exec touch -d '3 weeks ago' {} +");
  REQUIRE(has(gone));
  REQUIRE(keep_up());
  CHECK_FALSE(has(gone));
  CHECK(has(main));
  check_good();
}

TEST_CASE_METHOD(upkeep_site, "upkeep that fails changes nothing, and waits for the next fetch",
                 "[upkeep]") {
  become_due();
  SECTION("a pack is damaged") {
    for (const auto& one : fs::directory_iterator{kept.path() / "objects/pack"})
      if (one.path().extension() == ".pack") {
        fs::permissions(one.path(), fs::perms::owner_all);
        fs::resize_file(one.path(), 40);
      }
  }
  SECTION("its configuration would run a program") {
    std::ofstream{kept.path() / "config", std::ios::app}
        << "[gc]\n\trecentObjectsHook = touch " << (folder.path() / "ran").string() << '\n';
  }
  SECTION("it lies in part elsewhere") {
    fs::rename(kept.path() / "objects/pack", folder.path() / "elsewhere");
    fs::create_directory_symlink(folder.path() / "elsewhere", kept.path() / "objects/pack");
  }
  const auto refs = kept.refs();
  CHECK_FALSE(secondary->keep_up(nullptr));
  CHECK(packs_of(kept) >= packs_due);
  CHECK(kept.refs() == refs);
  CHECK_FALSE(fs::exists(folder.path() / "ran"));
  CHECK_FALSE(secondary->keep_up(nullptr));
}

TEST_CASE_METHOD(upkeep_site, "no upkeep where its copies might not fit", "[upkeep]") {
  become_due();
  const auto repository = open_kept();
  const auto packs = count_small_packs(repository.get());
  REQUIRE(packs);
  CHECK(packs->count == packs_of(kept));
  CHECK(packs->bytes > 0);
  const auto kind = GENERATE(upkeep_kind::whole, upkeep_kind::brief);
  const auto never = [] { return false; };
  const auto done = keep_up_mirror(repository.get(), kind, packs->bytes, never);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == ec::no_space);
  CHECK(packs_of(kept) == packs->count);
  CHECK(keep_up_mirror(repository.get(), kind, packs->bytes * 2, never));
  CHECK(packs_of(kept) == 1);
  check_good();
}
