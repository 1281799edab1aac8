// What is read of refs is what git says of them.

#include "strategies/repository/refs.hpp"

#include "tests/strategies/git_repository.hpp"
#include "tests/strategies/stores.hpp"

#include <array>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <openssl/sha.h>

using namespace farshore;
using namespace farshore::test;

namespace {

struct refs_fixture {
  temporary_folder folder;
  git_repository git = git_repository::init(folder.path() / "app.git");

  result<repository_refs> read(const std::string& locator = "app.git") const {
    const unique_fd store{::open(folder.path().c_str(), O_PATH | O_DIRECTORY)};
    auto repository = open_repository(store.get(), locator);
    if (!repository)
      return fail(repository.error());
    return read_refs(repository->get());
  }

  ec why_not(const std::string& locator = "app.git") const {
    const auto refs = read(locator);
    REQUIRE_FALSE(refs);
    INFO(refs.error().message);
    CHECK_FALSE(refs.error().message.empty());
    return refs.error().code;
  }

  void put(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories((git.path() / path).parent_path());
    std::ofstream{git.path() / path, std::ios::binary} << text;
  }
};

/// Gitaly's CalculateChecksum over the lines that git prints.
std::array<std::uint8_t, 20> xor_of_lines(const std::string& lines) {
  std::array<std::uint8_t, 20> all{};
  std::istringstream in{lines};
  for (std::string line; std::getline(in, line);) {
    std::array<std::uint8_t, 20> one{};
    ::SHA1(reinterpret_cast<const unsigned char*>(line.data()), line.size(), one.data());
    for (std::size_t i = 0; i < all.size(); ++i)
      all[i] ^= one[i];
  }
  return all;
}

std::array<std::uint8_t, 20> beginning_of(const checksum& sum) {
  std::array<std::uint8_t, 20> first{};
  std::copy_n(sum.begin(), first.size(), first.begin());
  return first;
}

/// Whether refs and checksum are those that git has.
void check_as_git(const refs_fixture& in) {
  const auto refs = in.read();
  REQUIRE(refs);
  std::string lines;
  for (const auto& one : refs->refs)
    lines += one.oid + ' ' + one.name + '\n';
  CHECK(lines + refs->head + '\n' == in.git.refs());
  CHECK(beginning_of(refs_checksum(*refs)) == xor_of_lines(in.git.git("show-ref --head || true")));
}

} // namespace

TEST_CASE_METHOD(refs_fixture,
                 "an empty repository has no refs, and a checksum that begins with zeros",
                 "[refs]") {
  const auto refs = read();
  REQUIRE(refs);
  CHECK(refs->refs.empty());
  CHECK(refs->head == "ref: refs/heads/main");
  CHECK_FALSE(refs->head_oid());
  const auto sum = refs_checksum(*refs);
  CHECK(beginning_of(sum) == std::array<std::uint8_t, 20>{});
  CHECK(sum != checksum{});
}

TEST_CASE_METHOD(refs_fixture,
                 "loose and packed refs, tags and what else lies beneath refs/ are read "
                 "as git reads them",
                 "[refs]") {
  git.commit("1");
  git.commit("2", "feature/deep/one");
  git.git("tag -a -m note v1 refs/heads/main");
  git.git("tag light refs/heads/main");
  git.git("update-ref refs/keep-around/abc refs/heads/main");
  check_as_git(*this);
  git.git("pack-refs --all --prune");
  check_as_git(*this);
  git.commit("3");
  git.git("branch -D feature/deep/one");
  git.commit("4", "feature/deep");
  check_as_git(*this);
  REQUIRE(read()->head_oid());
}

TEST_CASE_METHOD(refs_fixture,
                 "a SHA-256 repository, a detached HEAD and symbolic refs are read as git "
                 "reads them",
                 "[refs]") {
  SECTION("SHA-256") {
    std::filesystem::remove_all(git.path());
    git = git_repository::init(git.path(), "sha256");
    git.commit("1");
    CHECK(read()->format == object_format::sha256);
  }
  SECTION("detached") {
    const auto first = git.commit("1");
    git.commit("2");
    git.git("update-ref --no-deref HEAD " + first);
    CHECK(read()->head == first);
  }
  SECTION("symbolic refs, one of them dangling") {
    git.commit("1");
    git.git("symbolic-ref refs/remotes/origin/HEAD refs/heads/main");
    git.git("symbolic-ref refs/heads/later refs/heads/not-there");
    CHECK(read()->refs.size() == 2);
  }
  SECTION("symbolic links of old") {
    git.commit("1");
    std::filesystem::remove(git.path() / "HEAD");
    std::filesystem::create_symlink("refs/heads/main", git.path() / "HEAD");
    const auto refs = read();
    REQUIRE(refs);
    CHECK(refs->head == "ref: refs/heads/main");
    return;
  }
  check_as_git(*this);
}

TEST_CASE_METHOD(refs_fixture, "the checksum sees which branch HEAD names", "[refs]") {
  git.commit("1");
  git.git("branch other main");
  const auto before = refs_checksum(*read());
  git.git("symbolic-ref HEAD refs/heads/other");
  CHECK(refs_checksum(*read()) != before);
  git.git("symbolic-ref HEAD refs/heads/main");
  CHECK(refs_checksum(*read()) == before);
}

TEST_CASE_METHOD(refs_fixture, "ten thousand refs are read, loose ones before packed ones",
                 "[refs]") {
  const auto one = git.commit("1");
  std::string packed = "# pack-refs with: peeled fully-peeled sorted \n";
  for (int i = 10'000; i < 20'000; ++i)
    packed += one + " refs/merge-requests/" + std::to_string(i) + "/head\n";
  put("packed-refs", packed);
  const auto two = git.commit("2");
  git.git("update-ref refs/merge-requests/10000/head " + two);
  check_as_git(*this);
  CHECK(read()->refs.size() == 10'001);
}

TEST_CASE_METHOD(refs_fixture, "others' locks are no refs", "[refs]") {
  git.commit("1");
  put("refs/heads/main.lock", "");
  CHECK(read()->refs.size() == 1);
}

TEST_CASE_METHOD(refs_fixture, "what is no bare repository is refused for what it is", "[refs]") {
  const auto root = folder.path();
  CHECK(why_not("nothing.git") == ec::missing_on_primary);
  std::ofstream{root / "file.git"} << "text";
  CHECK(why_not("file.git") == ec::bad_locator);
  CHECK(why_not("file.git/below") == ec::bad_locator);
  std::filesystem::create_directory(root / "folder.git");
  CHECK(why_not("folder.git") == ec::bad_locator);
  git_repository::shell("git init -q '" + (root / "checkout").string() + "'");
  CHECK(why_not("checkout") == ec::bad_locator);
  git.commit("1");
  git.git("worktree add -q '" + (root / "tree").string() + "' main 2>&1");
  CHECK(why_not("tree") == ec::bad_locator);
  CHECK(why_not("app.git/worktrees/tree") == ec::bad_locator);
  std::filesystem::create_directory_symlink(git.path(), root / "link.git");
  CHECK(why_not("link.git") == ec::bad_locator);
}

TEST_CASE_METHOD(refs_fixture, "a broken ref, and a name made to confuse, are named", "[refs]") {
  const auto one = git.commit("1");
  const auto [path, text] = GENERATE_COPY(table<std::string, std::string>({
      {"refs/heads/broken", "not an object's name\n"},
      {"refs/heads/empty", ""},
      {"refs/heads/null", std::string(40, '0') + "\n"},
      {"refs/heads/out", "ref: ../../outside\n"},
      {"refs/heads/with space", one + "\n"},
      {"refs/heads/star*", one + "\n"},
      {"refs/heads/new\nline", one + "\n"},
      {"refs/heads/a..b", one + "\n"},
      {"packed-refs", one + " refs/heads/../../config\n"},
      {"packed-refs", one + " HEAD\n"},
      {"packed-refs", one + " refs/heads/cut"},
      {"packed-refs", "garbage\n"},
  }));
  INFO(path);
  put(path, text);
  CHECK(why_not() == ec::unreadable_on_primary);
  if (path != "packed-refs")
    CHECK(read().error().message.find(path) != std::string::npos);
}

TEST_CASE_METHOD(refs_fixture, "a ref that is a link out of the repository is not followed",
                 "[refs]") {
  std::ofstream{folder.path() / "outside"} << std::string(40, 'a');
  std::filesystem::create_symlink(folder.path() / "outside", git.path() / "refs/heads/link");
  CHECK(why_not() == ec::bad_locator);
}

TEST_CASE("names are taken for refs as git check-ref-format takes them", "[refs]") {
  temporary_folder folder;
  for (const std::string name :
       {"refs/heads/main", "refs/heads/a.b",       "refs/heads/a.lock",   "refs/heads/a.lock/b",
        "refs/heads/.a",   "refs/heads/a.",        "refs/heads//a",       "refs/heads/a/",
        "refs/heads/a@{b", "refs/heads/@",         "refs/heads/a~",       "refs/heads/a^",
        "refs/heads/a:b",  "refs/heads/a?",        "refs/heads/a[",       "refs/heads/a\\b",
        "refs/heads/a..b", "refs/heads/\x7f",      "refs/heads/\xc3\xa4", "refs/x",
        "refs/heads/-a",   "refs/heads/a.b.lock.c"}) {
    INFO(name);
    const auto by_git =
        git_repository::shell("git check-ref-format '" + name + "' && echo yes || true") == "yes\n";
    CHECK(is_ref_name(name) == by_git);
  }
  CHECK_FALSE(is_ref_name("HEAD"));
  CHECK_FALSE(is_ref_name("refs/"));
  CHECK_FALSE(is_ref_name(std::string{"refs/heads/a\0b", 14}));
}
