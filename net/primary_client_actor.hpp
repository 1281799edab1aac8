// PRIMARY CLIENT over HTTP: passes an actor's questions to the primary_link, and what the link's
// threads bring back to whoever asked.
//
// Scheduled; never blocks. The link calls back from threads of its own; a promise is only ever kept
// in the actor's own turn. Open requests are bounded by the capacity.

#pragma once

#include "actors/interfaces.hpp"
#include "net/primary_link.hpp"

#include <functional>
#include <memory>

#include <caf/typed_event_based_actor.hpp>

namespace farshore {

/// What a thread of the link wants done in the actor's turn.
struct link_turn {
  std::function<void()> run;
};

using http_client_actor = primary_client_actor::extend<caf::reacts_to<link_turn>>;

/// Spawn with `system.spawn(http_client, link)`.
http_client_actor::behavior_type http_client(http_client_actor::pointer self,
                                             std::shared_ptr<primary_link> link);

} // namespace farshore

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::link_turn)
