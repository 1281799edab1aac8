#include "strategies/repository/git_program.hpp"

#include "strategies/file_errors.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

namespace farshore {

namespace {

using std::chrono::milliseconds;

constexpr int pipe_bytes = 1 << 20;
constexpr milliseconds step{100};
constexpr std::size_t said_bytes_max = 400;

/// What a repository's own configuration could use to run something, or to change what is made.
constexpr std::array<std::pair<const char*, const char*>, 13> configuration{{
    {"safe.directory", "*"},
    {"core.hooksPath", "/dev/null"},
    {"core.fsmonitor", "false"},
    {"core.alternateRefsCommand", ":"},
    {"core.attributesFile", "/dev/null"},
    {"core.sshCommand", "false"},
    {"core.askPass", "false"},
    {"credential.helper", ""},
    {"protocol.allow", "never"},
    {"gc.auto", "0"},
    {"maintenance.auto", "false"},
    // We flush by ourselves, and many repositories at once.
    {"core.fsync", "none"},
    {"advice.detachedHead", "false"},
}};

std::vector<std::string> environment_for(const git_command& what) {
  const char* path = std::getenv("PATH");
  std::vector<std::string> all{
      std::string{"PATH="} + (path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin"),
      "LC_ALL=C",
      "HOME=/nonexistent",
      "GIT_DIR=.",
      "GIT_CONFIG_NOSYSTEM=1",
      "GIT_CONFIG_GLOBAL=/dev/null",
      "GIT_ATTR_NOSYSTEM=1",
      "GIT_TERMINAL_PROMPT=0",
      "GIT_OPTIONAL_LOCKS=0",
      "GIT_NO_LAZY_FETCH=1",
      "GIT_NO_REPLACE_OBJECTS=1",
      "GIT_GRAFT_FILE=/nonexistent",
      "GIT_PROTOCOL_FROM_USER=0",
      fmt::format("GIT_CONFIG_COUNT={}", configuration.size()),
  };
  for (std::size_t i = 0; i < configuration.size(); ++i) {
    all.push_back(fmt::format("GIT_CONFIG_KEY_{}={}", i, configuration[i].first));
    all.push_back(fmt::format("GIT_CONFIG_VALUE_{}={}", i, configuration[i].second));
  }
  all.insert(all.end(), what.environment.begin(), what.environment.end());
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (auto& text : texts)
    all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

struct stream_pair {
  unique_fd ours;
  unique_fd theirs;
};

std::optional<stream_pair> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return std::nullopt;
  return stream_pair{unique_fd{ends[0]}, unique_fd{ends[1]}};
}

/// Not a pipe: what is written to a socket that nobody reads need not raise a signal.
std::optional<stream_pair> make_input() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return std::nullopt;
  return stream_pair{unique_fd{ends[0]}, unique_fd{ends[1]}};
}

int spawn(pid_t& pid, const git_command& what, int in, int out, int complaints) {
  std::vector<std::string> arguments{"git"};
  arguments.insert(arguments.end(), what.arguments.begin(), what.arguments.end());
  auto environment = environment_for(what);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, in, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out, 1);
  ::posix_spawn_file_actions_adddup2(&actions, complaints, 2);
  ::posix_spawn_file_actions_addfchdir_np(&actions, what.folder);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETSIGMASK);
  const int failed = ::posix_spawnp(&pid, "git", &actions, &attributes, pointers(arguments).data(),
                                    pointers(environment).data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  return failed;
}

/// "git gc" of `git -c this=that gc`.
std::string name_of(const std::vector<std::string>& arguments) {
  auto verb = arguments.begin();
  while (arguments.end() - verb > 2 && *verb == "-c")
    verb += 2;
  return verb == arguments.end() ? "git" : "git " + *verb;
}

void make_nonblocking(const unique_fd& fd) {
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

} // namespace

result<std::unique_ptr<git_program>> git_program::start(const git_command& what) {
  auto input = make_input();
  auto output = make_pipe();
  auto complaints = make_pipe();
  if (!input || !output || !complaints)
    return fail(file_error(errno, "make pipes for git"));
  // Best where it is granted: a pack comes through it.
  (void)::fcntl(output->ours.get(), F_SETPIPE_SZ, pipe_bytes);
  std::unique_ptr<git_program> made{new git_program};
  const int failed =
      spawn(made->pid_, what, input->theirs.get(), output->theirs.get(), complaints->theirs.get());
  if (failed == ENOENT)
    return fail(ec::disk, "the program git is not installed; `apt install git` brings it");
  if (failed != 0)
    return fail(ec::disk, file_error(failed, "start git").message);
  made->name_ = name_of(what.arguments);
  made->cancelled_ = what.cancelled;
  made->silence_ = what.silence;
  made->input_ = std::move(input->ours);
  made->output_from_ = std::move(output->ours);
  made->complaints_from_ = std::move(complaints->ours);
  for (const auto* fd : {&made->input_, &made->output_from_, &made->complaints_from_})
    make_nonblocking(*fd);
  return made;
}

git_program::~git_program() {
  kill_all();
}

void git_program::kill_all() {
  if (pid_ <= 0)
    return;
  ::kill(-pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void git_program::take_complaints() {
  std::array<char, 4096> buffer;
  const auto n = ::read(complaints_from_.get(), buffer.data(), buffer.size());
  if (n == 0)
    complaints_from_ = {};
  if (n <= 0)
    return;
  silent_ = milliseconds{0};
  const auto room = complaint_bytes_max - std::min(complaint_bytes_max, complaints_.size());
  complaints_.append(buffer.data(), std::min(room, static_cast<std::size_t>(n)));
}

result<git_program::ready> git_program::await(bool input, bool output, milliseconds wait) {
  for (;;) {
    std::array<pollfd, 3> all{{
        {complaints_from_ ? complaints_from_.get() : -1, POLLIN, 0},
        {output && output_from_ ? output_from_.get() : -1, POLLIN, 0},
        {input && input_ ? input_.get() : -1, POLLOUT, 0},
    }};
    const auto part = std::min(wait, step);
    const int n = ::poll(all.data(), all.size(), static_cast<int>(part.count()));
    if (n < 0 && errno != EINTR)
      return fail(file_error(errno, "wait for git"));
    if (n > 0 && all[0].revents != 0)
      take_complaints();
    const ready now{n > 0 && all[2].revents != 0, n > 0 && all[1].revents != 0};
    if (now.input || now.output) {
      silent_ = milliseconds{0};
      return now;
    }
    if (cancelled_ && cancelled_()) {
      kill_all();
      return fail(ec::stopping, name_ + " was cancelled");
    }
    if (n == 0) {
      wait -= part;
      silent_ += part;
    }
    if (silent_ >= silence_) {
      kill_all();
      return fail(ec::no_progress, fmt::format("{} did nothing for {} s and was killed", name_,
                                               silence_.count() / 1000));
    }
    // Nothing more comes from it: whoever waits for that waits for its end.
    if (wait <= milliseconds{0} || (!complaints_from_ && !all[1].events && !input))
      return ready{};
  }
}

result<void> git_program::take_output() {
  std::array<char, 16 * 1024> buffer;
  const auto n = ::read(output_from_.get(), buffer.data(), buffer.size());
  if (n == 0)
    output_from_ = {};
  if (n <= 0)
    return {};
  if (output_.size() + static_cast<std::size_t>(n) > output_bytes_max)
    return fail(ec::protocol, name_ + " says more than is to be believed");
  output_.append(buffer.data(), static_cast<std::size_t>(n));
  return {};
}

result<void> git_program::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    auto now = await(true, true, silence_ + step);
    if (!now)
      return fail(std::move(now).error());
    if (now->output)
      if (auto taken = take_output(); !taken)
        return taken;
    if (!now->input)
      continue;
    const auto n = ::send(input_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    } else if (errno != EAGAIN && errno != EINTR) {
      if (auto ended = finish(); !ended)
        return fail(std::move(ended).error());
      return fail(failure(ec::protocol, name_ + " gave up"));
    }
  }
  return {};
}

result<bool> git_program::has_output(milliseconds wait) {
  if (!output_.empty() || !output_from_)
    return true;
  auto now = await(false, true, wait);
  if (!now)
    return fail(std::move(now).error());
  return now->output;
}

result<std::size_t> git_program::read(std::span<std::byte> bytes) {
  if (!output_.empty()) { // it came while we wrote
    const auto n = std::min(output_.size(), bytes.size());
    std::memcpy(bytes.data(), output_.data(), n);
    output_.erase(0, n);
    return n;
  }
  while (output_from_) {
    auto now = await(false, true, silence_ + step);
    if (!now)
      return fail(std::move(now).error());
    const auto n = ::read(output_from_.get(), bytes.data(), bytes.size());
    if (n > 0)
      return static_cast<std::size_t>(n);
    if (n == 0)
      output_from_ = {};
    else if (errno != EAGAIN && errno != EINTR)
      return fail(file_error(errno, "read from " + name_));
  }
  return 0;
}

result<int> git_program::finish() {
  end_input();
  while (output_from_ || complaints_from_) {
    auto now = await(false, static_cast<bool>(output_from_), step);
    if (!now)
      return fail(std::move(now).error());
    if (now->output)
      if (auto taken = take_output(); !taken)
        return fail(std::move(taken).error());
  }
  for (milliseconds pause{1}; pid_ > 0;) {
    int status = 0;
    const auto ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended == pid_) {
      pid_ = -1;
      code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      break;
    }
    ::poll(nullptr, 0, static_cast<int>(pause.count()));
    silent_ += pause;
    pause = std::min(pause * 2, milliseconds{50});
    if (silent_ >= silence_) {
      kill_all();
      return fail(ec::no_progress, name_ + " did not end and was killed");
    }
  }
  return code_;
}

std::string git_program::complaints() const {
  std::string kept;
  std::string_view rest = complaints_;
  while (!rest.empty()) {
    const auto end = std::min(rest.find_first_of("\r\n"), rest.size());
    // What ends with a carriage return is overwritten by the next: progress.
    const bool is_line = end == rest.size() || rest[end] == '\n';
    const auto line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (is_line && !line.empty() && !line.ends_with(", done."))
      kept.append(line) += '\n';
  }
  return kept;
}

error git_program::failure(ec code, std::string_view what) const {
  auto said = complaints();
  if (said.find("No space left on device") != std::string::npos)
    code = ec::no_space;
  if (said.size() > said_bytes_max)
    said.resize(said_bytes_max);
  std::ranges::replace(said, '\n', ' ');
  return {code, said.empty() ? fmt::format("{} (code {})", what, code_)
                             : fmt::format("{}: {}", what, said)};
}

result<git_answer> run_git(const git_command& what, std::string_view input) {
  auto program = git_program::start(what);
  if (!program)
    return fail(std::move(program).error());
  if (auto written = (*program)->write(input); !written)
    return fail(std::move(written).error());
  const auto code = (*program)->finish();
  if (!code)
    return fail(code.error());
  return git_answer{*code, (*program)->output(), (*program)->complaints()};
}

} // namespace farshore
