// GET /healthz and /readyz: what a service manager and a load balancer want to know, without a
// signature, and therefore without names.
//
//   /healthz  200 while the node's actors answer within a second, else 503.
//   /readyz   200 while the site does what it is for, else 503 and a reason without names.

#pragma once

#include "actors/messages.hpp"
#include "config/clock.hpp"
#include "net/router.hpp"

#include <chrono>
#include <functional>
#include <string>

#include <boost/asio/awaitable.hpp>

namespace farshore {

/// How long the actors have to answer.
inline constexpr std::chrono::seconds health_patience{1};

/// How a site stands.
struct readiness {
  bool ready = false;
  /// Enabled types, and those of them that nothing can be had of yet.
  std::size_t types = 0;
  std::size_t waiting = 0;
  /// Why it is not ready, for whoever asks; names nothing of the site.
  std::string reason;
};

/// A primary serves: its database answers, and every enabled type is installed.
readiness readiness_of(const primary_status& status);
/// A secondary is ready for readers of its stores once every enabled type's backfill is complete.
/// It stays so while its primary is away: what is here goes on being served.
readiness readiness_of(const secondary_status& status);

/// Asks the site's actors; fails where they do not answer in time.
using readiness_question = std::function<boost::asio::awaitable<result<readiness>>()>;

/// Answers are a second old at most, however many ask. `time` must outlive the routes.
void add_health_routes(router& routes, readiness_question ask, const time_source& time);

} // namespace farshore
