// PRIMARY REGISTRY: keeps a primary's triggers in place and its state table level with the log.
//
// Blocks in the database: spawn it detached. Owns the primary's one writing connection, and a
// folder scanner for each scanned type. A database that fails is not worked around here: the actor
// says so and ends, and the node starts over.

#pragma once

#include "actors/interfaces.hpp"
#include "config/clock.hpp"
#include "registry/primary_store.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

namespace farshore {

struct primary_parts {
  std::shared_ptr<primary_store> store;
  /// How the declared types stand, whenever that has changed. On the actor's thread.
  std::function<void(const std::vector<type_status>&)> on_types;
  /// Where sites stand that have asked since it was called last. On the actor's thread.
  std::function<std::vector<site_note>()> take_site_notes;
  const time_source* time = &system_time();
  /// Once, with why the database can't be used any more.
  std::function<void(const error&)> on_fatal;
};

struct primary_registry_state {
  using pointer = primary_registry_actor::stateful_pointer<primary_registry_state>;
  static constexpr const char* name = "primary_registry";

  explicit primary_registry_state(pointer owner) : self{owner} {}

  result<done> declare(const std::vector<replicable_type>& types, const log_retention& keep);
  result<primary_status> status();
  result<std::int64_t> publish(const std::string& type, const std::string& key, operation what);
  result<done> forget(const std::string& site);
  result<scanned_page> scanned(const scan_page_request& asked);
  result<std::vector<scanned_place>> scanned_at(const scan_lookup& asked);
  result<done> keep_scan(const scan_change& change);
  void keep_report(const scan_report& report);
  caf::result<result<std::size_t>> approve(const std::string& type);
  result<done> recheck(const std::string& type);
  result<std::vector<unsupported_file>> unsupported(const std::string& type);
  void step();
  void tick();
  void on_end(const caf::exit_msg& end);

  pointer self;
  primary_parts parts;
  std::vector<replicable_type> types;
  std::vector<type_status> statuses;
  log_retention retention;
  std::size_t fold_lag = 0;
  bool seeding = true;
  bool trimming = false;
  /// By type.
  std::map<std::string, folder_scanner_actor> scanners;
  std::map<std::string, scan_report> reports;

private:
  result<void> install();
  result<void> look_at_sites();
  result<void> trim();
  /// Makes the scanners be those of the declared types.
  void run_scanners(const std::vector<replicable_type>& before);
  /// Where the database failed, gives up.
  template <class T>
  result<T> checked(result<T> answer);
  [[nodiscard]] error not_scanned(const std::string& type) const;
  void give_up(const error& why);

  std::set<caf::actor_id> dismissed_;
};

primary_registry_actor::behavior_type primary_registry(primary_registry_state::pointer self,
                                                       primary_parts parts);

} // namespace farshore
