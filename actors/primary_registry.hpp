// PRIMARY REGISTRY: keeps a primary's triggers in place and its state table level with the log.
//
// Blocks in the database: spawn it detached. Owns the primary's one writing connection, a folder
// scanner for each scanned type, and the verifier. A database that fails is not worked around here:
// the actor says so and ends, and the node starts over.

#pragma once

#include "actors/interfaces.hpp"
#include "config/clock.hpp"
#include "registry/primary_reader.hpp"
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
  /// Types that a site began to compare since it was called last: what no event told of is about to
  /// be found there. On the actor's thread. Empty: nobody compares.
  std::function<std::vector<std::string>()> take_walked_types = {};
  const time_source* time = &system_time();
  /// For the verifier; without them nothing is verified. On its thread.
  std::function<result<std::unique_ptr<primary_reader>>()> open_reader;
  store_opener open_store;
  std::chrono::milliseconds retry_base{2'000};
  std::chrono::milliseconds retry_cap{3'600'000};
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
  result<done> look(const std::string& type, const std::string& path);
  result<std::vector<unsupported_file>> unsupported(const std::string& type);
  result<std::vector<checksum_claim>> claim(const checksum_request& asked);
  result<done> finish(const checksum_report& report);
  void release(const checksum_release& what);
  void keep_trouble(const checksum_trouble& trouble);
  result<std::int64_t> reverify(const std::string& type, const record_selection& which);
  void step();
  void tick();
  void on_end(const caf::exit_msg& end);

  pointer self;
  primary_parts parts;
  std::vector<replicable_type> types;
  std::vector<type_status> statuses;
  log_retention retention;
  std::size_t fold_lag = 0;
  bool declared_once = false;
  bool seeding = true;
  bool trimming = false;
  bool tending = false;
  steady_time next_sweep{};
  primary_verifier_actor verifier;
  /// By type.
  std::map<std::string, std::string> checksum_troubles;
  /// By type.
  std::map<std::string, folder_scanner_actor> scanners;
  std::map<std::string, scan_report> reports;

private:
  result<void> install();
  result<void> look_at_sites();
  result<void> trim();
  result<void> fold();
  result<void> tend();
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
