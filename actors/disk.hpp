// DISK: the group commit of one store. Requests that arrive while a batch is being flushed make the
// next batch, so flushes are shared as soon as there is a load, and nothing waits for them when
// there is none.
//
// Blocks: spawn it detached. Owns the strategy's placing and removing; receivers are fed elsewhere.
// The queue is bounded by the capacity: a worker has at most one request here.

#pragma once

#include "actors/interfaces.hpp"
#include "strategies/strategy.hpp"

#include <functional>
#include <memory>
#include <vector>

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

namespace farshore {

struct disk_state {
  using pointer = disk_actor::stateful_pointer<disk_state>;
  static constexpr const char* name = "disk";

  explicit disk_state(pointer owner) : self{owner} {}

  caf::result<result<landed>> place(const place_request& request);
  caf::result<result<done>> remove(const remove_request& request);
  void flush();

  pointer self;
  std::shared_ptr<strategy> store;
  std::vector<placement> placing;
  std::vector<caf::typed_response_promise<result<landed>>> placers;
  std::vector<removal> removing;
  std::vector<caf::typed_response_promise<result<done>>> removers;
  bool flush_due = false;

private:
  void flush_soon();
};

/// `data_space` asks what is free in the node's data folder; called on this actor's thread.
disk_actor::behavior_type disk(disk_state::pointer self, std::shared_ptr<strategy> store,
                               std::function<result<disk_space>()> data_space);

} // namespace farshore
