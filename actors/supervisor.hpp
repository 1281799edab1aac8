// SUPERVISOR: keeps one replicable type's due records moving.
//
//            wake, retry timer, credit back
//                     │
//   idle ── acquire ─►│◄── credits ── CAPACITY
//                     ▼
//                  claim ──► REGISTRY ──► a SYNC WORKER for each claim ──► report ──► finish
//
// Scheduled; never blocks. Owns the workers in flight: each is linked, its lease renewed, its
// progress watched, and every ending (report, crash, deadline, lost lease) becomes exactly one
// outcome for the registry. Every second it asks DISK what is free; below the low-water mark only
// removals are claimed. A record stays in flight until the registry has confirmed its outcome.
// Memory follows the credits, never the backlog.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/low_water.hpp"
#include "actors/meters.hpp"
#include "config/clock.hpp"
#include "strategies/strategy.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

namespace farshore {

/// How a supervisor waits; from the configuration.
struct supervisor_policy {
  std::string type;
  /// Credits that all share, and those that are kept for live changes.
  std::size_t capacity = 1024;
  std::size_t live_capacity = 0;
  free_mark min_free;
  /// What messages call the store.
  std::string store_name;
  std::chrono::milliseconds lease{10'000};
  std::chrono::milliseconds retry_base{2'000};
  std::chrono::milliseconds retry_cap{3'600'000};
  std::chrono::milliseconds progress_deadline{30'000};
};

struct supervisor_parts {
  supervisor_policy policy;
  std::shared_ptr<strategy> store;
  registry_actor registry;
  primary_client_actor primary;
  disk_actor disk;
  capacity_actor capacity;
  /// Unused where no capacity is kept for live changes.
  capacity_actor live_capacity;
  const time_source* time = nullptr;
  std::uint64_t seed = 0;
  std::shared_ptr<meters> measures = std::make_shared<meters>();
};

struct supervisor_state {
  using pointer = supervisor_actor::stateful_pointer<supervisor_state>;
  static constexpr const char* name = "supervisor";

  /// Where credits come from, and what may be claimed with them. A backlog keeps the common
  /// credits in use for as long as its transfers take; a live change finds one of its own.
  struct claim_lane {
    claim_scope scope;
    capacity_actor credits = {};
    std::size_t capacity = 0;
    std::size_t in_flight = 0;
    bool claiming = false;
    bool look_again = false;
    /// The last claim left something due: look again as flights end.
    bool more_due = false;
  };

  struct flight {
    claim_lane* lane = nullptr;
    claim what;
    std::shared_ptr<sync_job> job;
    sync_worker_actor worker;
    steady_time begun;
    /// When the transfer last moved, and how far it was then.
    steady_time moved_at;
    std::uint64_t moved = 0;
    /// The outcome is on its way to the registry.
    bool reported = false;
  };

  explicit supervisor_state(pointer owner) : self{owner}, random{0} {}

  /// Asks for credits and then for claims, unless that is under way, or pointless now.
  void look();
  void look(claim_lane& lane);
  void claim_with(claim_lane& lane, std::size_t credits);
  void launch(claim_lane& lane, claim&& next, steady_time asked_at);
  void on_report(const worker_report& report);
  /// False if that was no worker of ours.
  bool on_worker_end(caf::actor_id who, const caf::error& reason);
  void on_tick();
  /// Why nothing new may be fetched; empty where it may.
  [[nodiscard]] const std::string& short_of_space() const;
  void ask_for_space();
  void on_space(const site_space& found);
  caf::result<result<done>> stop();

  pointer self;
  supervisor_parts parts;
  random_source random;
  /// Records in flight, by token.
  std::unordered_map<claim_token, flight> flights;
  transfer_totals totals;
  /// Which flight a worker belongs to, until it has ended.
  std::unordered_map<caf::actor_id, claim_token> workers;
  claim_lane common{claim_scope::all};
  claim_lane live_only{claim_scope::live};
  low_water store_space{{}, ""};
  low_water data_space{{}, ""};
  bool asking_for_space = false;
  /// Something did not fit since it was last asked for.
  bool refused = false;
  /// Nothing is claimed before.
  bool space_known = false;
  /// Bytes that may still be begun in the store; lowered by the jobs themselves.
  std::shared_ptr<std::atomic<std::int64_t>> room = std::make_shared<std::atomic<std::int64_t>>(0);
  /// Records in flight up to this token may have changed meanwhile: look again when they end.
  claim_token woken_upto = 0;
  /// The earliest timer that is set.
  steady_time next_wake{};
  bool stopping = false;
  /// While the primary can't be reached nothing is claimed before this.
  steady_time hold_until{};
  int outages = 0;
  caf::typed_response_promise<result<done>> stopped;

private:
  void finish(flight& ended, outcome how);
  void tell(const flight& ended, const outcome& how) const;
  void settle(claim_token token);
  /// Answers the order to stop once nothing is held any more.
  bool end_if_stopped();
  void look_in(std::chrono::milliseconds delay);
  void abandon(flight& lost, error why);
  void watch_progress(steady_time now);
  void renew_leases(steady_time now);
  [[nodiscard]] std::chrono::milliseconds retry_after(const claim& what, ec why);
};

supervisor_actor::behavior_type supervisor(supervisor_state::pointer self, supervisor_parts parts);

} // namespace farshore
