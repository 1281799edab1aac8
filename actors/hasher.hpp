// HASHER: reads and hashes resources where they lie, or glances at them, one after the other.
//
// Blocks on the disk: spawn it detached. Owns nothing. Where it is a background one, its thread
// gives way to all others.

#pragma once

#include "actors/interfaces.hpp"
#include "config/clock.hpp"

#include <atomic>
#include <memory>

#include <caf/typed_event_based_actor.hpp>

namespace farshore {

struct hasher_parts {
  primary_verifier_actor answers;
  /// Set: what is being read is given up.
  std::shared_ptr<const std::atomic<bool>> stop;
  bool background = true;
  const time_source* time = &system_time();
};

hasher_actor::behavior_type hasher(hasher_actor::pointer self, hasher_parts parts);

} // namespace farshore
