#include "net/event_routes.hpp"

#include "net/api_table.hpp"

#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>

namespace farshore {

namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using asio::awaitable;

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);

/// A document as an event. What it says is on one line: JSON has no line breaks of its own.
std::string frame_of(std::string_view name, std::string_view data) {
  return "event: " + std::string{name} + "\ndata: " + std::string{data} + "\n\n";
}

/// One kind of event: the newest frame, and how many there were before it.
struct channel {
  std::string what;
  std::string frame;
  std::uint64_t version = 0;

  /// `same`: what it is told by whether it has changed.
  void put(std::string_view name, std::string same, std::string_view text) {
    if (version > 0 && same == what)
      return;
    what = std::move(same);
    frame = frame_of(name, text);
    ++version;
  }
};

/// What all listeners are told. On the server's thread only.
class event_hub {
public:
  explicit event_hub(event_feed feed) : feed_{std::move(feed)} {}

  awaitable<result<std::optional<http_answer>>> serve(const http_request& request, exchange& out);

private:
  struct listener {
    explicit listener(std::size_t& count) : count_{count} { ++count_; }
    ~listener() { --count_; }
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;
    std::size_t& count_;
  };

  awaitable<void> look();
  awaitable<result<void>> send(exchange& out, std::string text);
  awaitable<void> pass(std::chrono::milliseconds time);

  event_feed feed_;
  std::size_t listeners_ = 0;
  std::optional<steady_time> looked_;
  channel status_;
  channel jobs_;
};

/// At most once in a period, however many listen.
awaitable<void> event_hub::look() {
  if (looked_ && feed_.time->now() - *looked_ < feed_.period)
    co_return;
  looked_ = feed_.time->now();
  if (const auto stands = co_await feed_.status->get()) {
    auto core = (*stands)->value.as_object();
    core.erase("time"); // which is always another
    status_.put("status", json::serialize(core), (*stands)->text);
  }
  if (const auto jobs = co_await feed_.jobs()) {
    const auto text = json::serialize(*jobs);
    jobs_.put("jobs", text, text);
  }
}

awaitable<void> event_hub::pass(std::chrono::milliseconds time) {
  asio::steady_timer timer{co_await asio::this_coro::executor, time};
  co_await timer.async_wait(as_values);
}

awaitable<result<void>> event_hub::send(exchange& out, std::string text) {
  using namespace asio::experimental::awaitable_operators;
  const auto bytes = std::as_bytes(std::span{text});
  auto first = co_await (out.write(bytes) || pass(feed_.patience));
  if (auto* written = std::get_if<0>(&first))
    co_return std::move(*written);
  co_return fail(ec::stopping, "the listener takes nothing");
}

awaitable<result<std::optional<http_answer>>> event_hub::serve(const http_request& request,
                                                               exchange& out) {
  if (listeners_ >= feed_.listeners_max)
    co_return fail(ec::overloaded, "this site has all the listeners that it takes; ask for "
                                   "/api/v1/status instead, or try again later");
  const listener counted{listeners_};
  out.set_content_type("text/event-stream");
  std::uint64_t status_seen = 0;
  std::uint64_t jobs_seen = 0;
  auto said = feed_.time->now();
  while (!*request.stopping) {
    co_await look();
    std::string text;
    if (std::exchange(status_seen, status_.version) != status_.version)
      text += status_.frame;
    if (std::exchange(jobs_seen, jobs_.version) != jobs_.version)
      text += jobs_.frame;
    if (text.empty() && feed_.time->now() - said >= feed_.silence_max)
      text = ": still here\n\n";
    if (!text.empty()) {
      if (auto sent = co_await send(out, std::move(text)); !sent)
        co_return fail(std::move(sent).error());
      said = feed_.time->now();
    }
    co_await pass(feed_.period);
  }
  co_return std::optional<http_answer>{};
}

} // namespace

void add_event_route(router& routes, event_feed feed) {
  auto hub = std::make_shared<event_hub>(std::move(feed));
  add_stream_endpoint(
      routes, "GET", "/api/v1/events",
      [hub](const http_request& request, exchange& out) { return hub->serve(request, out); });
}

} // namespace farshore
