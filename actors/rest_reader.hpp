// READER AT REST: hashes what lies in a secondary's stores, and does its upkeep, as the VERIFIERs
// ask.
//
// Blocks in the disk: spawn it detached; one for each core, shared by all types. Gives way to
// everything else that wants the processor.

#pragma once

#include "actors/interfaces.hpp"
#include "strategies/strategy.hpp"

#include <atomic>
#include <optional>

#include <caf/typed_event_based_actor.hpp>

namespace farshore {

/// Reads what the claim says. Nothing: it could not be judged now (it changed meanwhile, the
/// store is away, the order was cancelled). May be called on any thread; blocks.
std::optional<verification_outcome> read_at_rest(strategy& store, const verification_claim& what,
                                                 const std::atomic<bool>& cancelled);

/// `own_thread`: it has one, whose priority it may lower.
rest_reader_actor::behavior_type rest_reader(rest_reader_actor::pointer self, bool own_thread);

} // namespace farshore
