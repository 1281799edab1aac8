// From a push to the event: hook, spool, listener, with the machine's own git.

#include "config/secret.hpp"
#include "net/person.hpp"
#include "net/signing.hpp"
#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "node/push_listener.hpp"
#include "site_folder.hpp"

#include <condition_variable>
#include <mutex>
#include <sstream>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

int run(const std::string& line, const fs::path& said = "/dev/null") {
  const int status = std::system(("(export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null "
                                  "HOME=/nowhere GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b "
                                  "GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b; " +
                                  line + ") >" + said.string() + " 2>&1")
                                     .c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string content_of(const fs::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::size_t count_in(const fs::path& folder) {
  std::error_code none;
  std::size_t count = 0;
  for (fs::directory_iterator at{folder, none}, end; at != end; ++at)
    ++count;
  return count;
}

struct push_fixture {
  push_fixture() {
    settings->site_name = "porto";
    settings->role = site_role::primary;
    settings->data = site.root / "data";
    replicable_type type;
    type.name = "project";
    type.strategy = "repository";
    type.store = site.root / "store";
    settings->types.push_back(type);
    type.name = "folder";
    type.store = site.root / "scanned";
    type.scan = 30s;
    settings->types.push_back(type);
    fs::create_directory(site.root / "scanned");
    spool = push_spool_of(settings->data);
  }

  std::unique_ptr<push_listener> listen() {
    push_listener_parts parts;
    parts.spool = spool;
    parts.retry = 5ms;
    parts.settings = [this] { return settings; };
    parts.key_at = [](const std::string& type,
                      const std::string& locator) -> result<std::optional<std::string>> {
      if (type == "project" && locator == "group/app.git")
        return std::optional<std::string>{"7"};
      return std::optional<std::string>{};
    };
    parts.publish = [this](const std::string& type, const std::string& key) -> result<void> {
      const std::scoped_lock lock{mutex};
      if (failures > 0) {
        --failures;
        return fail(ec::overloaded, "the row is locked");
      }
      published.push_back(type + "/" + key);
      changed.notify_all();
      return {};
    };
    parts.look_at = [this](const std::string& type, const std::string& locator) {
      const std::scoped_lock lock{mutex};
      looked.push_back(type + "/" + locator);
      changed.notify_all();
    };
    auto started = push_listener::start(std::move(parts));
    REQUIRE(started);
    return std::move(*started);
  }
  template <class Condition>
  bool comes(Condition condition) {
    std::unique_lock lock{mutex};
    return changed.wait_for(lock, 20s, condition);
  }

  site_folder site{"primary"};
  std::shared_ptr<config> settings = std::make_shared<config>();
  fs::path spool;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> published;
  std::vector<std::string> looked;
  int failures = 0;
};

} // namespace

TEST_CASE_METHOD(push_fixture, "what was left while no node ran is taken up at its start",
                 "[push]") {
  REQUIRE(prepare_push_spool(spool));
  REQUIRE(leave_push_note(spool, "project", (site.root / "store/group/app.git").string()));
  REQUIRE(leave_push_note(spool, "project", (site.root / "store/group/app.git").string()));
  auto listener = listen();
  CHECK(comes([&] { return !published.empty(); }));
  listener.reset();
  CHECK(published == std::vector<std::string>{"project/7"}); // two pushes, one change
  CHECK(count_in(spool) == 0);
}

TEST_CASE_METHOD(push_fixture, "a push is taken up at once, and again until it is told", "[push]") {
  auto listener = listen();
  failures = 3;
  const auto begun = std::chrono::steady_clock::now();
  REQUIRE(leave_push_note(spool, "project", (site.root / "store/group/app.git").string()));
  CHECK(comes([&] { return published.size() == 1; }));
  CHECK(std::chrono::steady_clock::now() - begun < 10s);
  REQUIRE(leave_push_note(spool, "folder", (site.root / "scanned/new.git").string()));
  CHECK(comes([&] { return looked == std::vector<std::string>{"folder/new.git"}; }));
  listener.reset();
  CHECK(count_in(spool) == 0);
}

TEST_CASE_METHOD(push_fixture, "what is no hook's note is set aside, and harms nobody", "[push]") {
  REQUIRE(prepare_push_spool(spool));
  std::ofstream{spool / "1-garbage"} << "nonsense\n";
  std::ofstream{spool / "2-long"} << "updated project /" << std::string(20'000, 'x') << "\n";
  std::ofstream{spool / "3-out"} << "updated project /etc/passwd\n";
  std::ofstream{spool / "4-up"} << "updated project " << (site.root / "store").string()
                                << "/../outside\n";
  std::ofstream{spool / "5-type"} << "updated nothing /etc\n";
  std::ofstream{spool / "6-escape"} << "updated project /a%00b\n";
  std::ofstream{spool / "7-relative"} << "updated project store/group/app.git\n";
  fs::create_symlink("/etc/passwd", spool / "8-link");
  fs::create_directory(spool / "9-folder");
  REQUIRE(::mkfifo((spool / "9-pipe").c_str(), 0600) == 0);
  std::ofstream{spool / ".new-unfinished"} << "updated proj";
  auto listener = listen();
  REQUIRE(leave_push_note(spool, "project", (site.root / "store/group/app.git").string()));
  CHECK(comes([&] { return !published.empty(); }));
  listener.reset();
  CHECK(published == std::vector<std::string>{"project/7"});
  CHECK(count_in(spool) == 1); // what may still be being written
  CHECK(count_in(site.root / "data/spool/hooks-set-aside") == 10);
}

TEST_CASE_METHOD(push_fixture, "the spool takes from everybody, and shows nothing", "[push]") {
  REQUIRE(prepare_push_spool(spool));
  struct stat facts {};
  REQUIRE(::stat(spool.c_str(), &facts) == 0);
  CHECK((facts.st_mode & 07777) == 01733);
  if (::geteuid() != 0)
    return; // nobody else can be played
  for (auto folder = spool; folder != "/tmp"; folder = folder.parent_path())
    if (folder != spool)
      fs::permissions(folder, static_cast<fs::perms>(0711));
  const pid_t child = ::fork();
  if (child == 0) {
    const bool became = ::setgid(65534) == 0 && ::setuid(65534) == 0;
    const bool left =
        became &&
        leave_push_note(spool, "project", (site.root / "store/group/app.git").string()).has_value();
    ::_exit(left && ::access(spool.c_str(), R_OK) != 0 ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  auto listener = listen();
  CHECK(comes([&] { return !published.empty(); }));
}

TEST_CASE_METHOD(push_fixture, "a push runs the hook that was there, then ours", "[push]") {
  const auto bare = site.root / "store/group/app.git";
  const auto work = site.root / "work";
  fs::create_directories(bare.parent_path());
  REQUIRE(run("git init -q --bare " + bare.string() + " && git init -q -b main " + work.string() +
              " && git -C " + work.string() + " commit -q --allow-empty -m 1") == 0);
  const auto hook = bare / "hooks/post-receive";
  fs::create_directories(bare / "hooks");
  std::ofstream{hook} << "#!/bin/sh\ncat > " << (site.root / "seen").string() << "\nexit 0\n";
  fs::permissions(hook, static_cast<fs::perms>(0755));

  std::ostringstream out, err;
  const hook_install_options options{"project", {bare}};
  CHECK(hook_install_command(*settings, options, {out, err}) == exit_code::done);
  CHECK_THAT(out.str(), Contains("the hook that was there runs before it"));
  CHECK_THAT(content_of(bare / "hooks/post-receive.before-farshore"), Contains("cat > "));
  const auto text = content_of(hook);
  CHECK_THAT(text, Contains("hook post-receive --type 'project' --spool '" + spool.string() + "'"));
  out.str({});
  CHECK(hook_install_command(*settings, options, {out, err}) == exit_code::done);
  CHECK_THAT(out.str(), Contains("is there already"));
  CHECK(content_of(hook) == text);
  CHECK_THAT(content_of(bare / "hooks/post-receive.before-farshore"), Contains("cat > "));
  CHECK(err.str().empty());

  // The program that is under test stands where the installed one will.
  const auto program = fs::read_symlink("/proc/self/exe").string();
  auto ours = text;
  ours.replace(ours.find(program), program.size(), FARSHORE_PROGRAM);
  std::ofstream{hook, std::ios::trunc} << ours;
  auto listener = listen();
  REQUIRE(run("git -C " + work.string() + " push -q " + bare.string() + " main",
              site.root / "said") == 0);
  CHECK(content_of(site.root / "said").empty());
  CHECK(comes([&] { return published == std::vector<std::string>{"project/7"}; }));
  CHECK_THAT(content_of(site.root / "seen"), Contains(" refs/heads/main\n"));

  // A spool that is away costs the news, and not the push.
  listener.reset();
  fs::remove_all(spool);
  REQUIRE(run("cd " + work.string() + " && git commit -q --allow-empty -m 2 && git push " +
                  bare.string() + " main",
              site.root / "said") == 0);
  CHECK_THAT(content_of(site.root / "said"), Contains("its copies hear of it later"));
}

TEST_CASE_METHOD(push_fixture, "the hook goes into repositories of the type's store only",
                 "[push]") {
  const auto elsewhere = site.root / "elsewhere.git";
  REQUIRE(run("git init -q --bare " + elsewhere.string()) == 0);
  std::ostringstream out, err;
  CHECK(hook_install_command(*settings, {"project", {elsewhere, site.root / "store"}},
                             {out, err}) == exit_code::no);
  CHECK_THAT(err.str(), Contains("does not lie in the store of type project") &&
                            Contains("it is no bare repository"));
  CHECK_FALSE(fs::exists(elsewhere / "hooks/post-receive"));
  CHECK(hook_install_command(*settings, {"nothing", {elsewhere}}, {out, err}) == exit_code::no);
  settings->role = site_role::secondary;
  CHECK(hook_install_command(*settings, {"project", {elsewhere}}, {out, err}) ==
        exit_code::refused);
}

TEST_CASE("a token opens repositories, as long as it says", "[token]") {
  site_folder site;
  std::ostringstream out, err;
  const auto settings = site.settings();
  CHECK(token_command(settings, {.read = true, .name = "ann", .days = 2}, {out, err}) ==
        exit_code::done);
  auto token = out.str();
  REQUIRE(token.ends_with('\n'));
  token.pop_back();
  const auto secrets = load_secrets(settings);
  REQUIRE(secrets);
  const auto now = system_time().wall();
  const auto reader = verify_reader(*secrets, "Bearer " + token, now);
  REQUIRE(reader);
  CHECK(*reader == "ann");
  CHECK(verify_reader(*secrets, "Bearer " + token, now + 47h));
  CHECK_FALSE(verify_reader(*secrets, "Bearer " + token, now + 49h));
  CHECK_FALSE(verify_request(*secrets, "Bearer " + token, "GET", "/v1/events", now));
  CHECK_THAT(out.str(), !Contains(secrets->front()));
  CHECK(token_command(settings, {.read = true, .name = "a\nb", .days = 2}, {out, err}) ==
        exit_code::usage);
  CHECK(token_command(settings, {.name = "ann", .days = 2}, {out, err}) == exit_code::usage);
}

TEST_CASE("a token for people opens their site's API, and no repository", "[token]") {
  site_folder site;
  const auto settings = site.settings();
  const auto secrets = load_secrets(settings);
  REQUIRE(secrets);
  const auto now = system_time().wall();
  for (const bool operating : {false, true}) {
    std::ostringstream out, err;
    REQUIRE(token_command(settings, {.viewer = !operating, .operating = operating, .days = 2},
                          {out, err}) == exit_code::done);
    auto token = out.str();
    token.pop_back();
    const auto whose = verify_person(*secrets, settings.site_name, token, now);
    REQUIRE(whose);
    CHECK(whose->name == (operating ? "operator" : "viewer"));
    CHECK((whose->level == person_level::operating) == operating);
    CHECK_FALSE(verify_reader(*secrets, "Bearer " + token, now));
    CHECK_FALSE(verify_person(*secrets, settings.site_name, token, now + 49h));
  }
  std::ostringstream out, err;
  CHECK(token_command(settings, {.viewer = true, .operating = true}, {out, err}) ==
        exit_code::usage);
}
