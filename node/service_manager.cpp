#include "node/service_manager.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace farshore {

namespace {

std::string take_from_environment(const char* name) {
  const char* value = std::getenv(name);
  std::string text = value ? value : "";
  ::unsetenv(name);
  return text;
}

/// On one line, as the protocol wants it.
std::string one_line_of(std::string_view text) {
  std::string out{text};
  for (auto& c : out)
    if (static_cast<unsigned char>(c) < 0x20)
      c = ' ';
  return out;
}

} // namespace

service_manager::service_manager() : socket_{take_from_environment("NOTIFY_SOCKET")} {
  const auto period = take_from_environment("WATCHDOG_USEC");
  const auto whose = take_from_environment("WATCHDOG_PID");
  char* end = nullptr;
  const auto microseconds = std::strtoull(period.c_str(), &end, 10);
  if (microseconds > 0 && *end == '\0' && (whose.empty() || whose == std::to_string(::getpid())))
    watchdog_period_ = std::chrono::milliseconds{microseconds / 2000};
}

void service_manager::ready(std::string_view status) const {
  send("READY=1\nSTATUS=" + one_line_of(status));
}

void service_manager::reloading() const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  send("RELOADING=1\nMONOTONIC_USEC=" +
       std::to_string(now.tv_sec * 1'000'000LL + now.tv_nsec / 1000));
}

void service_manager::stopping() const {
  send("STOPPING=1\nSTATUS=stopping");
}

void service_manager::status(std::string_view text) const {
  send("STATUS=" + one_line_of(text));
}

void service_manager::alive() const {
  send("WATCHDOG=1");
}

void service_manager::send(const std::string& lines) const {
  sockaddr_un address{};
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path)
    return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (address.sun_path[0] == '@') // an abstract name
    address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool sent = fd >= 0 && ::sendto(fd, lines.data(), lines.size(), MSG_NOSIGNAL,
                                        reinterpret_cast<const sockaddr*>(&address), length) >= 0;
  if (!sent)
    spdlog::warn("can't tell the service manager at {}: {}", socket_, std::strerror(errno));
  if (fd >= 0)
    ::close(fd);
}

} // namespace farshore
