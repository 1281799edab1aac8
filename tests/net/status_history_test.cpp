// What the page is told of the last hour.

#include "net/status_history.hpp"

#include "http_client.hpp"
#include "net/http_server.hpp"

#include <atomic>
#include <memory>
#include <utility>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

const wall_time noon{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24} + 12h};

secondary_status secondary_with(const std::string& type, std::int64_t synced) {
  secondary_status status;
  auto& line = status.types.emplace_back();
  line.declared.name = type;
  line.registry.recovery_point = noon - 2500ms;
  line.registry.counts.synced = synced;
  line.registry.counts.verified = synced - 1;
  return status;
}

} // namespace

TEST_CASE("how far a type is behind is kept, and null where it is not known", "[history]") {
  status_history history;
  history.note(secondary_with("file", 7), noon);
  const auto at = static_cast<double>(noon.time_since_epoch() / 1s);
  CHECK(history.to_json() ==
        json::value{{"file", json::array{json::array{at, 2.5, nullptr, 7, 6}}}});
}

TEST_CASE("on a primary it is how far each site is behind, and what is checksummed", "[history]") {
  primary_status status;
  status.counts.push_back({.type = "file", .records = 10, .checksummed = 4});
  auto& site = status.sites.emplace_back();
  site.last.name = "lisbon";
  site.lag = 1500ms;
  status_history history;
  history.note(status, noon);
  const auto told = history.to_json();
  CHECK(told.at("file").at(0).at(3) == 10);
  CHECK(told.at("file").at(0).at(4) == 4);
  CHECK(told.at("site/lisbon").at(0).at(1) == 1.5);
}

TEST_CASE("no more than an hour is kept, nor of what is there no more", "[history]") {
  status_history history;
  history.note(secondary_with("gone", 1), noon);
  for (std::size_t i = 1; i <= history_samples_max + 5; ++i)
    history.note(secondary_with("file", static_cast<std::int64_t>(i)), noon + history_step * i);
  const auto told = history.to_json().as_object();
  CHECK(told.size() == 1);
  CHECK(told.at("file").as_array().size() == history_samples_max);
  CHECK(told.at("file").at(0).at(3) == 6);
}

TEST_CASE("the server notes by itself, and ends while it waits", "[history]") {
  router routes;
  std::atomic<int> asked{0};
  auto keep = add_history_route(
      routes,
      [&](status_history& history) -> boost::asio::awaitable<void> {
        history.note(secondary_with("file", ++asked), noon);
        co_return;
      },
      1h);
  auto server =
      http_server::start({.listen = "127.0.0.1:0", .site = "lisbon", .background = std::move(keep)},
                         std::move(routes), {test_secret});
  REQUIRE(server);
  http_client client{(*server)->address()};
  const auto answer = client.ask(http_client::signed_request("GET", "/history"));
  REQUIRE(answer);
  CHECK(json::parse(answer->body()).at("file").at(0).at(3) == 1);
  (*server)->stop();
  CHECK(asked == 1);
}
