// Takes up what hooks left in the spool, as soon as it lies there, and at its start what was left
// while no node ran: publishes that the pushed repository's record has changed.
//
// Owns a thread, which the parts are called on. A note is removed only when its event is in the log
// (or it is known that none is due).

#pragma once

#include "config/config.hpp"
#include "node/push_spool.hpp"
#include "strategies/unique_fd.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace farshore {

struct push_listener_parts {
  std::filesystem::path spool;
  /// The configuration as it is now.
  std::function<std::shared_ptr<const config>()> settings;
  /// The key of the record that lies at the encoded locator, if there is one. Blocks.
  std::function<result<std::optional<std::string>>(const std::string& type,
                                                   const std::string& locator)>
      key_at;
  /// Writes `updated` into the event log. Blocks. ec::not_found: there is no such row any more.
  std::function<result<void>(const std::string& type, const std::string& key)> publish;
  /// Of a scanned type: nothing is known at that locator yet, and something lies there.
  std::function<void(const std::string& type, const std::string& locator)> look_at;
  /// How long it waits before it tries again what could not be done.
  std::chrono::milliseconds retry{1'000};
};

class push_listener {
public:
  /// Makes the spool and begins. Fails with ec::disk, or ec::internal where it can't be watched.
  static result<std::unique_ptr<push_listener>> start(push_listener_parts parts);
  ~push_listener();

private:
  push_listener(push_listener_parts parts, unique_fd watch, unique_fd stop);

  void run();
  /// False: something could not be done yet.
  bool take_up();
  bool take_up(const push_note& note);

  push_listener_parts parts_;
  push_spool spool_;
  unique_fd watch_;
  unique_fd stop_;
  bool complained_ = false;
  std::thread thread_;
};

/// The locator, beneath the type's store, of a folder; encoded. Nothing where it lies elsewhere, or
/// is the store itself.
std::optional<std::string> locator_beneath(const std::filesystem::path& store,
                                           const std::filesystem::path& folder);

} // namespace farshore
