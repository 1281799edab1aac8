// SYNC WORKER: one record's way to its target.
//
//   wanted:    receive ─► fetch (PRIMARY CLIENT) ─► place (DISK) ─► remove former places ─► report
//   unwanted:  remove (DISK) ─► report
//
// Scheduled; never blocks; lives for one claim. It knows one record and one strategy, no registry
// and no policy: when to try again is the supervisor's business. Whatever goes wrong ends in one
// report.

#pragma once

#include "actors/interfaces.hpp"
#include "strategies/strategy.hpp"

#include <chrono>
#include <memory>

#include <caf/typed_event_based_actor.hpp>

namespace farshore {

struct sync_worker_parts {
  claim what;
  std::shared_ptr<sync_job> job;
  std::shared_ptr<strategy> store;
  primary_client_actor primary;
  disk_actor disk;
  supervisor_actor supervisor;
};

struct sync_worker_state {
  using pointer = sync_worker_actor::stateful_pointer<sync_worker_state>;
  static constexpr const char* name = "sync_worker";

  explicit sync_worker_state(pointer owner) : self{owner} {}

  void start();
  void place(const std::shared_ptr<receiver>& from);
  void clear_former_places(const landed& what);
  void remove();
  void report(outcome::kind how, error why = {}, const landed& what = {});

  pointer self;
  sync_worker_parts parts;

private:
  /// What to do with an answer: go on with its value, or report what went wrong.
  template <class T, class Next>
  auto then(Next next);
};

sync_worker_actor::behavior_type sync_worker(sync_worker_state::pointer self,
                                             sync_worker_parts parts);

} // namespace farshore
