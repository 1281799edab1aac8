#include "net/status_history.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace farshore {

namespace asio = boost::asio;
namespace json = boost::json;
using std::chrono::milliseconds;

namespace {

std::optional<milliseconds> behind(const std::optional<wall_time>& point, wall_time now) {
  if (!point)
    return std::nullopt;
  return std::max(std::chrono::floor<milliseconds>(now - *point), milliseconds{0});
}

double seconds(milliseconds time) {
  return static_cast<double>(time.count()) / 1000;
}

json::value seconds_or_null(const std::optional<milliseconds>& time) {
  return time ? json::value(seconds(*time)) : json::value(nullptr);
}

} // namespace

void status_history::note(const secondary_status& status, wall_time now) {
  for (const auto& line : status.types)
    add(line.declared.name,
        {now, behind(line.registry.recovery_point, now), behind(line.registry.verified_point, now),
         line.registry.counts.synced, line.registry.counts.verified});
  forget_before(now - history_step * history_samples_max);
}

void status_history::note(const primary_status& status, wall_time now) {
  for (const auto& type : status.counts)
    add(type.type, {now, std::nullopt, std::nullopt, type.records, type.checksummed});
  for (const auto& site : status.sites)
    add("site/" + site.last.name,
        {now, site.cut_off ? std::nullopt : site.lag, std::nullopt, 0, 0});
  forget_before(now - history_step * history_samples_max);
}

void status_history::add(const std::string& name, sample one) {
  auto& samples = series_[name];
  samples.push_back(one);
  if (samples.size() > history_samples_max)
    samples.pop_front();
}

void status_history::forget_before(wall_time oldest) {
  std::erase_if(series_, [&](const auto& one) { return one.second.back().at < oldest; });
}

json::value status_history::to_json() const {
  json::object out;
  for (const auto& [name, samples] : series_) {
    json::array rows;
    for (const auto& one : samples) {
      const auto at = std::chrono::floor<milliseconds>(one.at.time_since_epoch());
      rows.push_back(json::array{seconds(at), seconds_or_null(one.lag),
                                 seconds_or_null(one.verified_lag), one.synced, one.verified});
    }
    out[name] = std::move(rows);
  }
  return out;
}

std::function<asio::awaitable<void>()> add_history_route(router& routes, history_question ask,
                                                         milliseconds step) {
  auto history = std::make_shared<status_history>();
  routes.add(
      "GET", "/history",
      [history](const http_request&) -> asio::awaitable<result<http_answer>> {
        co_return http_answer{200, json::serialize(history->to_json())};
      },
      route_access::viewer);
  return [history, ask = std::move(ask), step]() -> asio::awaitable<void> {
    asio::steady_timer timer{co_await asio::this_coro::executor};
    for (;;) { // until it is cancelled: then the wait throws
      co_await ask(*history);
      timer.expires_after(step);
      co_await timer.async_wait(asio::use_awaitable);
    }
  };
}

} // namespace farshore
