// REGISTRY: turns messages into set-based transactions of the tracking database, and answers only
// once they are committed.
//
// Blocks in the database: spawn it detached. Owns the store. What has queued up while one
// transaction ran makes the next. Two lanes: live changes, claims and outcomes always go; bulk work
// (catalogue pages, resync jobs) only until the batch has taken `batch_time`. Queues are bounded by
// their senders: the cursor has one page under way, a supervisor one claim, a worker one outcome.
// A store that fails once is not trusted again: the actor answers with the error and ends.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/meters.hpp"
#include "config/clock.hpp"
#include "registry/store.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

namespace farshore {

struct registry_parts {
  std::shared_ptr<registry_store> store;
  const time_source* time = nullptr;
  /// A batch takes no further bulk work after this much time.
  std::chrono::milliseconds batch_time{50};
  /// Called once, on the actor's thread, with why the store can't be used any more.
  std::function<void(const error&)> on_failure;
  std::shared_ptr<meters> measures = std::make_shared<meters>();
};

struct registry_state {
  using pointer = registry_actor::stateful_pointer<registry_state>;
  static constexpr const char* name = "registry";

  /// A piece of a batch: `run` works in the transaction; `answer` tells how it went once that is
  /// committed (nullptr, or why this piece was refused) or void (the batch's error).
  struct task {
    std::function<result<void>(registry_store&)> run;
    std::function<void(const error* failed)> answer;
    std::optional<error> refused = {};
  };

  explicit registry_state(pointer owner) : self{owner} {}

  /// Queues `run` and promises its value. T is what `run` returns inside its result.
  template <class T, class Run>
  caf::result<result<T>> enqueue(std::deque<task>& lane, Run run);
  caf::result<result<bool>> finish(const outcome& ended);
  void flush();

  pointer self;
  registry_parts parts;
  std::deque<task> live;
  std::deque<task> bulk;
  std::vector<outcome> ended;
  std::vector<caf::typed_response_promise<result<bool>>> enders;
  bool resync_open = true;
  bool flush_due = false;

  void flush_soon();

private:
  /// Runs what belongs into this batch, committed at the end. `ran` gets the tasks that took part,
  /// `counted` which outcomes counted.
  result<void> run_batch(std::vector<task>& ran, std::vector<bool>& counted);
  void give_up(const error& why);
};

registry_actor::behavior_type registry(registry_state::pointer self, registry_parts parts);

} // namespace farshore
