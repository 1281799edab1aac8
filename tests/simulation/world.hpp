// A primary and two secondaries in one thread, in an order chosen by a seed, on a virtual clock:
// the simulation of DESIGN section 7. The actors, the strategy and the registry's rules are the
// real ones; the primary's database, the network, the tracking database and the disks are in
// memory.
//
// An application changes rows and files; nodes are killed, machines lose power, answers are lost,
// disks fail. `run` ends with what was found wrong, or with nothing.

#pragma once

#include "actors/secondary_site.hpp"
#include "registry/memory_store.hpp"
#include "tests/simulation/planted_bugs.hpp"
#include "tests/simulation/sim_client.hpp"
#include "tests/simulation/sim_primary.hpp"
#include "tests/support/fake_files.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>

namespace farshore::simulation {

struct world_settings {
  std::uint64_t seed = 1;
  planted_bug bug = planted_bug::none;
  int steps = 3000;
};

class world {
public:
  explicit world(const world_settings& settings);
  ~world();

  /// What is wrong, in one sentence; nothing when all promises held.
  std::optional<std::string> run();

private:
  struct secondary {
    std::shared_ptr<test::fake_volume> volume;
    std::shared_ptr<memory_tables> tables;
    std::shared_ptr<sim_network> net;
    sim_client_actor client;
    secondary_site_actor site;
    bool up = false;
    site_scope scope;
    steady_time start_at{};
    /// Places where the disk was damaged: what lies there is not what was put there.
    std::set<std::string> damaged;
  };

  class clock;
  struct planned_row {
    sim_primary::key which;
    std::optional<sim_row> row;
  };

  void start(secondary& one);
  /// Ends its actors between two turns, whatever they were doing.
  void crash(secondary& one, bool power_cut);
  /// Somebody empties the disk, or puts another in its place; whether or not the node runs.
  void lose_disk(secondary& one);
  /// A file changes, or goes, at rest; no node has anything to do with it.
  void damage_file(secondary& one);
  /// The registry knows the disk that is there: only then it speaks of it.
  [[nodiscard]] static bool knows_disk(const secondary& one);
  void turn();
  void deliver_some(std::uint64_t turns);
  void advance(std::chrono::milliseconds step);
  void application_step();
  void commit(std::uint64_t xid);
  void write_file(const std::string& locator);
  [[nodiscard]] bool shared(const sim_primary::key& by, const std::string& locator) const;
  void remove_unused_file(const std::string& locator);
  void fault_step();
  /// A row comes, goes or changes its project, and no event tells of it.
  void untold_step();
  /// What a site may want; now and then everything.
  [[nodiscard]] site_scope some_scope();
  /// The operator changes what a site wants; its node may run or not.
  void change_scope(secondary& one);
  void settle();
  [[nodiscard]] bool settled(const secondary& one);
  void check_disk(const secondary& one, const char* when);
  void check_synced_rows(const secondary& one);
  void check_equal(secondary& one);
  void wrong(std::string what);
  /// Printed where FARSHORE_TRACE is set.
  void trace(const std::string& what) const;
  [[nodiscard]] std::string content(const std::string& locator, std::uint64_t version) const;
  /// The version that the content has, or nothing if it was never written like that.
  [[nodiscard]] std::optional<std::uint64_t> version_of(const std::string& locator,
                                                        const std::string& content) const;

  world_settings settings_;
  random_source random_;
  caf::actor_system_config actor_settings_;
  std::unique_ptr<caf::actor_system> system_;
  caf::scheduler::test_coordinator* scheduler_ = nullptr;
  std::unique_ptr<clock> clock_;
  sim_primary primary_;
  std::vector<secondary> secondaries_;
  std::map<std::uint64_t, std::vector<planned_row>> plans_;
  std::set<std::string> late_files_;
  std::uint64_t last_version_ = 0;
  record_id last_record_ = 0;
  /// Apart from those of the application: it writes none of them.
  record_id last_untold_ = 1000;
  std::optional<std::string> wrong_;
};

} // namespace farshore::simulation
