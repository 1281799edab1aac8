// A run of git, and of one that hangs.

#include "strategies/repository/git_program.hpp"
#include "strategies/unique_fd.hpp"

#include "tests/strategies/git_repository.hpp"
#include "tests/strategies/stores.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>

#include <catch2/catch.hpp>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;

namespace {

/// While it lives, `git` is a script of the test's.
class other_git {
public:
  explicit other_git(const std::string& script) {
    const auto path = folder_.path() / "git";
    std::ofstream{path} << "#!/bin/sh\n" << script << '\n';
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    ::setenv("PATH", (folder_.path().string() + ":" + before_).c_str(), 1);
  }
  ~other_git() { ::setenv("PATH", before_.c_str(), 1); }
  [[nodiscard]] std::filesystem::path path() const { return folder_.path(); }

private:
  temporary_folder folder_;
  std::string before_ = std::getenv("PATH");
};

struct program_fixture {
  temporary_folder folder;
  git_repository git = git_repository::init(folder.path() / "app.git");
  unique_fd at{::open(git.path().c_str(), O_PATH | O_DIRECTORY)};

  git_command command(std::vector<std::string> arguments) const {
    git_command made;
    made.arguments = std::move(arguments);
    made.folder = at.get();
    made.silence = 300ms;
    return made;
  }
};

} // namespace

TEST_CASE_METHOD(program_fixture, "git is given input, and gives output and a code",
                 "[git_program]") {
  const auto oid = git.commit("1");
  const std::string absent(40, 'e');
  std::string input;
  std::string expected;
  for (int i = 0; i < 5'000; ++i) {
    input += oid + '\n' + absent + '\n';
    expected += "commit\n" + absent + " missing\n";
  }
  const auto answer = run_git(command({"cat-file", "--batch-check=%(objecttype)"}), input);
  REQUIRE(answer);
  CHECK(answer->code == 0);
  CHECK(answer->output == expected);
  const auto wrong = run_git(command({"rev-parse", "--verify", "nothing"}));
  REQUIRE(wrong);
  CHECK(wrong->code == 128);
  CHECK(wrong->complaints.find("fatal") != std::string::npos);
}

TEST_CASE_METHOD(program_fixture, "git runs with an environment of its own", "[git_program]") {
  const other_git fake{"env; ls -l /proc/self/fd | wc -l"};
  ::setenv("GIT_TRACE", "1", 1);
  const int leaking = ::open("/dev/null", O_RDONLY);
  const auto answer = run_git(command({"x"}));
  ::close(leaking);
  ::unsetenv("GIT_TRACE");
  REQUIRE(answer);
  CHECK(answer->output.find("GIT_TRACE") == std::string::npos);
  CHECK(answer->output.find("GIT_CONFIG_GLOBAL=/dev/null") != std::string::npos);
  CHECK(answer->output.find("GIT_DIR=.\n") != std::string::npos);
  // "total", three streams, and the listing itself.
  CHECK(answer->output.ends_with("\n5\n"));
}

TEST_CASE_METHOD(program_fixture, "a git that hangs is killed, with all that it started",
                 "[git_program]") {
  const other_git fake{"sleep 1000 & echo $! > \"" + (folder.path() / "pid").string() + "\"; wait"};
  const auto answer = run_git(command({"x"}), std::string(10'000'000, 'x'));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == ec::no_progress);
  pid_t pid = 0;
  std::ifstream{folder.path() / "pid"} >> pid;
  REQUIRE(pid > 0);
  const unique_fd life{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  pollfd ended{life.get(), POLLIN, 0};
  CHECK((!life || ::poll(&ended, 1, 10'000) == 1)); // gone, or going
}

TEST_CASE_METHOD(program_fixture, "a git that says something now and then is waited for",
                 "[git_program]") {
  const other_git fake{"for i in 1 2 3 4 5; do sleep 0.2; echo $i >&2; done"};
  const auto answer = run_git(command({"x"}));
  REQUIRE(answer);
  CHECK(answer->complaints == "1\n2\n3\n4\n5\n");
}

TEST_CASE_METHOD(program_fixture, "a git that is cancelled is killed", "[git_program]") {
  const other_git fake{"sleep 1000"};
  auto what = command({"x"});
  what.silence = 1h;
  what.cancelled = [asked = 0]() mutable { return ++asked > 2; };
  const auto answer = run_git(what);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == ec::stopping);
}

TEST_CASE_METHOD(program_fixture, "a git that takes no more input fails with its words",
                 "[git_program]") {
  const other_git fake{"echo 'fatal: no' >&2; exit 3"};
  const auto answer = run_git(command({"x"}), std::string(10'000'000, 'x'));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == ec::protocol);
  CHECK(answer.error().message.find("fatal: no") != std::string::npos);
}

TEST_CASE_METHOD(program_fixture, "a full disk is told from other failures", "[git_program]") {
  const other_git fake{"echo 'fatal: write error: No space left on device' >&2; exit 128"};
  auto program = git_program::start(command({"x"}));
  REQUIRE(program);
  CHECK((*program)->finish() == 128);
  CHECK((*program)->failure(ec::protocol, "it fails").code == ec::no_space);
}

TEST_CASE_METHOD(program_fixture, "a machine without git is told to install it", "[git_program]") {
  const auto before = std::string{std::getenv("PATH")};
  ::setenv("PATH", folder.path().c_str(), 1);
  const auto answer = run_git(command({"version"}));
  ::setenv("PATH", before.c_str(), 1);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == ec::disk);
  CHECK(answer.error().message.find("install") != std::string::npos);
}
