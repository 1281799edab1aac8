// What `farshore doctor` wants to know of a site's database. Reads only, on a connection of its
// own; calls block for 10 s at most each.

#pragma once

#include "config/config.hpp"
#include "config/error.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace farshore {

struct server_facts {
  /// "15.8"
  std::string version;
  int version_number = 0;
  std::string user;
  int connections_max = 0;
  int connections_used = 0;
  /// May make schema `farshore`, or has it.
  bool may_create = false;
  /// Sees which transaction of others is open.
  bool sees_others = false;
};

/// A declared type's table, as the database's user sees it.
struct table_rights {
  std::string type;
  std::string table;
  bool exists = false;
  bool owned = false;
  std::string owner;
};

struct old_transaction {
  int pid = 0;
  std::int64_t age_seconds = 0;
  std::string user;
  std::string state;
};

/// What a secondary knows of, and does not have.
struct missing_bytes {
  std::int64_t records = 0;
  std::int64_t bytes = 0;
  /// Of the records: those whose size the primary did not tell.
  std::int64_t of_unknown_size = 0;
};

class database_checkup {
public:
  virtual ~database_checkup() = default;

  static result<std::unique_ptr<database_checkup>> open(const std::string& url);

  virtual result<server_facts> server() = 0;
  virtual result<std::vector<table_rights>> tables(const config& settings) = 0;
  /// The oldest transaction that has written and is older than a minute: what holds the event log
  /// back.
  virtual result<std::optional<old_transaction>> oldest_writer() = 0;
  /// Nothing where the tracking database is not there yet.
  virtual result<std::optional<missing_bytes>> not_here_yet() = 0;
};

} // namespace farshore
