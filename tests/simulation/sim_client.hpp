// The primary's client within a simulation: the in-memory implementation of PRIMARY CLIENT. It is
// slow, loses answers, breaks transfers off and repeats them, as the network would, by a seed.

#pragma once

#include "actors/interfaces.hpp"
#include "tests/simulation/sim_primary.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

namespace farshore::simulation {

/// A piece of work that goes on in a later turn of the client.
struct later {
  std::function<void()> run;
};

struct sim_network {
  sim_primary* primary = nullptr;
  random_source* random = nullptr;
  /// One in so many answers is lost; 0: none.
  std::uint64_t one_lost_in = 0;
  bool down = false;
  /// The site's scope, as the primary knows it; it forgets when it restarts.
  site_scope known_scope = {};
};

using sim_client_actor = primary_client_actor::extend<caf::reacts_to<later>>;

struct sim_client_state {
  using pointer = sim_client_actor::stateful_pointer<sim_client_state>;
  static constexpr const char* name = "sim_client";

  explicit sim_client_state(pointer owner) : self{owner} {}

  /// Waits a little, looks at the primary, waits a little, answers; unless something is lost.
  template <class T>
  caf::result<result<T>> exchange(std::function<result<T>()> look);
  /// The same with a question about a scope: `look` gets what its digest stands for. A primary that
  /// does not know it is told, unless the site has another one by now.
  template <class T>
  caf::result<result<T>> exchange(const scope_digest& digest,
                                  std::function<result<T>(const site_scope&)> look);
  caf::result<result<done>> fetch(const fetch_request& what);
  void in_a_while(std::function<void()> run);
  [[nodiscard]] bool lost() const;

  pointer self;
  std::shared_ptr<sim_network> net;
  site_scope scope;
};

sim_client_actor::behavior_type sim_client(sim_client_state::pointer self,
                                           std::shared_ptr<sim_network> net);

} // namespace farshore::simulation

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::simulation::later)
