#include "node/data_lock.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

namespace farshore {

namespace {

std::string first_line(int fd) {
  std::array<char, 32> text{};
  const auto size = ::pread(fd, text.data(), text.size(), 0);
  const std::string_view all{text.data(), static_cast<std::size_t>(size > 0 ? size : 0)};
  return std::string{all.substr(0, all.find('\n'))};
}

} // namespace

result<unique_fd> lock_data_folder(const std::filesystem::path& data) {
  std::error_code made;
  std::filesystem::create_directories(data, made);
  const auto file = data / "node.lock";
  unique_fd fd{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!fd)
    return fail(ec::invalid_config,
                fmt::format("can't make \"{}\": {}; [site] data must be a folder that the node's "
                            "user can write",
                            file.string(), std::strerror(errno)));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
    return fail(
        ec::invalid_config,
        fmt::format("another node (pid {}) works in the data folder \"{}\"; end it, or give "
                    "this one a [site] data of its own",
                    first_line(fd.get()), data.string()));
  const auto pid = std::to_string(::getpid()) + "\n";
  const bool written =
      ::ftruncate(fd.get(), 0) == 0 &&
      ::pwrite(fd.get(), pid.data(), pid.size(), 0) == static_cast<ssize_t>(pid.size());
  if (!written)
    return fail(ec::invalid_config,
                fmt::format("can't write \"{}\": {}", file.string(), std::strerror(errno)));
  return fd;
}

} // namespace farshore
