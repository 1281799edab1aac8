// Tells systemd how the node stands (Type=notify): a datagram to the socket that NOTIFY_SOCKET
// names, and nothing at all where it names none. The protocol is sd_notify(3)'s, which promises to
// stay.
//
// Thread-safe.

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace farshore {

class service_manager {
public:
  /// Reads NOTIFY_SOCKET and WATCHDOG_USEC, and takes them out of the environment: they are not for
  /// children.
  service_manager();

  /// The node listens.
  void ready(std::string_view status) const;
  /// A reload has begun; ready() ends it.
  void reloading() const;
  void stopping() const;
  /// One line for `systemctl status`.
  void status(std::string_view text) const;
  /// The node's actors have answered.
  void alive() const;

  /// How often alive() is wanted: half of what systemd waits for it; nothing without a watchdog.
  [[nodiscard]] std::optional<std::chrono::milliseconds> watchdog_period() const {
    return watchdog_period_;
  }

private:
  void send(const std::string& lines) const;

  std::string socket_;
  std::optional<std::chrono::milliseconds> watchdog_period_;
};

} // namespace farshore
