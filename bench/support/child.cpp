#include "bench/support/child.hpp"

#include "bench/support/benchmark.hpp"
#include "registry/server_process.hpp"

#include <csignal>
#include <fstream>
#include <limits>
#include <stdexcept>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace farshore::bench {

namespace {

using namespace std::chrono_literals;

/// `count` fields from the 14th of /proc/PID/stat, added up: user and system time of the process,
/// then of its children.
std::chrono::duration<double> clock_ticks(pid_t pid, int count) {
  std::ifstream in{fmt::format("/proc/{}/stat", pid)};
  in.ignore(std::numeric_limits<std::streamsize>::max(), ')'); // the name may hold spaces
  std::string skipped;
  for (int field = 3; field < 14; ++field)
    in >> skipped;
  double sum = 0;
  for (double ticks = 0; count > 0 && in >> ticks; --count)
    sum += ticks;
  return std::chrono::duration<double>{sum / static_cast<double>(::sysconf(_SC_CLK_TCK))};
}

/// "VmRSS:   1234 kB" of /proc/PID/status.
std::uint64_t memory_field(pid_t pid, const std::string& name) {
  std::ifstream in{fmt::format("/proc/{}/status", pid)};
  std::string key;
  while (in >> key) {
    std::uint64_t kilobytes = 0;
    if (key == name + ":" && in >> kilobytes)
      return kilobytes * 1024;
    in.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

} // namespace

child::child(const std::vector<std::string>& arguments, const std::filesystem::path& log)
    : log_{log} {
  std::vector<char*> words;
  for (const auto& word : arguments)
    words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const auto parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0)
    throw std::runtime_error("cannot start " + arguments.front());
  if (pid_ > 0)
    return;
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent)
    ::_exit(127);
  if (const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644); out >= 0) {
    ::dup2(out, 1);
    ::dup2(out, 2);
  }
  if (const int in = ::open("/dev/null", O_RDONLY); in >= 0)
    ::dup2(in, 0);
  ::execvp(words[0], words.data());
  ::_exit(127);
}

child::~child() {
  stop();
}

bool child::ended(int flags) {
  int raw = 0;
  if (!ended_ && ::waitpid(pid_, &raw, flags) == pid_) {
    ended_ = true;
    status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
  }
  return ended_;
}

void child::must_run() {
  if (ended(WNOHANG))
    throw std::runtime_error(
        fmt::format("a program ended with {}: {}", status_, log_tail(log_, 0)));
}

int child::wait() {
  while (!ended(WNOHANG))
    pause(1ms);
  return status_;
}

void child::stop() {
  if (ended(WNOHANG))
    return;
  ::kill(pid_, SIGTERM);
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (!ended(WNOHANG)) {
    if (std::chrono::steady_clock::now() > until)
      ::kill(pid_, SIGKILL);
    ::usleep(1000);
  }
}

std::uint64_t child::memory() const {
  return memory_field(pid_, "VmRSS");
}

std::uint64_t child::peak_memory() const {
  return memory_field(pid_, "VmHWM");
}

std::chrono::duration<double> child::processor_time() const {
  return clock_ticks(pid_, 2);
}

std::chrono::duration<double> child::processor_time_with_children() const {
  return clock_ticks(pid_, 4);
}

void run(const std::vector<std::string>& arguments, const std::filesystem::path& log) {
  child program{arguments, log};
  if (const auto status = program.wait(); status != 0)
    throw std::runtime_error(
        fmt::format("{} ended with {}: {}", arguments.front(), status, log_tail(log, 0)));
}

} // namespace farshore::bench
