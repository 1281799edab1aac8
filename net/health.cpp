#include "net/health.hpp"

#include <memory>
#include <optional>
#include <utility>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

namespace farshore {

namespace json = boost::json;
using boost::asio::awaitable;

namespace {

constexpr std::chrono::seconds answer_life{1};

/// The last answer, for all who ask. On the server's thread only.
class health_probe {
public:
  health_probe(readiness_question ask, const time_source& time)
      : ask_{std::move(ask)}, time_{time} {}

  awaitable<result<readiness>> look() {
    // Who comes while a question is under way gets the answer before it.
    if (last_ && (asking_ || time_.now() - asked_ < answer_life))
      co_return *last_;
    asking_ = true;
    auto answer = co_await ask_();
    asking_ = false;
    asked_ = time_.now();
    last_ = answer;
    co_return answer;
  }

private:
  readiness_question ask_;
  const time_source& time_;
  std::optional<result<readiness>> last_;
  steady_time asked_{};
  bool asking_ = false;
};

http_answer say(bool good, json::object body) {
  return {good ? 200U : 503U, json::serialize(body)};
}

readiness judged(std::size_t types, std::size_t waiting, const char* what) {
  readiness out{waiting == 0, types, waiting, {}};
  if (waiting > 0)
    out.reason = std::to_string(waiting) + " of " + std::to_string(types) + " types " + what;
  return out;
}

} // namespace

readiness readiness_of(const primary_status& status) {
  std::size_t waiting = 0;
  for (const auto& type : status.types)
    waiting += type.waiting.empty() ? 0 : 1;
  return judged(status.types.size(), waiting, "are not installed yet");
}

readiness readiness_of(const secondary_status& status) {
  std::size_t types = 0;
  std::size_t waiting = 0;
  for (const auto& line : status.types) {
    if (!line.declared.enabled)
      continue;
    ++types;
    waiting += line.registry.walk.complete ? 0 : 1;
  }
  return judged(types, waiting, "have not been read from the primary yet");
}

void add_health_routes(router& routes, readiness_question ask, const time_source& time) {
  auto probe = std::make_shared<health_probe>(std::move(ask), time);
  routes.add(
      "GET", "/healthz",
      [probe](const http_request&) -> awaitable<result<http_answer>> {
        const auto answer = co_await probe->look();
        co_return say(answer.has_value(), {{"status", answer ? "ok" : "stuck"}});
      },
      route_access::anyone);
  routes.add(
      "GET", "/readyz",
      [probe](const http_request&) -> awaitable<result<http_answer>> {
        const auto answer = co_await probe->look();
        if (!answer)
          co_return say(false, {{"status", "not_ready"}, {"reason", "the node does not answer"}});
        json::object body{{"status", answer->ready ? "ready" : "not_ready"},
                          {"types", answer->types},
                          {"waiting", answer->waiting}};
        if (!answer->reason.empty())
          body["reason"] = answer->reason;
        co_return say(answer->ready, std::move(body));
      },
      route_access::anyone);
}

} // namespace farshore
