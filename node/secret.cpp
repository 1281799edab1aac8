#include "node/commands.hpp"
#include "node/exit_codes.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <ostream>

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

namespace farshore {

namespace {

/// 32 bytes of the operating system's generator, in hex; empty where it has none.
std::string fresh_secret() {
  checksum bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    return {};
  return to_hex(bytes);
}

/// 0, or the errno of what failed; a file that was made and not written is taken away again.
int write_new_file(const std::filesystem::path& file, std::string_view text) {
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return errno;
  const bool written =
      write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
  const int error = written ? 0 : errno != 0 ? errno : EIO;
  close(fd);
  if (!written)
    unlink(file.c_str());
  return error;
}

} // namespace

int secret_command(const std::optional<std::filesystem::path>& output, console io) {
  auto secret = fresh_secret();
  if (secret.empty()) {
    io.err << "farshore: the operating system gives no random bytes: " << std::strerror(errno)
           << '\n';
    return exit_code::no;
  }
  secret += '\n';
  if (!output) {
    io.out << secret;
    return exit_code::done;
  }
  if (auto error = write_new_file(*output, secret)) {
    io.err << "farshore: cannot write \"" << output->string() << "\": " << std::strerror(error)
           << (error == EEXIST ? "; a secret in use is not overwritten: move it away first" : "")
           << '\n';
    return exit_code::no;
  }
  io.err << "wrote \"" << output->string() << "\"; copy it to the other sites\n";
  return exit_code::done;
}

} // namespace farshore
