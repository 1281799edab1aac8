// SECONDARY SITE: starts a secondary's actors, watches them, and speaks for them.
//
// Scheduled; never blocks. Nothing is revived in place: when one of its actors dies, it says so
// once
// (`on_fatal`) and the node starts over from what is committed.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/meters.hpp"
#include "config/clock.hpp"
#include "config/config.hpp"
#include "registry/store.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

namespace farshore {

struct secondary_parts {
  config settings;
  std::shared_ptr<registry_store> store;
  primary_client_actor primary;
  store_opener open_store;
  const time_source* time = nullptr;
  std::uint64_t seed = 0;
  /// What is free in the node's data folder. Called on several threads; may block.
  std::function<result<disk_space>()> data_space;
  /// Blocking actors get threads of their own; a simulation says no and runs all on one.
  bool own_threads = true;
  /// An actor died, or the store failed: called at least once, from any thread.
  std::function<void(const error&)> on_fatal;
  std::shared_ptr<meters> measures = std::make_shared<meters>();
};

struct secondary_site_state {
  using pointer = secondary_site_actor::stateful_pointer<secondary_site_state>;
  static constexpr const char* name = "secondary_site";

  struct running_type {
    site_type what;
    store_view store;
    /// Invalid where the type is disabled or its store is not ready.
    supervisor_actor supervisor;
    disk_actor disk;
    verifier_actor verifier = {};
  };

  explicit secondary_site_state(pointer owner) : self{owner} {}

  void start();
  caf::result<result<done>> declare(const std::vector<replicable_type>& types,
                                    const free_mark& free_at_least);
  caf::result<result<done>> set_scope(const site_scope& wanted);
  void on_store(const store_report& report);
  caf::result<result<secondary_status>> status();
  caf::result<result<std::size_t>> resync(const std::string& type, const record_selection& which);
  caf::result<result<std::size_t>> reverify(const std::string& type, const record_selection& which);
  caf::result<result<done>> pause(const std::string& type, bool paused);
  /// What another of the site's actors answers.
  template <class T, class Handle, class... Parts>
  caf::result<result<T>> pass_on(const Handle& to, const Parts&... what);
  /// What the log cursor does, of one declared type or (empty) of all.
  template <class T, class Atom>
  caf::result<result<T>> pass_to_cursor(Atom order, const std::string& type);
  caf::result<result<done>> compare(const comparison_order& order);
  caf::result<result<comparison_status>> comparison_stands();
  caf::result<result<done>> find_orphans(const orphan_order& order);
  caf::result<result<orphan_status>> orphans();
  caf::result<result<std::uint64_t>> mark();
  caf::result<result<done>> stop();
  void reachable();
  void on_end(const caf::exit_msg& end);
  void wake(const std::vector<std::string>& types);

  pointer self;
  secondary_parts parts;
  registry_actor registry_handle;
  capacity_actor capacity_handle;
  /// Kept for live changes, beside what is everybody's; invalid where there is too little.
  capacity_actor live_capacity_handle;
  log_cursor_actor cursor_handle;
  /// Shared by all types' verifiers.
  std::vector<rest_reader_actor> readers;
  comparison_actor comparison_handle;
  orphan_finder_actor orphans_handle;
  /// What the registry was asked for last; `parts.settings.scope` is what it said it has.
  site_scope asked_scope;
  /// What stays free of each file system that is written to.
  free_mark min_free;
  std::map<std::string, running_type> types;
  /// What supervisors that have ended had moved, by type.
  std::map<std::string, transfer_totals> past;
  /// By the store's path.
  std::map<std::string, store_keeper_actor> keepers;
  /// Actors whose end is expected.
  std::set<caf::actor_id> dismissed;
  bool stopping = false;

private:
  template <class Spawned>
  Spawned watch(Spawned handle, const char* role);
  [[nodiscard]] std::size_t live_capacity() const { return parts.settings.capacity / 8; }
  void run(running_type& type);
  void dismiss(running_type& type);
  void keep_totals(const std::string& type, const transfer_totals& moved);
  void declare_to_keepers();
  std::map<caf::actor_id, std::string> roles_;
};

secondary_site_actor::behavior_type secondary_site(secondary_site_state::pointer self,
                                                   secondary_parts parts);

} // namespace farshore
