// How a node runs CAF.

#pragma once

#include "actors/messages.hpp"

#include <caf/actor_system_config.hpp>

namespace farshore {

struct actor_settings : caf::actor_system_config {
  actor_settings() {
    add_message_types<caf::id_block::farshore>();
    // Two are enough: scheduled actors only pass messages; what blocks has threads of its own.
    set("scheduler.max-threads", std::size_t{2});
    // An idle worker sleeps up to 10 ms by default: that would be most of a change's way.
    set("work-stealing.relaxed-sleep-duration", caf::timespan{std::chrono::milliseconds{1}});
    set("logger.console", caf::atom("none"));
  }
};

} // namespace farshore
