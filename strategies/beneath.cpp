#include "strategies/beneath.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace farshore {

namespace {

bool is_link(int folder, const char* name) {
  struct stat there {};
  return ::fstatat(folder, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(there.st_mode);
}

/// One component, which must not be a symbolic link.
opened open_component(int folder, const char* name, int flags) {
  unique_fd fd{::openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC)};
  if (!fd) {
    const int why = errno;
    // With O_DIRECTORY the kernel calls a link "not a directory".
    return tl::make_unexpected(why == ENOTDIR && is_link(folder, name) ? ELOOP : why);
  }
  // O_PATH with O_NOFOLLOW opens the link itself.
  struct stat there {};
  if ((flags & O_PATH) != 0 && ::fstat(fd.get(), &there) == 0 && S_ISLNK(there.st_mode))
    return tl::make_unexpected(ELOOP);
  return fd;
}

template <class Visit>
opened walk(int folder, const std::string& path, Visit visit) {
  unique_fd at;
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find('/', begin), path.size());
    auto next = visit(at ? at.get() : folder, path.substr(begin, end - begin), end == path.size());
    if (!next)
      return next;
    at = std::move(*next);
    begin = end + 1;
  }
  return at;
}

opened open_by_component(int folder, const std::string& path, int flags) {
  return walk(folder, path, [flags](int parent, const std::string& name, bool last) {
    return open_component(parent, name.c_str(), last ? flags : O_PATH | O_DIRECTORY);
  });
}

opened open_by_kernel(int folder, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const auto fd = ::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof(how));
  if (fd < 0)
    return tl::make_unexpected(errno);
  return unique_fd{static_cast<int>(fd)};
}

} // namespace

opened open_beneath(int folder, const std::string& path, int flags, path_walk how) {
  if (path.empty())
    return open_component(folder, ".", flags);
  if (how == path_walk::by_kernel) {
    auto fd = open_by_kernel(folder, path, flags);
    // Old kernels do not know the call, some containers forbid it; a race with a rename is EAGAIN.
    if (fd || (fd.error() != ENOSYS && fd.error() != EPERM && fd.error() != EAGAIN))
      return fd;
  }
  return open_by_component(folder, path, flags);
}

opened open_entry_beneath(int folder, const std::string& path, path_walk how) {
  auto parent = open_beneath(folder, parent_of(path), O_PATH | O_DIRECTORY, how);
  if (!parent)
    return parent;
  unique_fd fd{::openat(parent->get(), leaf_of(path).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
  if (!fd)
    return tl::make_unexpected(errno);
  return fd;
}

opened make_folders_beneath(int folder, const std::string& path, unsigned mode, path_walk how) {
  constexpr int flags = O_PATH | O_DIRECTORY;
  auto fd = open_beneath(folder, path, flags, how);
  if (fd || fd.error() != ENOENT)
    return fd;
  return walk(folder, path, [mode](int parent, const std::string& name, bool) {
    auto there = open_component(parent, name.c_str(), flags);
    if (there || there.error() != ENOENT)
      return there;
    if (::mkdirat(parent, name.c_str(), mode) != 0 && errno != EEXIST)
      return opened{tl::make_unexpected(errno)};
    return open_component(parent, name.c_str(), flags);
  });
}

std::string obstacle_beneath(int folder, const std::string& path) {
  for (std::size_t end = 0; end < path.size();) {
    end = std::min(path.find('/', end + 1), path.size());
    auto prefix = path.substr(0, end);
    auto fd = open_by_component(folder, prefix, O_PATH);
    if (!fd)
      return fd.error() == ELOOP ? prefix : std::string{};
    struct stat there {};
    if (::fstat(fd->get(), &there) != 0 || !S_ISDIR(there.st_mode))
      return prefix;
  }
  return {};
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string{} : path.substr(0, slash);
}

std::string leaf_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

} // namespace farshore
