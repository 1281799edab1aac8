// What a primary says to its secondaries: the log, the catalogue, its position, and blobs.
//
// Thread-safe. Owns the threads on which the database is asked and the disk is read; sockets are
// the server's. Destroy it after the server that serves its routes has stopped.

#pragma once

#include "config/clock.hpp"
#include "config/config.hpp"
#include "net/router.hpp"
#include "registry/primary_reader.hpp"
#include "registry/range_digests.hpp"
#include "registry/site_standing.hpp"
#include "strategies/strategy.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace farshore {

struct primary_routes_settings {
  /// Opens a read-only connection to the database; called from any thread.
  std::function<result<std::unique_ptr<primary_reader>>()> open_reader;
  std::uint64_t large_blob_bytes = 1u << 20;
  /// Connections to the database, at most; a thread for each. One site has all of them but one at
  /// once, and so it is with the disk's.
  std::size_t readers = 4;
  std::size_t disk_threads = 5;
  /// How often a waiting secondary's question is asked again.
  std::chrono::milliseconds poll{5};
  std::chrono::milliseconds sample_every{1'000};
  /// A transaction that holds the log back for longer is named.
  std::chrono::seconds blocker_age{10};
  const time_source* time = &system_time();
};

class primary_routes {
public:
  /// Asks nothing of the database yet, except once every `sample_every` where it stands.
  explicit primary_routes(primary_routes_settings settings);
  ~primary_routes();

  /// What is replicated from now on, and the store of each type by its name. Disabled types are
  /// not; they are known to scopes all the same.
  void configure(std::vector<replicable_type> types,
                 std::map<std::string, std::shared_ptr<strategy>> stores);

  /// How the types stand, as primary_store::install last said. Waiting secondaries are told at once
  /// when it is something new.
  void set_type_statuses(std::vector<type_status> statuses);

  /// Where sites stand that have asked for events since this was called last.
  std::vector<site_note> take_site_notes();

  /// Digests of ranges of the catalogue, as it is served. Blocks in the database; any thread.
  result<digest_page> digests(const digest_request& wanted);
  /// As primary_reader::key_at says; blocks, any thread.
  result<std::optional<std::string>> key_at(const std::string& type, const std::string& locator);
  /// The types whose catalogue a site began to read, or to compare, since this was called last.
  /// Thread-safe.
  std::vector<std::string> take_walked_types();

  /// Adds the routes below /v1. They refer to this object.
  void add_to(router& routes);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace farshore
