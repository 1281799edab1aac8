// The registry in PostgreSQL: a secondary's tracking database.
//
// Owns the one connection that writes there. Times are the injected source's wall clock, to the
// microsecond; leases run by its monotonic clock, in memory.

#pragma once

#include "config/clock.hpp"
#include "registry/store.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace farshore {

class pg_store {
public:
  /// Connects, migrates, makes sure that no other node works on the database (an earlier node's
  /// connection gets as long as a lease to vanish), and finds due again what that node had started.
  /// `time` must outlive the store. Fails with ec::database_unavailable, with
  /// ec::database_rejected (a newer schema, or the other role's), or with ec::invalid_config where
  /// another node is at work.
  static result<std::unique_ptr<registry_store>>
  open(const std::string& url, const time_source& time, std::chrono::milliseconds lease);
};

} // namespace farshore
