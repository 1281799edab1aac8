#include "config/secret.hpp"
#include "config/values.hpp"
#include "net/signing.hpp"
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

/// 32 bytes of the operating system's generator, in hex.
result<std::string> fresh_secret() {
  checksum bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    return fail(ec::internal,
                std::string{"the operating system gives no random bytes: "} + std::strerror(errno));
  return to_hex(bytes);
}

result<std::string> key_of(const secret_options& options) {
  if (auto wrong = check_site_name(options.for_site); !wrong.empty())
    return fail(ec::invalid_config, "--for " + options.for_site + ": " + wrong);
  const auto secret = load_secret(options.from);
  if (!secret)
    return fail(secret.error());
  return to_string(*derive_key(*secret, options.for_site));
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

int secret_command(const secret_options& options, console io) {
  auto text = options.from.empty() ? fresh_secret() : key_of(options);
  if (!text) {
    io.err << "farshore: " << text.error().message << '\n';
    return text.error().code == ec::invalid_config ? exit_code::usage : exit_code::no;
  }
  *text += '\n';
  if (options.output.empty()) {
    io.out << *text;
    return exit_code::done;
  }
  if (auto error = write_new_file(options.output, *text)) {
    io.err << "farshore: cannot write \"" << options.output.string()
           << "\": " << std::strerror(error)
           << (error == EEXIST ? "; a secret in use is not overwritten: move it away first" : "")
           << '\n';
    return exit_code::no;
  }
  io.err << "wrote \"" << options.output.string() << "\"; "
         << (options.from.empty() ? std::string{"copy it to the other sites"}
                                  : "move it to site \"" + options.for_site +
                                        "\", and name it in its [site] key_file")
         << '\n';
  return exit_code::done;
}

} // namespace farshore
