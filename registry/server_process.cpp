#include "registry/server_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fstream>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace farshore {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr auto poll_pause = 5ms;

/// The newest installed version's programs.
std::optional<fs::path> find_programs() {
  std::optional<fs::path> best;
  int best_version = -1;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator{"/usr/lib/postgresql", ignored}) {
    const auto name = entry.path().filename().string();
    int version = -1;
    std::from_chars(name.data(), name.data() + name.size(), version);
    const auto programs = entry.path() / "bin";
    if (version > best_version && fs::exists(programs / "postgres", ignored) &&
        fs::exists(programs / "initdb", ignored)) {
      best_version = version;
      best = programs;
    }
  }
  return best;
}

/// Whether the account may pass through every folder on the way to `path`, by their mode bits.
bool can_reach(const server_account& account, fs::path path) {
  while (path.has_relative_path()) {
    path = path.parent_path();
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0)
      continue; // not there yet: it will be made with the account as its owner
    const mode_t needed = found.st_uid == account.uid   ? S_IXUSR
                          : found.st_gid == account.gid ? S_IXGRP
                                                        : S_IXOTH;
    if ((found.st_mode & needed) == 0)
      return false;
  }
  return true;
}

/// The command line in front of the program's own.
std::vector<std::string> prefix(const server_account& account, const fs::path& data) {
  std::vector<std::string> line{"setpriv", "--pdeathsig", "INT"};
  if (account.substituted) {
    line.push_back("--reuid=" + std::to_string(account.uid));
    line.push_back("--regid=" + std::to_string(account.gid));
    line.emplace_back("--clear-groups");
    // The node's folder often lies beneath one that root alone may enter (root's home, a temporary
    // folder): PostgreSQL then needs to pass through, so it keeps the one capability to look past
    // modes. It may write nothing more by it.
    if (!can_reach(account, data)) {
      line.emplace_back("--inh-caps=+dac_read_search");
      line.emplace_back("--ambient-caps=+dac_read_search");
    }
  }
  line.emplace_back("--");
  return line;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts)
    out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// Standard streams only, a session of its own, signals as they were at boot.
result<pid_t> spawn(std::vector<std::string> line, const fs::path& log) {
  // The account's own environment (PGOPTIONS, LC_ALL …) would change what PostgreSQL does.
  std::vector<std::string> environment{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"};
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  posix_spawn_file_actions_addclosefrom_np(&files, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int failed = ::posix_spawnp(&pid, line.front().c_str(), &files, &attributes,
                                    pointers(line).data(), pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0)
    return fail(ec::database_unavailable, "cannot run " + line.front() + ": " +
                                              std::strerror(failed) +
                                              " (setpriv is in the package util-linux; the log " +
                                              log.string() + " must be writable)");
  return pid;
}

} // namespace

result<server_account> find_server_account() {
  server_account account{::geteuid(), ::getegid(), false, {}};
  auto programs = find_programs();
  if (!programs)
    return fail(ec::database_unavailable,
                "PostgreSQL is not installed: /usr/lib/postgresql/*/bin has no initdb and "
                "postgres; install the package postgresql, or give an existing database's "
                "postgresql:// address");
  account.programs = std::move(*programs);
  if (account.uid == 0) {
    const auto* user = ::getpwnam("postgres");
    if (user == nullptr)
      return fail(ec::database_unavailable,
                  "PostgreSQL does not run as root, and there is no user \"postgres\" to run it "
                  "as: install the package postgresql, or start the node as another user");
    account.uid = user->pw_uid;
    account.gid = user->pw_gid;
    account.substituted = true;
  }
  return account;
}

result<server_process> server_process::start(const server_account& account,
                                             const std::vector<std::string>& arguments,
                                             const fs::path& data, const fs::path& log) {
  auto line = prefix(account, data);
  line.push_back(account.programs / arguments.front());
  line.insert(line.end(), arguments.begin() + 1, arguments.end());
  return spawn(std::move(line), log).map([](pid_t pid) { return server_process{pid}; });
}

server_process::server_process(server_process&& other) noexcept
    : pid_{std::exchange(other.pid_, -1)}, status_{other.status_} {}

server_process::~server_process() {
  if (pid_ < 0)
    return;
  // Each is waited for before the next: a harsher end costs a crash recovery.
  const std::pair<int, std::chrono::milliseconds> ends[] = {
      {SIGINT, 30s}, {SIGQUIT, 10s}, {SIGKILL, 10s}};
  for (const auto& [signal, limit] : ends) {
    if (!running())
      return;
    ::kill(pid_, signal);
    if (wait(limit))
      return;
  }
}

bool server_process::running() {
  return !wait(0ms);
}

std::optional<int> server_process::wait(std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!status_) {
    int raw = 0;
    const auto got = ::waitpid(pid_, &raw, WNOHANG);
    if (got == pid_)
      status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
    else if (got < 0 && errno == ECHILD)
      status_ = -1; // somebody else has waited for it
    else if (std::chrono::steady_clock::now() >= until)
      return std::nullopt;
    else
      std::this_thread::sleep_for(poll_pause);
  }
  return status_;
}

std::string log_tail(const fs::path& log, std::uintmax_t from, std::size_t bytes) {
  std::ifstream in{log, std::ios::binary | std::ios::ate};
  if (!in)
    return {};
  const auto size = static_cast<std::uintmax_t>(in.tellg());
  const auto begin = std::max(from, size > bytes ? size - bytes : 0);
  if (begin >= size)
    return {};
  std::string text(size - begin, '\0');
  in.seekg(static_cast<std::streamoff>(begin));
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (begin > from) // begins within a line
    text.erase(0, text.find('\n') + 1);
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  return text;
}

} // namespace farshore
