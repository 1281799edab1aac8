// What git's own client gets from two real sites, and what a push tells them.

#include "tests/e2e/hosting.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

namespace farshore::test {

namespace {

namespace fs = std::filesystem;

std::string token_of(const site& at) {
  const auto made = at.command({"token", "--read", "--name", "ann", "--days", "1"});
  INFO(made.err);
  REQUIRE(made.code == 0);
  return made.out.substr(0, made.out.find('\n'));
}

std::string url(const site& at, const std::string& token, int id) {
  return "http://" + (token.empty() ? "" : "ann:" + token + "@") +
         "127.0.0.1:" + std::to_string(at.port()) + "/git/project/" + hosting::path_of(id);
}

/// What git says, and with which code it ends; it never asks a person.
std::string git_says(const std::string& arguments) {
  return git_repository::shell("GIT_TERMINAL_PROMPT=0 timeout 60 git " + arguments +
                               " 2>&1; echo \"code $?\"");
}

bool succeeds(const std::string& said) {
  return said.ends_with("code 0\n");
}

bool tells(const std::string& said, const std::string& part) {
  return said.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("who has a token clones from either site, and nobody else does, and nobody pushes",
          "[e2e][repositories][git]") {
  hosting host;
  const auto made = host.add(1);
  for (int i = 0; i < 5; ++i)
    made.commit("commit " + std::to_string(i));
  made.git("tag -a -m note v1 refs/heads/main");
  host.pushed(1);
  host.wait();
  int clones = 0;
  for (const auto* at : {&host.sites.primary, &host.sites.secondary}) {
    const auto to = [&] { return host.sites.folder() / ("clone" + std::to_string(++clones)); };
    const auto from = url(*at, token_of(*at), 1);
    INFO(at->name());
    const git_repository whole{to()};
    const auto cloned = git_says("clone -q --mirror " + from + " " + whole.path().string());
    INFO(cloned);
    CHECK(succeeds(cloned));
    CHECK(whole.refs() == made.refs());
    CHECK_NOTHROW(whole.git("fsck --full --strict 2>&1"));

    const git_repository shallow{to()};
    CHECK(succeeds(git_says("clone -q --depth 1 " + from + " " + shallow.path().string())));
    CHECK(shallow.git("rev-list --count HEAD") == "1\n");
    const git_repository partial{to()};
    CHECK(succeeds(
        git_says("clone -q --bare --filter=blob:none " + from + " " + partial.path().string())));
    CHECK(tells(partial.git("rev-list --objects --missing=print HEAD"), "?"));

    const auto pushed = git_says("-C " + whole.path().string() + " push " + from + " main:other");
    INFO(pushed);
    CHECK_FALSE(succeeds(pushed));
    CHECK(tells(pushed, "takes no pushes"));
    CHECK(tells(git_says("ls-remote " + url(*at, "", 1)), "code 128"));
    CHECK(tells(git_says("ls-remote " + url(*at, from.substr(11, 20), 1)), "code 128"));
    CHECK(tells(git_says("ls-remote " + url(*at, token_of(*at), 2)), "no repository"));
    host.check_equal(1);
  }
}

TEST_CASE("five hundred who read at once are all served, in turns", "[e2e][repositories][git]") {
  hosting host;
  host.add(1).commit("first");
  host.pushed(1);
  host.wait();
  const auto& at = host.sites.secondary;
  const auto from = url(at, token_of(at), 1);
  const auto said = git_repository::shell("seq 500 | GIT_TERMINAL_PROMPT=0 timeout 200 xargs -P500 "
                                          "-I{} git ls-remote -q " +
                                          from + " refs/heads/main 2>&1; echo \"code $?\"");
  CHECK(succeeds(said));
  CHECK(std::ranges::count(said, '\n') == 501);
  // Nobody else was kept out: the site goes on with its work.
  host.at_primary(1).commit("second");
  host.pushed(1);
  host.wait();
  host.check_equal(1);
}

TEST_CASE("what is not level is refused, or read from the primary", "[e2e][repositories][git]") {
  hosting host;
  const auto made = host.add(1);
  made.commit("first");
  host.pushed(1);
  host.wait();
  auto& secondary = host.sites.secondary;
  const auto list = "ls-remote " + url(secondary, token_of(secondary), 1);
  CHECK(succeeds(git_says(list)));

  REQUIRE(secondary.command({"pause", "project"}).code == 0);
  const auto second = made.commit("second");
  host.pushed(1);
  CHECK(eventually([&] { return tells(git_says(list), "not level with the primary"); }));

  secondary.in_site = "serve_unsynced = \"redirect\"\n";
  host.sites.declare({projects()});
  secondary.reload();
  const auto found = git_says(list);
  INFO(found);
  CHECK(succeeds(found));
  CHECK(tells(found, second));
  const git_repository clone{host.sites.folder() / "clone"};
  const auto cloned =
      git_says("clone -q --mirror " + list.substr(10) + " " + clone.path().string());
  INFO(cloned);
  CHECK(succeeds(cloned));
  CHECK(clone.refs() == made.refs());

  REQUIRE(secondary.command({"resume", "project"}).code == 0);
  host.wait();
  host.check_equal(1);
  host.sites.primary.stop(); // so it is the secondary that serves it now
  CHECK(tells(git_says(list), second));
}

TEST_CASE("a push through the installed hook arrives, also one while the node was down",
          "[e2e][repositories][git]") {
  auto type = projects();
  type.more = "refs_check = \"1d\"\n"; // nothing but the hook tells
  hosting host{type};
  auto& primary = host.sites.primary;
  const auto made = host.add(1);
  made.commit("first");
  const auto ran = host.sites.folder() / "ran";
  const auto hook = made.path() / "hooks/post-receive";
  fs::create_directories(hook.parent_path());
  std::ofstream{hook} << "#!/bin/sh\ncat >> '" << ran.string() << "'\n";
  fs::permissions(hook, fs::perms::owner_all);
  const auto installed = primary.command({"hook", "install", "project", made.path().string()});
  INFO(installed.out << installed.err);
  REQUIRE(installed.code == 0);
  host.pushed(1);
  host.wait();

  const git_repository work{host.sites.folder() / "work"};
  REQUIRE(succeeds(git_says("clone -q " + made.path().string() + " " + work.path().string())));
  const auto push = [&](const std::string& what) {
    work.git("commit -q --allow-empty -m '" + what + "'");
    const auto said = git_says("-C " + work.path().string() + " push origin HEAD:main");
    INFO(said);
    CHECK(succeeds(said));
    return work.git("rev-parse HEAD");
  };
  const auto second = push("second");
  CHECK(host.equal(1));
  CHECK(tells(read_file(ran), second.substr(0, 40)));

  primary.stop();
  push("third");
  primary.start();
  CHECK(host.equal(1));
  // A push that tells of nothing else wakes nobody.
  host.wait();
  host.check_equal(1);
}

} // namespace farshore::test
