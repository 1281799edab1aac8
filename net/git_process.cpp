#include "net/git_process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace farshore {

namespace {

namespace asio = boost::asio;

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t complaint_bytes_max = 4096;
constexpr std::size_t protocol_bytes_max = 256;

std::vector<std::string> environment(const std::string& protocol) {
  const auto* path = std::getenv("PATH");
  std::vector<std::string> out{
      std::string{"PATH="} + (path != nullptr ? path : "/usr/bin:/bin"),
      "LC_ALL=C",
      "HOME=/nonexistent",
      "GIT_CONFIG_NOSYSTEM=1",
      "GIT_CONFIG_GLOBAL=/dev/null",
      "GIT_ATTR_NOSYSTEM=1",
      "GIT_TERMINAL_PROMPT=0",
      "GIT_OPTIONAL_LOCKS=0",
      // A repository may say that missing objects are to be fetched, by a program that it names.
      "GIT_NO_LAZY_FETCH=1",
      "GIT_ALLOW_PROTOCOL=none",
  };
  // Behind the repository's own, so these count. A hook for packing counts from here only.
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> settings{{
      {"safe.directory", "*"}, // it is another user's, mostly
      {"core.hooksPath", "/dev/null"},
      {"core.alternateRefsCommand", "true"},
      {"uploadpack.allowFilter", "true"},
      // As protocol 2 allows it anyway: a partial clone asks for single objects.
      {"uploadpack.allowAnySHA1InWant", "true"},
  }};
  out.push_back("GIT_CONFIG_COUNT=" + std::to_string(settings.size()));
  for (std::size_t i = 0; i < settings.size(); ++i) {
    out.push_back("GIT_CONFIG_KEY_" + std::to_string(i) + "=" + std::string{settings[i].first});
    out.push_back("GIT_CONFIG_VALUE_" + std::to_string(i) + "=" + std::string{settings[i].second});
  }
  if (!protocol.empty())
    out.push_back("GIT_PROTOCOL=" + protocol);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts)
    out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// A file in memory that holds so much and not a byte more: who writes to it never waits.
unique_fd make_complaints() {
  unique_fd file{::memfd_create("git-complaints", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  if (file && (::ftruncate(file.get(), complaint_bytes_max) != 0 ||
               ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) != 0))
    return {};
  return file;
}

tl::unexpected<error> cannot_run(int why) {
  return fail(ec::internal, std::string{"git can't be run: "} + std::strerror(why) +
                                (why == ENOENT ? "; install the package git" : ""));
}

} // namespace

result<spawned_git> spawn_upload_pack(const unique_fd& folder, std::vector<std::string> arguments,
                                      const std::string& protocol) {
  spawned_git child;
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return cannot_run(errno);
  child.conversation = unique_fd{ends[0]};
  const unique_fd theirs{ends[1]};
  child.complaints = make_complaints();
  if (!child.complaints)
    return cannot_run(errno);

  std::vector<std::string> line{"git", "upload-pack", "--strict"};
  line.insert(line.end(), std::make_move_iterator(arguments.begin()),
              std::make_move_iterator(arguments.end()));
  line.emplace_back(".");
  auto variables = environment(protocol);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addfchdir_np(&files, folder.get());
  posix_spawn_file_actions_adddup2(&files, theirs.get(), 0);
  posix_spawn_file_actions_adddup2(&files, theirs.get(), 1);
  posix_spawn_file_actions_adddup2(&files, child.complaints.get(), 2);
  posix_spawn_file_actions_addclosefrom_np(&files, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0); // killed as one with what it starts
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int failed = ::posix_spawnp(&child.pid, "git", &files, &attributes, pointers(line).data(),
                                    pointers(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0)
    return cannot_run(failed);
  child.life = unique_fd{static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0))};
  if (!child.life) {
    const int why = errno;
    ::kill(-child.pid, SIGKILL);
    ::waitpid(child.pid, nullptr, 0);
    return cannot_run(why);
  }
  return child;
}

bool is_git_protocol(std::string_view text) {
  return text.size() <= protocol_bytes_max && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '=' || c == ':';
         });
}

bool wants_protocol_2(std::string_view protocol) {
  while (!protocol.empty()) {
    const auto item = protocol.substr(0, protocol.find(':'));
    if (item == "version=2") // the highest that git knows; others it passes over
      return true;
    protocol.remove_prefix(std::min(protocol.size(), item.size() + 1));
  }
  return false;
}

git_process::git_process(asio::any_io_executor executor, spawned_git child)
    : pid_{child.pid},
      conversation_{executor, asio::local::stream_protocol{}, child.conversation.release()},
      life_{executor, child.life.release()},
      complaints_{std::move(child.complaints)} {}

git_process::~git_process() {
  if (pid_ < 0)
    return;
  kill();
  reap(0); // it is dead: at once
}

void git_process::kill() {
  if (pid_ > 0)
    ::kill(-pid_, SIGKILL);
}

asio::awaitable<bool> git_process::end() {
  while (pid_ > 0) {
    auto [failed] = co_await life_.async_wait(asio::posix::descriptor_base::wait_read, as_values);
    if (reap(failed ? 0 : WNOHANG))
      break;
  }
  co_return content_;
}

bool git_process::reap(int flags) {
  siginfo_t ended{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT | flags) == 0 &&
      ended.si_pid == 0)
    return false;
  // What it left behind. Until it is taken away its number is nobody else's.
  ::kill(-pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  content_ = ended.si_code == CLD_EXITED && ended.si_status == 0;
  pid_ = -1;
  return true;
}

std::string git_process::complaint() const {
  std::string text(complaint_bytes_max, '\0');
  const auto got = ::pread(complaints_.get(), text.data(), text.size(), 0);
  text.resize(got > 0 ? ::strnlen(text.data(), static_cast<std::size_t>(got)) : 0);
  text.resize(text.find_last_not_of('\n') + 1);
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text;
}

} // namespace farshore
