#include "tests/e2e/child.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace farshore::test {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void give_up(const std::string& what, int number) {
  throw std::runtime_error{"cannot " + what + ": " + std::strerror(number)};
}

pid_t spawn(const std::vector<std::string>& line, int out, int err) {
  std::vector<char*> words;
  for (const auto& word : line)
    words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0)
    give_up("run " + line[0], failed);
  return pid;
}

/// A nameless file in memory.
class capture {
public:
  explicit capture(const char* name) : fd_{::memfd_create(name, MFD_CLOEXEC)} {
    if (fd_ < 0)
      give_up("make a file in memory", errno);
  }
  ~capture() { ::close(fd_); }
  capture(const capture&) = delete;
  capture& operator=(const capture&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::string text() const {
    std::string all;
    char block[65536];
    ssize_t got = 0;
    while ((got = ::pread(fd_, block, sizeof block, static_cast<off_t>(all.size()))) > 0)
      all.append(block, static_cast<std::size_t>(got));
    return all;
  }

private:
  int fd_;
};

int code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

} // namespace

finished run(const std::vector<std::string>& line) {
  const capture out{"out"};
  const capture err{"err"};
  const int code = wait_for_end(spawn(line, out.fd(), err.fd()));
  return {code, out.text(), err.text()};
}

pid_t launch(const std::vector<std::string>& line, const fs::path& log) {
  std::vector<std::string> whole{"setpriv", "--pdeathsig", "KILL", "--"};
  whole.insert(whole.end(), line.begin(), line.end());
  const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0)
    give_up("open " + log.string(), errno);
  const auto pid = spawn(whole, fd, fd);
  ::close(fd);
  return pid;
}

int wait_for_end(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR)
      give_up("wait for process " + std::to_string(pid), errno);
  return code_of(status);
}

bool has_ended(pid_t pid, int& code) {
  int status = 0;
  if (::waitpid(pid, &status, WNOHANG) != pid)
    return false;
  code = code_of(status);
  return true;
}

std::vector<pid_t> processes_in(const fs::path& folder) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator{"/proc"}) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos)
      continue;
    std::error_code gone;
    const auto where = fs::read_symlink(entry.path() / "cwd", gone).string();
    const auto line = read_file(entry.path() / "cmdline");
    if (where.starts_with(folder.string()) || line.find(folder.string()) != std::string::npos)
      found.push_back(std::stoi(name));
  }
  return found;
}

std::string read_file(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

} // namespace farshore::test
