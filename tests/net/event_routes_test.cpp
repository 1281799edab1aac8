// Server-sent events, over a real connection; the period is short, and nothing waits for longer
// than an event needs.

#include "net/event_routes.hpp"

#include "http_client.hpp"
#include "net/http_server.hpp"

#include <atomic>
#include <memory>
#include <string>

#include <boost/asio/read_until.hpp>
#include <boost/json.hpp>
#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;
using boost::asio::awaitable;
using Catch::Contains;

namespace {

struct events_fixture {
  std::atomic<int> status = 1;
  std::atomic<int> jobs = 1;
  event_feed feed;
  std::unique_ptr<http_server> server;

  ~events_fixture() { server.reset(); }

  static status_question telling(const std::atomic<int>& number) {
    return [&number]() -> awaitable<result<status_document>> {
      static int asked = 0;
      co_return status_document{{{"n", number.load()}, {"time", ++asked}}};
    };
  }
  static auto telling_jobs(const std::atomic<int>& number) {
    return [&number]() -> awaitable<result<boost::json::value>> {
      co_return boost::json::value{{"jobs", number.load()}};
    };
  }

  std::unique_ptr<http_client> listen() {
    if (!server) {
      auto settings = std::make_shared<const config>();
      feed.status = std::make_shared<status_answer>(
          telling(status), [settings] { return settings; }, system_time());
      feed.jobs = telling_jobs(jobs);
      feed.period = 5ms;
      router routes;
      add_event_route(routes, feed);
      auto started = http_server::start({.listen = "127.0.0.1:0", .site = "lisbon"},
                                        std::move(routes), {test_secret});
      REQUIRE(started);
      server = std::move(*started);
    }
    auto client = std::make_unique<http_client>(server->address());
    client->send(http_client::signed_request("GET", "/api/v1/events"));
    return client;
  }

  /// What comes up to that text, with it.
  static std::string until(http_client& client, const std::string& text) {
    std::string got;
    boost::system::error_code failed;
    const auto n =
        boost::asio::read_until(client.socket, boost::asio::dynamic_buffer(got), text, failed);
    CHECK_FALSE(failed);
    return got.substr(0, n);
  }
};

} // namespace

TEST_CASE_METHOD(events_fixture, "a listener is told how all stands, then what changes",
                 "[events]") {
  auto client = listen();
  const auto first = until(*client, "data: {\"jobs\":1}\n\n");
  CHECK_THAT(first, Contains("Content-Type: text/event-stream") &&
                        Contains("event: status\ndata: {\"n\":1,") && Contains("event: jobs\n"));
  jobs = 2;
  const auto next = until(*client, "data: {\"jobs\":2}\n\n");
  CHECK_THAT(next, !Contains("event: status")); // only its time is another
}

TEST_CASE_METHOD(events_fixture, "who listens in vain hears now and then that somebody is there",
                 "[events]") {
  feed.silence_max = 20ms;
  auto client = listen();
  until(*client, ": still here\n\n");
}

TEST_CASE_METHOD(events_fixture, "more listeners than may be are refused, until one leaves",
                 "[events]") {
  feed.listeners_max = 1;
  auto first = listen();
  until(*first, "event: jobs");
  auto second = listen();
  const auto refused = second->read();
  REQUIRE(refused);
  CHECK(refused->result_int() == 503);
  first.reset();
  for (bool in = false; !in;) {
    auto third = listen();
    std::string line;
    boost::asio::read_until(third->socket, boost::asio::dynamic_buffer(line), "\r\n");
    in = line.find("200") != std::string::npos;
    ++jobs; // what is written tells that the first is gone
  }
}

TEST_CASE_METHOD(events_fixture, "a server that stops ends its listeners", "[events]") {
  auto client = listen();
  until(*client, "event: jobs");
  server->stop();
  CHECK_THAT(until(*client, "0\r\n\r\n"), Contains("\r\n"));
}
