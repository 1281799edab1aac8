#include "tests/strategies/syscall_log.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace farshore::test {

namespace {

syscall_log* current = nullptr;

std::string path_of(int fd) {
  std::array<char, 8192> path{};
  const auto link = "/proc/self/fd/" + std::to_string(fd);
  const auto n = ::readlink(link.c_str(), path.data(), path.size());
  return n < 0 ? "?" : std::string{path.data(), static_cast<std::size_t>(n)};
}

/// True, with errno set, where the call must fail.
bool refused(std::string line) {
  const int why = current == nullptr ? 0 : current->note(std::move(line));
  if (why != 0)
    errno = why;
  return why != 0;
}

} // namespace

syscall_log::syscall_log() {
  current = this;
}

syscall_log::~syscall_log() {
  current = nullptr;
}

std::vector<std::string> syscall_log::take() {
  return std::exchange(lines_, {});
}

int syscall_log::note(std::string line) {
  lines_.push_back(std::move(line));
  return fault ? fault(lines_.back()) : 0;
}

} // namespace farshore::test

extern "C" {

int __real_fsync(int fd);
int __real_syncfs(int fd);
int __real_renameat2(int from, const char* old_name, int to, const char* name, unsigned flags);
int __real_unlinkat(int folder, const char* name, int flags);

int __wrap_fsync(int fd) {
  using namespace farshore::test;
  return refused("fsync " + path_of(fd)) ? -1 : __real_fsync(fd);
}

int __wrap_syncfs(int fd) {
  using namespace farshore::test;
  return refused("syncfs " + path_of(fd)) ? -1 : __real_syncfs(fd);
}

int __wrap_renameat2(int from, const char* old_name, int to, const char* name, unsigned flags) {
  using namespace farshore::test;
  if (refused("rename " + std::string{name}))
    return -1;
  return __real_renameat2(from, old_name, to, name, flags);
}

int __wrap_unlinkat(int folder, const char* name, int flags) {
  using namespace farshore::test;
  const auto* verb = (flags & AT_REMOVEDIR) != 0 ? "rmdir " : "unlink ";
  return refused(verb + std::string{name}) ? -1 : __real_unlinkat(folder, name, flags);
}
}
