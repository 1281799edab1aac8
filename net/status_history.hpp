// What the last hour was like, for the page's plots and rates: how far each type (on a primary,
// each secondary, too) was behind, and how many of its records were synced and verified.
//
// Used on the server's thread only.

#pragma once

#include "actors/messages.hpp"
#include "config/clock.hpp"
#include "config/ids.hpp"
#include "net/router.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>

namespace farshore {

inline constexpr std::chrono::seconds history_step{10};
inline constexpr std::size_t history_samples_max = 360;

class status_history {
public:
  void note(const secondary_status& status, wall_time now);
  void note(const primary_status& status, wall_time now);

  /// {"NAME": [[time in seconds, lag, lag of verification, synced, verified], …]}, the oldest
  /// first; a lag in seconds, or null. Of a secondary NAME is "site/" and its name.
  [[nodiscard]] boost::json::value to_json() const;

private:
  struct sample {
    wall_time at;
    std::optional<std::chrono::milliseconds> lag;
    std::optional<std::chrono::milliseconds> verified_lag;
    std::int64_t synced = 0;
    std::int64_t verified = 0;
  };
  void add(const std::string& name, sample one);
  /// What is there no more is forgotten with its last sample.
  void forget_before(wall_time oldest);

  std::map<std::string, std::deque<sample>> series_;
};

/// Notes how the site stands, now.
using history_question = std::function<boost::asio::awaitable<void>(status_history&)>;

/// GET /history. What is returned asks, again and again, until it is cancelled; run it on the
/// server's thread.
std::function<boost::asio::awaitable<void>()>
add_history_route(router& routes, history_question ask,
                  std::chrono::milliseconds step = history_step);

} // namespace farshore
