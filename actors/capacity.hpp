// CAPACITY: one pool of credits for records in flight, shared by what is due: a type alone gets all
// of it; types that wait get equal parts of what is free.
//
// Scheduled; never blocks. Owns the credits; every supervisor has at most one request here.

#pragma once

#include "actors/interfaces.hpp"

#include <cstddef>
#include <deque>

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

namespace farshore {

struct capacity_state {
  using pointer = capacity_actor::stateful_pointer<capacity_state>;
  static constexpr const char* name = "capacity";

  struct waiting_supervisor {
    caf::strong_actor_ptr who;
    std::size_t wanted = 0;
    caf::typed_response_promise<std::size_t> answer;
  };

  explicit capacity_state(pointer owner) : self{owner} {}

  caf::result<std::size_t> acquire(std::size_t wanted);
  void give_back(std::size_t credits);
  void withdraw(const caf::strong_actor_ptr& who);
  /// Hands free credits to those that wait, in equal parts.
  void share_out();

  pointer self;
  std::size_t free = 0;
  std::deque<waiting_supervisor> waiting;
};

/// @param total Records that may be in flight at once at this node.
capacity_actor::behavior_type capacity(capacity_state::pointer self, std::size_t total);

} // namespace farshore
