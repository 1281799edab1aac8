#include "config/small_file.hpp"

#include "config/values.hpp"

#include <cerrno>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace farshore {

namespace fs = std::filesystem;

result<small_file> read_small_file(const fs::path& file, std::size_t bytes_max) {
  auto refuse = [&](std::string_view why) {
    return fail(ec::invalid_config, fmt::format("cannot read \"{}\": {}", file.string(), why));
  };
  // Without O_NONBLOCK a fifo would hang us.
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return refuse(std::strerror(errno));
  small_file out;
  struct stat facts {};
  ssize_t got = fstat(fd, &facts);
  if (got == 0 && !S_ISREG(facts.st_mode)) {
    close(fd);
    return refuse("it is not a regular file");
  }
  out.mode = facts.st_mode & 07777;
  char chunk[8192];
  while (got == 0 || (got > 0 && out.bytes.size() <= bytes_max)) {
    got = read(fd, chunk, sizeof chunk);
    if (got <= 0)
      break;
    out.bytes.append(chunk, static_cast<std::size_t>(got));
  }
  const int error = errno;
  close(fd);
  if (got < 0)
    return refuse(std::strerror(error));
  if (out.bytes.size() > bytes_max)
    return refuse(fmt::format("it is larger than {}", show_bytes(bytes_max)));
  return out;
}

result<void> check_private(const small_file& content, const fs::path& file, std::string_view what) {
  if ((content.mode & (S_IRGRP | S_IROTH)) == 0)
    return {};
  return fail(ec::invalid_config,
              fmt::format("others can read {0} in \"{1}\" (mode {2:04o}); run: chmod 600 {1}", what,
                          file.string(), content.mode));
}

} // namespace farshore
