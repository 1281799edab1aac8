// What only the real file operations can get wrong: which flushes they ask of the kernel, rights,
// odd file systems, and attackers who exchange folders for links.

#include "tests/strategies/blob_site.hpp"
#include "tests/strategies/stores.hpp"
#include "tests/strategies/syscall_log.hpp"

#include <atomic>
#include <cerrno>
#include <fstream>
#include <thread>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace farshore;
using namespace farshore::test;

namespace {

using lines = std::vector<std::string>;

/// A secondary's blob store over real folders.
struct real_site {
  kernel_store store;
  fake_time time;
  replicable_type type = [] {
    replicable_type t;
    t.name = "doc";
    t.strategy = "blob";
    return t;
  }();
  std::shared_ptr<strategy> blobs = *make_strategy(type, time, store.files);
  claim_token tokens = 0;

  real_site() { REQUIRE(blobs->prepare()); }

  std::shared_ptr<sync_job> job(const std::string& locator) {
    auto made = std::make_shared<sync_job>();
    made->token = ++tokens;
    made->id = {"doc", tokens};
    made->locator = encode_locator(locator);
    made->held = std::make_shared<lease>(time.now() + std::chrono::hours{1});
    return made;
  }

  placement fetched(const std::string& locator, std::string_view content,
                    const file_attributes& attributes = {}) {
    placement entry;
    entry.job = job(locator);
    entry.from = *blobs->receive(entry.job);
    entry.from->offer();
    REQUIRE(entry.from->begin(0, content.size(), attributes));
    REQUIRE(entry.from->write(bytes_of(content)));
    REQUIRE(entry.from->finish());
    return entry;
  }

  std::vector<placement> place(const lines& locators, std::string_view content = "content") {
    std::vector<placement> batch;
    for (const auto& locator : locators)
      batch.push_back(fetched(locator, content));
    blobs->place(batch);
    return batch;
  }

  result<void> remove(const std::string& locator) {
    std::vector<removal> batch(1);
    batch[0].job = job(locator);
    batch[0].locators = {encode_locator(locator)};
    blobs->remove(batch);
    return batch[0].done;
  }

  /// The log's lines with paths relative to the store.
  lines take(syscall_log& log) const {
    auto all = log.take();
    for (auto& line : all)
      if (const auto at = line.find(store.root.string()); at != std::string::npos)
        line.replace(at, store.root.string().size(), "ROOT");
    return all;
  }
};

} // namespace

TEST_CASE("one file: its bytes, its name, and every folder on the way that is not known to be safe",
          "[linux_files][flush]") {
  real_site site;
  syscall_log log;
  site.place({"a/b/f"});
  CHECK(site.take(log) == lines{"fsync ROOT/.farshore/tmp/doc-1-1.new", "rename f",
                                "fsync ROOT/a/b", "fsync ROOT/a", "fsync ROOT"});
  site.place({"a/b/g"});
  CHECK(site.take(log) ==
        lines{"fsync ROOT/.farshore/tmp/doc-2-2.new", "rename g", "fsync ROOT/a/b"});
  site.place({"a/c/h"});
  CHECK(site.take(log) == lines{"fsync ROOT/.farshore/tmp/doc-3-3.new", "rename h",
                                "fsync ROOT/a/c", "fsync ROOT/a"});
}

TEST_CASE("a folder that was removed and made again is not known to be safe",
          "[linux_files][flush]") {
  real_site site;
  syscall_log log;
  site.place({"a/b/f"});
  site.take(log);
  SECTION("by us") {
    REQUIRE(site.remove("a/b/f"));
    CHECK(site.take(log) == lines{"unlink f", "rmdir b", "rmdir a", "fsync ROOT"});
  }
  SECTION("by somebody else") {
    std::filesystem::remove_all(site.store.root / "a");
    std::filesystem::create_directories(site.store.root / "a/b");
  }
  site.place({"a/b/g"});
  CHECK(site.take(log) == lines{"fsync ROOT/.farshore/tmp/doc-" + std::to_string(site.tokens) +
                                    "-" + std::to_string(site.tokens) + ".new",
                                "rename g", "fsync ROOT/a/b", "fsync ROOT/a", "fsync ROOT"});
}

TEST_CASE("a large file is flushed by the descriptor that wrote it", "[linux_files][flush]") {
  real_site site;
  syscall_log log;
  site.place({"f"}, random_text(100'000, 1));
  CHECK(site.take(log) == lines{"fsync ROOT/.farshore/tmp/doc-1-1.part", "rename f", "fsync ROOT"});
}

TEST_CASE("a batch: all bytes, then all names, then all of them safe", "[linux_files][flush]") {
  real_site site;
  syscall_log log;
  site.place({"a/1", "a/2", "b/3", "4", "c/d/5"});
  CHECK(site.take(log) == lines{"syncfs ROOT", "rename 1", "rename 2", "rename 3", "rename 4",
                                "rename 5", "syncfs ROOT"});
}

TEST_CASE("a flush that the kernel refuses is nobody's success", "[linux_files][flush]") {
  for (const bool many : {false, true})
    for (const std::string which : {"fsync", "syncfs"})
      for (const bool second : {false, true}) {
        CAPTURE(many, which, second);
        real_site site;
        syscall_log log;
        int flushes = 0;
        log.fault = [&](const std::string& line) {
          return line.starts_with(which) && flushes++ == (second ? 1 : 0) ? EIO : 0;
        };
        const auto batch = site.place(many ? lines{"1", "2", "3", "4", "5"} : lines{"1"});
        const bool hit = many == (which == "syncfs");
        for (const auto& one : batch) {
          CHECK(one.to.has_value() == !hit);
          if (hit)
            CHECK(one.to.error().code == ec::disk);
        }
        CHECK(site.store.content("1").has_value() == (!hit || second));
        CHECK(site.store.files->list_temps()->empty());
      }
}

TEST_CASE("the file system's refusals say what to do", "[linux_files]") {
  real_site site;
  syscall_log log;
  log.fault = [&](const std::string& line) { return line.starts_with("rename") ? EXDEV : 0; };
  auto batch = site.place({"f"});
  REQUIRE_FALSE(batch[0].to);
  CHECK(batch[0].to.error().code == ec::disk);
  CHECK(batch[0].to.error().message.find("one file system") != std::string::npos);
  log.fault = [&](const std::string& line) { return line.starts_with("fsync") ? ENOSPC : 0; };
  batch = site.place({"f"});
  REQUIRE_FALSE(batch[0].to);
  CHECK(batch[0].to.error().message.find("free some space") != std::string::npos);
}

TEST_CASE("a file system without RENAME_NOREPLACE will do", "[linux_files]") {
  real_site site;
  syscall_log log;
  log.fault = [&](const std::string& line) { return line.starts_with("rename") ? EINVAL : 0; };
  REQUIRE(site.place({"a/f"})[0].to);
  CHECK(site.store.content("a/f") == "content");
}

TEST_CASE("a folder that vanishes between its making and the rename is made again",
          "[linux_files]") {
  real_site site;
  syscall_log log;
  int renames = 0;
  log.fault = [&](const std::string& line) {
    if (line.starts_with("rename") && ++renames < 4)
      std::filesystem::remove_all(site.store.root / "a"); // another type of this store prunes
    return 0;
  };
  REQUIRE(site.place({"a/b/f"})[0].to);
  CHECK(renames == 4);
  CHECK(site.store.content("a/b/f") == "content");
}

TEST_CASE("mode and time arrive whatever the umask", "[linux_files]") {
  real_site site;
  const auto umask_before = ::umask(077);
  std::vector<placement> batch{site.fetched("f", "x", {0666, 1'700'000'000'123'456'789})};
  site.blobs->place(batch);
  ::umask(umask_before);
  REQUIRE(batch[0].to);
  const auto status = site.store.files->status("f");
  CHECK(status->mode == 0666);
  CHECK(status->mtime_ns == 1'700'000'000'123'456'789);
}

TEST_CASE("farshore's own folders are closed to others, and kept through a second start",
          "[linux_files][prepare]") {
  real_site site;
  struct stat own {};
  REQUIRE(::stat((site.store.root / ".farshore").c_str(), &own) == 0);
  CHECK((own.st_mode & 0777) == 0700);
  REQUIRE(::stat((site.store.root / ".farshore/tmp").c_str(), &own) == 0);
  CHECK((own.st_mode & 0777) == 0700);
  const auto mark = site.store.files->look()->mark;
  REQUIRE(mark);
  CHECK(mark->id.size() == 32);
  linux_files again{site.store.root};
  REQUIRE(again.prepare());
  CHECK(again.look()->mark == mark);
  kernel_store other;
  REQUIRE(other.files->prepare());
  CHECK(other.files->look()->mark->id != mark->id);
}

TEST_CASE("a look sees the folder at the store's path, not the one that is held open",
          "[linux_files][look]") {
  temporary_folder folder;
  const auto root = folder.path() / "store";
  linux_files files{root};
  REQUIRE(files.prepare());
  const auto before = *files.look();
  std::filesystem::rename(root, folder.path() / "aside");

  const auto absent = files.look();
  REQUIRE(absent);
  CHECK_FALSE(absent->there);
  CHECK(absent->device == before.device); // of the folder above

  std::filesystem::create_directory(root);
  const auto empty = *files.look();
  CHECK(empty.there);
  CHECK(empty.inode != before.inode);
  CHECK_FALSE(empty.mark);
}

TEST_CASE("what is no mark counts as none, and is replaced when the store is prepared",
          "[linux_files][look]") {
  temporary_folder folder;
  const auto own = folder.path() / ".farshore";
  std::filesystem::create_directory(own);
  for (const auto* text :
       {"", "\n", "alone", " 3", "id x", "id 3x", "id -1", "id 99999999999999999999"}) {
    CAPTURE(text);
    std::ofstream{own / "identity", std::ios::trunc} << text;
    linux_files files{folder.path()};
    CHECK_FALSE(files.look()->mark);
    REQUIRE(files.prepare());
    CHECK(files.look()->mark);
  }
}

TEST_CASE("a store that can't be made ready says why", "[linux_files][prepare]") {
  temporary_folder folder;
  SECTION("its parent is missing") {
    auto prepared = linux_files{folder.path() / "missing/store"}.prepare();
    REQUIRE_FALSE(prepared);
    CHECK(prepared.error().code == ec::disk);
    CHECK(prepared.error().message.find("missing/store") != std::string::npos);
  }
  SECTION("it is a file") {
    std::ofstream{folder.path() / "file"} << "x";
    CHECK_FALSE(linux_files{folder.path() / "file"}.prepare());
  }
  SECTION("its own folder is a link to elsewhere") {
    std::filesystem::create_directories(folder.path() / "store");
    std::filesystem::create_directories(folder.path() / "elsewhere");
    std::filesystem::create_symlink(folder.path() / "elsewhere", folder.path() / "store/.farshore");
    auto prepared = linux_files{folder.path() / "store"}.prepare();
    REQUIRE_FALSE(prepared);
    CHECK(std::filesystem::is_empty(folder.path() / "elsewhere"));
  }
  SECTION("it belongs to another user") {
    if (::geteuid() != 0)
      return; // only root can become another user
    ::chmod(folder.path().c_str(), 0755);
    std::filesystem::create_directories(folder.path() / "store");
    std::array<int, 2> pipe{};
    REQUIRE(::pipe(pipe.data()) == 0);
    const auto child = ::fork();
    if (child == 0) {
      if (::setgid(65'534) != 0 || ::setuid(65'534) != 0)
        ::_exit(1);
      auto prepared = linux_files{folder.path() / "store"}.prepare();
      const auto said = prepared ? std::string{"it worked"} : prepared.error().message;
      ::_exit(::write(pipe[1], said.data(), said.size()) < 0 ? 1 : 0);
    }
    std::array<char, 1000> said{};
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    const auto n = ::read(pipe[0], said.data(), said.size());
    REQUIRE(n > 0);
    const std::string message{said.data(), static_cast<std::size_t>(n)};
    CAPTURE(message);
    CHECK(message.find("(uid 65534)") != std::string::npos);
    CHECK(message.find((folder.path() / "store").string()) != std::string::npos);
  }
}

TEST_CASE("a store that is not there is unreadable, not empty", "[linux_files]") {
  temporary_folder folder;
  fake_time time;
  replicable_type type;
  type.strategy = "blob";
  type.store = folder.path() / "store";
  auto blobs = *make_strategy(type, time);
  CHECK(blobs->open("f").error().code == ec::unreadable_on_primary);
  // It appears while the node runs.
  std::filesystem::create_directories(type.store);
  CHECK(blobs->open("f").error().code == ec::missing_on_primary);
  CHECK_FALSE(std::filesystem::exists(type.store / ".farshore"));
}

TEST_CASE("a deleted temporary folder is said, and nothing is lost", "[linux_files]") {
  real_site site;
  std::filesystem::remove_all(site.store.root / ".farshore");
  auto file = site.store.files->create_temp("x");
  REQUIRE_FALSE(file);
  CHECK(file.error().code == ec::disk);
}

TEST_CASE("devices and sockets are refused, and not waited for", "[linux_files][hostile]") {
  real_site site;
  site.store.put_pipe("pipe");
  auto names = lines{"pipe"};
  if (::mknod((site.store.root / "null").c_str(), S_IFCHR | 0600, 1 << 8 | 3) == 0)
    names.emplace_back("null");
  for (const auto& name : names) {
    CHECK(site.blobs->open(name).error().code == ec::bad_locator);
    CHECK_FALSE((*site.blobs->receive(site.job(name)))->offer());
    CHECK(site.remove(name).error().code == ec::bad_locator);
    auto into = *site.blobs->receive(site.job(name));
    into->offer();
    CHECK(into->begin(0, 1, {}).error().code == ec::bad_locator);
    CHECK(site.store.files->status(name)->kind == file_kind::other);
  }
}

TEST_CASE("a locator that leads out of its store is refused before any file is touched",
          "[linux_files][hostile]") {
  real_site site;
  const std::string nul("a\0b", 3);
  for (const std::string& locator :
       {std::string{".."}, std::string{"../x"}, std::string{"a/../../x"},
        std::string{"/etc/passwd"}, std::string{"a/./b"}, std::string{"."}, std::string{""},
        std::string{"a//b"}, std::string{"a/"}, std::string{".farshore/tmp/x"},
        std::string{".farshore"}, nul, std::string(256, 'x'), std::string(4096, 'x')}) {
    CAPTURE(locator);
    auto into = site.blobs->receive(site.job(locator));
    REQUIRE_FALSE(into);
    CHECK(into.error().code == ec::bad_locator);
    CHECK(site.blobs->open(encode_locator(locator)).error().code == ec::bad_locator);
    CHECK(site.blobs->checksum_of(encode_locator(locator), nullptr).error().code ==
          ec::bad_locator);
    CHECK(site.remove(locator));
  }
  CHECK(site.store.files->look()->mark);
}

TEST_CASE("links in the way are refused by name, and their targets stay as they are",
          "[linux_files][hostile]") {
  real_site site;
  const auto target = site.store.outside.path() / "target";
  std::filesystem::create_directories(target);
  std::ofstream{target / "file"} << "theirs";
  std::filesystem::create_directories(site.store.root / "mid");
  std::filesystem::create_symlink(target, site.store.root / "top");
  std::filesystem::create_symlink(target, site.store.root / "mid/dle");
  std::filesystem::create_symlink(target / "file", site.store.root / "end");
  std::filesystem::create_symlink("file", site.store.root / "dangling");
  for (const std::string locator :
       {"top/file", "top/new/file", "mid/dle/file", "end", "dangling"}) {
    CAPTURE(locator);
    CHECK(site.blobs->open(locator).error().code == ec::bad_locator);
    auto job = site.job(locator);
    auto into = *site.blobs->receive(job);
    CHECK_FALSE(into->offer());
    auto begun = into->begin(0, 1, {});
    REQUIRE_FALSE(begun);
    CHECK(begun.error().code == ec::bad_locator);
    CHECK(begun.error().message.find("symbolic link") != std::string::npos);
    CHECK(site.remove(locator).error().code == ec::bad_locator);
  }
  auto refused = site.blobs->open("mid/dle/file");
  CHECK(refused.error().message.find("\"mid/dle\"") != std::string::npos);
  std::ifstream in{target / "file"};
  CHECK(std::string{std::istreambuf_iterator<char>{in}, {}} == "theirs");
  CHECK(std::distance(std::filesystem::directory_iterator{target}, {}) == 1);
}

TEMPLATE_TEST_CASE("a folder that is exchanged for a link, again and again, leads nobody out",
                   "[linux_files][hostile]", kernel_store, walked_store) {
  TestType store;
  auto& files = *store.files;
  REQUIRE(files.prepare());
  const auto target = store.outside.path() / "target";
  std::filesystem::create_directories(target);
  std::ofstream{target / "secret"} << "theirs";
  store.put("d/secret", "ours");
  std::filesystem::create_symlink(target, store.root / "link");

  std::atomic<bool> over{false};
  std::thread attacker{[&] {
    const auto d = store.root / "d";
    const auto link = store.root / "link";
    while (!over)
      ::renameat2(AT_FDCWD, d.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE);
  }};
  std::size_t refused = 0;
  std::size_t placed = 0;
  std::array<char, 16> read{};
  // Until both ways have been met often enough.
  for (int i = 0; i < 200'000 && (refused < 200 || placed < 200); ++i) {
    if (auto file = files.open("d/secret")) {
      const auto n = (*file)->read(0, std::as_writable_bytes(std::span{read}));
      CHECK(std::string_view{read.data(), *n} == "ours");
    }
    REQUIRE(files.create_temp("x"));
    auto renamed = files.rename_temp("x", "d/new");
    renamed ? ++placed : ++refused;
    if (!renamed)
      CHECK(renamed.error().code == ec::bad_locator);
    auto deeper = files.remove("d/new");
    REQUIRE(files.remove_temp("x"));
    REQUIRE(files.flush_all());
  }
  over = true;
  attacker.join();
  CHECK(refused > 0);
  CHECK(placed > 0);
  CHECK(std::distance(std::filesystem::directory_iterator{target}, {}) == 1);
  CHECK(std::filesystem::exists(target / "secret"));
}

TEST_CASE("a thousand files by way of many threads come to lie as they were sent",
          "[linux_files]") {
  real_site site;
  constexpr int threads = 4;
  constexpr int each = 250;
  std::vector<std::vector<placement>> batches(threads);
  std::vector<std::shared_ptr<sync_job>> jobs;
  for (int i = 0; i < threads * each; ++i)
    jobs.push_back(site.job("d" + std::to_string(i % 7) + "/" + std::to_string(i)));
  auto content = [](int i) {
    return random_text(static_cast<std::size_t>(i * 97) % 70'000, static_cast<std::uint64_t>(i));
  };
  std::vector<std::thread> running;
  std::atomic<int> failures{0};
  for (int t = 0; t < threads; ++t)
    running.emplace_back([&, t] {
      for (int i = t; i < threads * each; i += threads) {
        const auto& job = jobs[static_cast<std::size_t>(i)];
        auto into = *site.blobs->receive(job);
        into->offer();
        const auto bytes = content(i);
        if (!into->begin(0, bytes.size(), {}) || !into->write(bytes_of(bytes)) || !into->finish())
          ++failures;
        batches[static_cast<std::size_t>(t)].push_back({job, into});
      }
      site.blobs->place(batches[static_cast<std::size_t>(t)]);
    });
  for (auto& one : running)
    one.join();
  CHECK(failures == 0);
  for (const auto& batch : batches)
    for (const auto& one : batch)
      CHECK(one.to);
  for (int i = 0; i < threads * each; i += 13)
    CHECK(site.store.content("d" + std::to_string(i % 7) + "/" + std::to_string(i)) == content(i));
}
