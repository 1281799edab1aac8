// GET /api/v1/events: how the site stands, and its jobs, as server-sent events, whenever that has
// changed, at most once a second.
//
// Nothing is queued for anybody: who is slow gets what is newest when he has taken what was before,
// and who takes nothing for a while is dropped.

#pragma once

#include "config/clock.hpp"
#include "net/router.hpp"
#include "net/status_answer.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace farshore {

struct event_feed {
  std::shared_ptr<status_answer> status;
  /// The document of GET /api/v1/jobs.
  std::function<boost::asio::awaitable<result<boost::json::value>>()> jobs;
  /// Further ones are refused.
  std::size_t listeners_max = 64;
  std::chrono::milliseconds period{1'000};
  /// Something is said as often as this, so that either side notices when the other is gone.
  std::chrono::milliseconds silence_max{15'000};
  /// Who takes nothing for this long is dropped.
  std::chrono::milliseconds patience{10'000};
  const time_source* time = &system_time();
};

void add_event_route(router& routes, event_feed feed);

} // namespace farshore
