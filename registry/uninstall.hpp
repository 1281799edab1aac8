// Takes Farshore out of a database again: its triggers on the application's tables, and schema
// `farshore`. Calls block; one connection of their own.

#pragma once

#include "config/clock.hpp"
#include "config/config.hpp"
#include "config/error.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace farshore {

/// What of Farshore's is in a database.
struct installed_parts {
  /// Schema `farshore` is there.
  bool schema = false;
  /// Tables outside it that carry its triggers, quoted, with their schema.
  std::vector<std::string> traced_tables;
};

/// Fails with ec::database_rejected where the schema belongs to a site of the other role, or is
/// somebody else's.
result<installed_parts> find_installed(const std::string& url, site_role role);

struct uninstall_patience {
  /// How long to go on asking for a table's lock; each time for a tenth of a second only, since
  /// whatever comes behind the question waits as long.
  std::chrono::milliseconds limit{60'000};
  const time_source* time = &system_time();
  std::function<void(std::chrono::milliseconds)> sleep;
};

/// Removes what find_installed() finds, one table after another, the schema last and as a whole, so
/// that it may be interrupted and called again. Fails with ec::invalid_config while a node works on
/// the database, and with ec::overloaded where a lock was not to be had in time. Never cascades:
/// what others have built on the schema makes it fail, with PostgreSQL's own words.
result<void> uninstall(const std::string& url, site_role role, const uninstall_patience& patience);

} // namespace farshore
