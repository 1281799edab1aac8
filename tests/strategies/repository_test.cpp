// Repositories on both sides, by the machine's own git: what is mirrored equals what git says of
// the primary's, and whatever goes wrong leaves the old refs or the new ones.

#include "tests/strategies/repository_site.hpp"

#include "strategies/repository/fsck.hpp"
#include "strategies/repository/refs_header.hpp"

#include <atomic>
#include <fstream>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;

namespace {

/// The mirror has the primary's refs, and all that they need.
void check_equal(const git_repository& of_primary, const git_repository& mirror) {
  CHECK(mirror.refs() == of_primary.refs());
  CHECK_NOTHROW(mirror.git("fsck --full --strict --no-dangling 2>&1"));
}

void check_synced(const result<landed>& to) {
  INFO((to ? std::string{} : to.error().message));
  REQUIRE(to);
}

ec why_not(const result<landed>& to) {
  REQUIRE_FALSE(to);
  INFO(to.error().message);
  CHECK_FALSE(to.error().message.empty());
  return to.error().code;
}

std::filesystem::path pack_in(const git_repository& repository) {
  for (const auto& one : std::filesystem::directory_iterator{repository.path() / "objects/pack"})
    if (one.path().extension() == ".pack")
      return one.path();
  throw std::runtime_error("there is no pack");
}

/// Flips a bit in the middle of the file, whatever its mode.
void damage(const std::filesystem::path& file) {
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  std::fstream bytes{file, std::ios::in | std::ios::out | std::ios::binary};
  const auto at = static_cast<std::streamoff>(std::filesystem::file_size(file) / 2);
  bytes.seekg(at);
  const auto byte = static_cast<char>(bytes.get() ^ 1);
  bytes.seekp(at);
  bytes.put(byte);
}

} // namespace

TEST_CASE_METHOD(repository_site, "what is pushed, forced, deleted and tagged is mirrored",
                 "[repository]") {
  const auto format = GENERATE(as<std::string>{}, "sha1", "sha256");
  const auto git = init("app.git", format);
  SECTION("one change after the other") {
    check_synced(sync()); // empty
    check_equal(git, mirror());
    const auto first = git.commit("1");
    git.commit("2");
    check_synced(sync());
    check_equal(git, mirror());
    git.commit("3", "feature/a");
    git.git("tag -a -m note v1 refs/heads/main");
    check_synced(sync());
    check_equal(git, mirror());
    CHECK(moved < 2'000);
    git.git("update-ref refs/heads/main " + first); // forced
    git.commit("other");
    git.git("branch -q -D feature/a");
    git.commit("4", "feature");
    check_synced(sync());
    check_equal(git, mirror());
    git.git("symbolic-ref HEAD refs/heads/feature");
    check_synced(sync());
    check_equal(git, mirror());
    git.git("update-ref --no-deref HEAD " + first);
    git.git("tag -d v1");
    check_synced(sync());
    check_equal(git, mirror());
    for (const auto* ref : {"refs/heads/main", "refs/heads/feature"})
      git.git(std::string{"update-ref -d "} + ref);
    git.git("symbolic-ref HEAD refs/heads/main");
    check_synced(sync());
    check_equal(git, mirror());
  }
  SECTION("all at once") {
    git.commit("1");
    git.commit("2", "b");
    git.git("tag -a -m note v1 refs/heads/main");
    git.git("pack-refs --all");
    check_synced(sync());
    check_equal(git, mirror());
    CHECK(mirror().git("rev-parse --show-object-format").starts_with(format));
  }
  CHECK(leftovers() == 0);
}

TEST_CASE_METHOD(repository_site, "what did not change is not moved, and found again as it is",
                 "[repository]") {
  const auto git = init();
  git.commit("1");
  const auto first = sync();
  check_synced(first);
  CHECK_FALSE(first->adopted);
  CHECK(first->size == 0);
  start();
  const auto again = sync();
  check_synced(again);
  CHECK(again->adopted);
  CHECK(again->sum == first->sum);
  CHECK(moved == 0);
  CHECK(secondary->checksum_of("app.git", nullptr)->sum ==
        primary->checksum_of("app.git", nullptr)->sum);
}

TEST_CASE_METHOD(repository_site, "one whose locator changed is moved, and not fetched again",
                 "[repository]") {
  namespace fs = std::filesystem;
  const auto git = init("group/app.git");
  git.commit("1");
  check_synced(sync(1, "group/app.git"));
  const auto rename_on_primary = [&](const std::string& from, const std::string& to) {
    const auto root = folder.path() / "primary";
    fs::create_directories((root / to).parent_path());
    fs::rename(root / from, root / to);
    return git_repository{root / to};
  };
  const auto pack_of = [&](const std::string& locator) {
    for (const auto& one : fs::directory_iterator{there(locator) / "objects/pack"})
      if (one.path().extension() == ".pack")
        return one.path().filename().string();
    return std::string{};
  };
  const auto pack = pack_of("group/app.git");
  auto now = rename_on_primary("group/app.git", "other/deep/app.git");
  const auto moved_there = sync_moved("group/app.git", "other/deep/app.git");
  check_synced(moved_there);
  CHECK(moved_there->adopted);
  CHECK(moved == 0);
  CHECK(pack_of("other/deep/app.git") == pack);
  CHECK_FALSE(fs::exists(there("group/app.git")));
  CHECK(remove("group/app.git")); // as it follows always
  check_equal(now, mirror("other/deep/app.git"));
  SECTION("with a push at the same time") {
    now.commit("2");
    now = rename_on_primary("other/deep/app.git", "app.git");
    check_synced(sync_moved("other/deep/app.git", "app.git"));
    CHECK(moved < 1'000);
    CHECK_FALSE(fs::exists(there("other/deep/app.git")));
    check_equal(now, mirror());
  }
  SECTION("to where another lies") {
    init("taken.git").commit("x");
    check_synced(sync(2, "taken.git"));
    fs::remove_all(folder.path() / "primary/taken.git");
    now = rename_on_primary("other/deep/app.git", "taken.git");
    check_synced(sync_moved("other/deep/app.git", "taken.git"));
    check_equal(now, mirror("taken.git"));
    CHECK(fs::exists(there("other/deep/app.git"))); // until it is removed
  }
  SECTION("into itself") {
    const auto inner = init("inner.git");
    inner.commit("y");
    fs::remove_all(folder.path() / "primary/other/deep/app.git");
    now = rename_on_primary("inner.git", "other/deep/app.git/inner.git");
    CHECK(sync_moved("other/deep/app.git", "other/deep/app.git/inner.git").error().code ==
          ec::bad_locator);
    CHECK(remove("other/deep/app.git"));
    check_synced(sync_moved("other/deep/app.git", "other/deep/app.git/inner.git"));
  }
  SECTION("without a lease") {
    now = rename_on_primary("other/deep/app.git", "late.git");
    const auto late = job(1, "late.git");
    late->former = {"other/deep/app.git"};
    auto into = fetch(late);
    REQUIRE(into);
    time.advance(std::chrono::seconds{20});
    std::vector<placement> batch(1);
    batch[0].job = late;
    batch[0].from = *into;
    secondary->place(batch);
    CHECK(batch[0].to.error().code == ec::lease_lost);
    CHECK(fs::exists(there("other/deep/app.git")));
    CHECK_FALSE(fs::exists(there("late.git")));
  }
  CHECK(leftovers() == 0);
}

TEST_CASE_METHOD(repository_site, "a change of refs alone moves no object", "[repository]") {
  const auto git = init();
  git.commit("1");
  check_synced(sync());
  git.git("branch other main");
  check_synced(sync());
  check_equal(git, mirror());
  CHECK(moved < 300);
}

TEST_CASE_METHOD(repository_site, "ten thousand refs are mirrored, and a change among them",
                 "[repository]") {
  const auto git = init();
  const auto one = git.commit("1");
  {
    std::ofstream packed{git.path() / "packed-refs"};
    packed << "# pack-refs with: peeled fully-peeled sorted \n";
    for (int i = 10'000; i < 20'000; ++i)
      packed << one << " refs/merge-requests/" << i << "/head\n";
  }
  check_synced(sync());
  check_equal(git, mirror());
  git.commit("2", "new");
  git.git("update-ref -d refs/merge-requests/10500/head");
  check_synced(sync());
  check_equal(git, mirror());
}

TEST_CASE_METHOD(repository_site, "a copy of a fork is complete by itself", "[repository]") {
  const auto pool = init("pool.git");
  pool.commit("shared");
  const auto fork = init("fork.git");
  std::ofstream{fork.path() / "objects/info/alternates"} << (pool.path() / "objects").string()
                                                         << '\n';
  fork.git("update-ref refs/heads/main " + pool.git("rev-parse refs/heads/main"));
  fork.commit("own");
  check_synced(sync(1, "fork.git"));
  check_equal(fork, mirror("fork.git"));
  CHECK_FALSE(std::filesystem::exists(there("fork.git") / "objects/info/alternates"));
}

TEST_CASE_METHOD(repository_site,
                 "the primary's hooks and configuration do not travel, nor run there",
                 "[repository]") {
  const auto git = init();
  git.commit("1");
  const auto trap = (folder.path() / "ran").string();
  git.git("config core.fsmonitor 'touch " + trap + "'");
  git.git("config uploadpack.packObjectsHook 'touch " + trap + ";'");
  git.git("config core.alternateRefsCommand 'touch " + trap + "'");
  git.git("config filter.x.smudge 'touch " + trap + "'");
  check_synced(sync());
  check_equal(git, mirror());
  CHECK_FALSE(std::filesystem::exists(trap));
  CHECK_FALSE(std::filesystem::exists(there() / "hooks"));
  CHECK(mirror().git("config --local --list").find("fsmonitor") == std::string::npos);
}

TEST_CASE_METHOD(repository_site, "refs that somebody made by hand in a mirror go",
                 "[repository]") {
  const auto git = init();
  const auto one = git.commit("1");
  check_synced(sync());
  mirror().git("update-ref refs/heads/by-hand " + one);
  mirror().git("update-ref refs/tags/deep/by-hand " + one);
  git.commit("2");
  check_synced(sync());
  check_equal(git, mirror());
  mirror().git("update-ref refs/heads/main " + one);
  check_synced(sync());
  check_equal(git, mirror());
}

TEST_CASE_METHOD(repository_site, "many are placed together", "[repository]") {
  std::vector<placement> batch(7);
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 7; ++i) {
      const auto name = std::to_string(i) + ".git";
      const auto git = round == 0 ? init(name) : git_repository{folder.path() / "primary" / name};
      git.commit(std::to_string(round));
      auto& one = batch[static_cast<std::size_t>(i)];
      one.job = job(i, name);
      auto into = fetch(one.job);
      REQUIRE(into);
      one.from = *into;
    }
    secondary->place(batch);
    for (const auto& one : batch)
      check_synced(one.to);
  }
  for (auto& one : batch)
    one.from.reset();
  for (int i = 0; i < 7; ++i)
    check_equal(git_repository{folder.path() / "primary" / (std::to_string(i) + ".git")},
                mirror(std::to_string(i) + ".git"));
  CHECK(leftovers() == 0);
}

// -- damage ---------------------------------------------------------------------------------------

TEST_CASE_METHOD(repository_site, "damage at rest is found, and mended by a mirror made anew",
                 "[repository]") {
  const auto git = init();
  git.commit("1");
  git.commit("2");
  check_synced(sync());
  CHECK(secondary->verify("app.git", nullptr));
  bool by_refs = false;
  SECTION("a bit in a pack") {
    damage(pack_in(mirror()));
  }
  SECTION("a pack cut short") {
    std::filesystem::permissions(pack_in(mirror()), std::filesystem::perms::owner_all);
    std::filesystem::resize_file(pack_in(mirror()), 40);
  }
  SECTION("no objects any more") {
    std::filesystem::remove_all(there() / "objects/pack");
  }
  SECTION("a ref changed by hand") {
    mirror().git("update-ref refs/heads/main refs/heads/main~1");
    by_refs = true;
  }
  SECTION("no HEAD any more") {
    std::filesystem::remove(there() / "HEAD");
    by_refs = true;
  }
  const auto found = secondary->verify("app.git", nullptr);
  const auto right = primary->checksum_of("app.git", nullptr)->sum;
  if (!by_refs) {
    REQUIRE_FALSE(found);
    CHECK(found.error().code == ec::unreadable_on_primary);
  } else {
    CHECK((!found || found->sum != right));
  }
  const auto anew = job();
  anew->force = true;
  check_synced(sync(anew));
  check_equal(git, mirror());
  const auto mended = secondary->verify("app.git", nullptr);
  REQUIRE(mended);
  CHECK(mended->sum == right);
  CHECK(leftovers() == 0);
}

TEST_CASE_METHOD(repository_site, "a mirror that lacks what a fetch builds upon is made anew",
                 "[repository]") {
  const auto git = init();
  git.commit("1");
  check_synced(sync());
  std::filesystem::remove_all(there() / "objects/pack");
  git.commit("2");
  const auto before = mirror().refs();
  CHECK_FALSE(sync());
  CHECK(mirror().refs() == before);
  check_synced(sync());
  check_equal(git, mirror());
}

TEST_CASE_METHOD(repository_site, "what git merely does not like is replicated", "[repository]") {
  const auto git = init();
  git.commit("1");
  // A commit without an author's e-mail, as old programs made them.
  const auto tree = git.git("rev-parse refs/heads/main^{tree}");
  git_repository::shell("cd '" + git.path().string() + "' && printf 'tree " + tree.substr(0, 40) +
                        "\\nauthor A 1 +0000\\ncommitter A 1 +0000\\n\\nx\\n' | git hash-object "
                        "-t commit --literally -w --stdin | xargs git update-ref refs/heads/odd");
  CHECK_THROWS(git.git("fsck 2>/dev/null"));
  check_synced(sync());
  CHECK(mirror().refs() == git.refs());
  const auto verified = secondary->verify("app.git", nullptr);
  REQUIRE(verified);
  CHECK(verified->findings.starts_with("git fsck: error in commit "));
  CHECK(verified->findings.find('\n') == std::string::npos);
  init("fine.git").commit("1");
  check_synced(sync(2, "fine.git"));
  CHECK(secondary->verify("fine.git", nullptr)->findings.empty());
}

TEST_CASE("git fsck's words are told apart", "[repository]") {
  CHECK(read_fsck(0, "notice: HEAD points to an unborn branch (main)\n", "").damage.empty());
  const auto finding = read_fsck(1, "", "error in commit 12: missingEmail: no e-mail\n");
  CHECK(finding.damage.empty());
  CHECK(finding.findings_count == 1);
  CHECK(read_fsck(4, "", "error in commit 12: missingEmail: no e-mail\n").damage.empty());
  CHECK_FALSE(read_fsck(4, "", "").damage.empty());
  CHECK_FALSE(read_fsck(4, "", "error in commit 12: x: y\nerror: packfile p.pack is broken\n")
                  .damage.empty());
  CHECK_FALSE(
      read_fsck(2, "missing blob 12\n", "error in commit 12: missingEmail: x\n").damage.empty());
  CHECK_FALSE(read_fsck(1, "", "error: 12: object corrupt or missing\n").damage.empty());
  CHECK_FALSE(read_fsck(128, "", "fatal: not a git repository\n").damage.empty());
  CHECK_FALSE(read_fsck(137, "", "").damage.empty());
}

TEST_CASE_METHOD(repository_site, "a verification ends when it is cancelled", "[repository]") {
  init().commit("1");
  check_synced(sync());
  const std::atomic<bool> cancelled{true};
  const auto found = secondary->verify("app.git", &cancelled);
  CHECK((found || found.error().code == ec::stopping));
}

// -- ends in the middle ---------------------------------------------------------------------------

TEST_CASE_METHOD(repository_site, "a lease that ran out changes nothing", "[repository]") {
  const auto git = init();
  git.commit("1");
  check_synced(sync());
  const auto before = mirror().refs();
  git.commit("2");
  const auto late = job();
  auto into = fetch(late);
  REQUIRE(into);
  time.advance(std::chrono::seconds{11});
  std::vector<placement> batch(1);
  batch[0].job = late;
  batch[0].from = *into;
  secondary->place(batch);
  CHECK(why_not(batch[0].to) == ec::lease_lost);
  CHECK(mirror().refs() == before);
  check_synced(sync());
  check_equal(git, mirror());
}

TEST_CASE_METHOD(repository_site, "what a killed process has left is cleared", "[repository]") {
  const auto git = init();
  git.commit("1");
  check_synced(sync());
  const auto before = mirror().refs();
  git.commit("2");
  const auto temps = type.store / ".farshore/tmp";
  std::filesystem::create_directories(temps / "project-1-7-1.objects/pack");
  std::ofstream{temps / "project-1-7-1.objects/pack/tmp_pack_x"} << "x";
  std::filesystem::create_directories(temps / "other-1-7-1.objects");
  SECTION("with the refs locked") {
    std::ofstream{there() / "packed-refs.lock"} << "# pack-refs with: sorted farshore \n";
    std::ofstream{there() / "packed-refs.lock.farshore"} << "# pack-refs";
  }
  SECTION("without") {}
  CHECK(mirror().refs() == before);
  start();
  CHECK_FALSE(std::filesystem::exists(temps / "project-1-7-1.objects"));
  CHECK(std::filesystem::exists(temps / "other-1-7-1.objects"));
  check_synced(sync());
  check_equal(git, mirror());
  CHECK_FALSE(std::filesystem::exists(there() / "packed-refs.lock"));
}

TEST_CASE_METHOD(repository_site, "others' lock of the refs is respected, and named",
                 "[repository]") {
  const auto git = init();
  git.commit("1");
  check_synced(sync());
  git.commit("2");
  std::ofstream{there() / "packed-refs.lock"} << "# pack-refs with: peeled fully-peeled sorted \n";
  const auto to = sync();
  CHECK(why_not(to) == ec::disk);
  CHECK(to.error().message.find("packed-refs.lock") != std::string::npos);
  CHECK(std::filesystem::exists(there() / "packed-refs.lock"));
  std::filesystem::remove(there() / "packed-refs.lock");
  check_synced(sync());
  check_equal(git, mirror());
}

TEST_CASE_METHOD(repository_site, "content that is cut or altered on the way changes no ref",
                 "[repository]") {
  const auto git = init();
  git.commit("1");
  const bool clone = GENERATE(true, false);
  if (!clone)
    check_synced(sync());
  const auto before = clone ? std::string{} : mirror().refs();
  git.commit("2");
  const auto second = git.git("rev-parse refs/heads/main").substr(0, 40);
  SECTION("cut in the refs") {
    on_the_way = [](std::string& content) { content.resize(60); };
  }
  SECTION("cut in the pack") {
    on_the_way = [](std::string& content) { content.resize(content.size() - 30); };
  }
  SECTION("cut in the pack's first bytes") {
    on_the_way = [](std::string& content) { content.resize(content.find("PACK") + 5); };
  }
  SECTION("no pack at all") {
    on_the_way = [](std::string& content) { content.resize(content.find("PACK")); };
  }
  SECTION("a bit in the pack") {
    on_the_way = [](std::string& content) { content[content.size() - 40] ^= 1; };
  }
  SECTION("something else for a pack") {
    on_the_way = [](std::string& content) {
      content.resize(content.find("PACK"));
      content += "some text that is long enough";
    };
  }
  SECTION("a ref to an object that does not come") {
    on_the_way = [&](std::string& content) {
      repository_refs refs = *parse_refs_header(content.substr(0, content.find("\n\n") + 2));
      refs.refs.push_back({"refs/heads/zzz", std::string(40, 'd')});
      content = to_refs_header(refs) + content.substr(content.find("PACK"));
    };
  }
  SECTION("a ref changed without its checksum") {
    on_the_way = [&](std::string& content) {
      content.replace(content.find(second + " refs"), 40, std::string(40, 'd'));
    };
  }
  CHECK_FALSE(sync());
  if (clone)
    CHECK_FALSE(std::filesystem::exists(there()));
  else
    CHECK(mirror().refs() == before);
  CHECK(leftovers() == 0);
  on_the_way = {};
  check_synced(sync());
  check_equal(git, mirror());
}

TEST_CASE("a list of refs that could not be git's is refused", "[repository]") {
  const std::string oid(40, 'a');
  const auto with = [](std::vector<ref> refs, std::string head = "ref: refs/heads/main") {
    return to_refs_header({object_format::sha1, std::move(head), std::move(refs)});
  };
  CHECK(parse_refs_header(with({{"refs/heads/a", oid}, {"refs/heads/b", oid}})));
  CHECK(parse_refs_header(with({}, oid)));
  for (const auto& text :
       {with({{"refs/heads/../../../config", oid}}), with({{"refs/heads/a b", oid}}),
        with({{"HEAD", oid}}), with({{"refs/heads/a", "../" + oid}}), with({{"refs/heads/a", "1"}}),
        with({{"refs/heads/b", oid}, {"refs/heads/a", oid}}),
        with({{"refs/heads/a", oid}, {"refs/heads/a", oid}}),
        with({{"refs/heads/a", oid}, {"refs/heads/a-b", oid}, {"refs/heads/a/b", oid}}),
        with({}, "ref: ../../etc/passwd"), with({}, "x\nref: y"), with({{"refs/heads/a\nb", oid}}),
        with({}).substr(1), std::string{"\n\n"}, std::string{}}) {
    INFO(text);
    const auto refs = parse_refs_header(text);
    REQUIRE_FALSE(refs);
    CHECK(refs.error().code == ec::protocol);
  }
}

TEST_CASE_METHOD(repository_site, "more than max_repository_size is given up", "[repository]") {
  type.max_repository_size = 1 << 20;
  start();
  const auto git = init();
  std::ofstream{folder.path() / "large"} << random_text(2 << 20, 7);
  git.git("update-ref refs/tags/large $(git -C '" + git.path().string() + "' hash-object -w '" +
          (folder.path() / "large").string() + "')");
  const auto to = sync();
  CHECK(why_not(to) == ec::disk);
  CHECK(to.error().message.find("max_repository_size") != std::string::npos);
  CHECK(moved <= (1 << 20) + 10'000);
  CHECK_FALSE(std::filesystem::exists(there()));
  CHECK(leftovers() == 0);
}

TEST_CASE_METHOD(repository_site, "what the store has no room for is given up", "[repository]") {
  const auto git = init();
  git.commit("1");
  const auto what = job();
  what->room = std::make_shared<std::atomic<std::int64_t>>(100);
  CHECK(why_not(sync(what)) == ec::no_space);
  CHECK_FALSE(std::filesystem::exists(there()));
  what->room->store(1'000'000);
  check_synced(sync(what));
  CHECK(what->begun == what->progress);
}

// -- places ---------------------------------------------------------------------------------------

TEST_CASE_METHOD(repository_site, "a repository is removed, and the folders that are empty then",
                 "[repository]") {
  init("group/sub/app.git").commit("1");
  check_synced(sync(1, "group/sub/app.git"));
  CHECK(remove("group/sub/app.git"));
  CHECK_FALSE(std::filesystem::exists(there("group")));
  CHECK(std::filesystem::exists(type.store));
  CHECK(leftovers() == 0);
  CHECK(remove("group/sub/app.git"));
}

TEST_CASE_METHOD(repository_site, "what is no repository is neither replaced nor removed",
                 "[repository]") {
  init().commit("1");
  SECTION("a file") {
    std::ofstream{there()} << "somebody's";
  }
  SECTION("a folder of other things") {
    std::filesystem::create_directories(there() / "objects");
    std::ofstream{there() / "letter"} << "somebody's";
  }
  SECTION("a checkout") {
    git_repository::shell("git init -q '" + there().string() + "'");
  }
  SECTION("a link") {
    std::filesystem::create_directory(folder.path() / "outside");
    std::filesystem::create_directory_symlink(folder.path() / "outside", there());
  }
  CHECK(why_not(sync()) == ec::bad_locator);
  const auto removed = remove();
  REQUIRE_FALSE(removed);
  CHECK(removed.error().code == ec::bad_locator);
  CHECK(std::filesystem::exists(std::filesystem::symlink_status(there())));
}

TEST_CASE_METHOD(repository_site, "an empty folder gives way", "[repository]") {
  const auto git = init();
  git.commit("1");
  std::filesystem::create_directory(there());
  check_synced(sync());
  check_equal(git, mirror());
}

TEST_CASE_METHOD(repository_site, "nothing outside the store is read or written", "[repository]") {
  const auto outside = git_repository::init(folder.path() / "outside.git");
  outside.commit("1");
  for (const auto* locator : {"../outside.git", "/etc", "a/../../outside.git", ".farshore/x", ""}) {
    INFO(locator);
    CHECK_FALSE(primary->open(encode_locator(locator)));
    const auto what = job();
    what->locator = encode_locator(locator);
    CHECK_FALSE(secondary->receive(what));
  }
  std::filesystem::create_directory_symlink(folder.path(), folder.path() / "primary/link");
  std::filesystem::create_directory_symlink(folder.path(), type.store / "link");
  const auto through = primary->open("link/outside.git");
  REQUIRE_FALSE(through);
  CHECK(through.error().code == ec::bad_locator);
  CHECK_FALSE(secondary->checksum_of("link/outside.git", nullptr));
}

TEST_CASE_METHOD(repository_site, "a primary's folder that is no repository is named",
                 "[repository]") {
  CHECK(why_not(sync()) == ec::missing_on_primary);
  const auto at = folder.path() / "primary";
  std::ofstream{at / "file.git"} << "x";
  CHECK(why_not(sync(1, "file.git")) == ec::bad_locator);
  git_repository::shell("git init -q '" + (at / "checkout").string() + "'");
  CHECK(why_not(sync(1, "checkout")) == ec::bad_locator);
  init("origin.git").commit("1");
  git_repository{at / "origin.git"}.commit("2");
  git_repository::shell("git clone -q --bare --depth 1 'file://" + (at / "origin.git").string() +
                        "' '" + (at / "shallow.git").string() + "' 2>&1");
  CHECK(why_not(sync(1, "shallow.git")) == ec::bad_locator);
}

TEST_CASE_METHOD(repository_site, "a damaged repository on the primary is unreadable there",
                 "[repository]") {
  const auto git = init();
  git.commit("1");
  git.git("repack -a -d -q");
  std::filesystem::permissions(pack_in(git), std::filesystem::perms::owner_all);
  std::filesystem::resize_file(pack_in(git), 30);
  const auto to = sync();
  CHECK(why_not(to) == ec::unreadable_on_primary);
}

TEST_CASE_METHOD(repository_site, "what lies in a store is listed, and nothing within a repository",
                 "[repository]") {
  for (const auto* name : {"a.git", "group/b.git", "group/sub/c.git"}) {
    init(name).commit("1");
    check_synced(sync(1, name));
  }
  std::filesystem::create_directories(type.store / "empty/folder");
  std::ofstream{type.store / "file"} << "x";
  auto listing = secondary->list();
  REQUIRE(listing);
  std::vector<std::string> all;
  for (bool last = false; !last;) {
    const auto page = (*listing)->next(2);
    REQUIRE(page);
    CHECK(page->locators.size() <= 2);
    all.insert(all.end(), page->locators.begin(), page->locators.end());
    last = page->last;
  }
  std::ranges::sort(all);
  CHECK(all == std::vector<std::string>{"a.git", "group/b.git", "group/sub/c.git"});
}
