#include "http_client.hpp"
#include "net/health.hpp"
#include "net/http_server.hpp"

#include <atomic>
#include <memory>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;
using boost::asio::awaitable;
using namespace std::chrono_literals;

namespace {

struct held_clock final : time_source {
  [[nodiscard]] steady_time now() const override { return steady_time{passed.load()}; }
  [[nodiscard]] wall_time wall() const override { return system_time().wall(); }
  std::atomic<std::chrono::nanoseconds> passed{1h};
};

struct health_fixture {
  health_fixture() {
    router routes;
    add_health_routes(
        routes,
        [this]() -> awaitable<result<readiness>> {
          ++asked;
          co_return stands;
        },
        clock);
    auto started = http_server::start({.listen = "127.0.0.1:0"}, std::move(routes), {test_secret});
    REQUIRE(started);
    server = std::move(*started);
  }

  /// Status and body of an unsigned GET.
  std::pair<unsigned, boost::json::value> get(const std::string& target) {
    http_client client{server->address()};
    const auto answer = client.ask({boost::beast::http::verb::get, target, 11});
    REQUIRE(answer);
    return {answer->result_int(), boost::json::parse(answer->body())};
  }

  held_clock clock;
  std::atomic<int> asked{0};
  result<readiness> stands = readiness{true, 2, 0, {}};
  std::unique_ptr<http_server> server;
};

secondary_status::type_line line(bool enabled, bool complete) {
  secondary_status::type_line out;
  out.declared.enabled = enabled;
  out.registry.walk.complete = complete;
  return out;
}

} // namespace

TEST_CASE_METHOD(health_fixture, "health and readiness need no signature", "[health]") {
  CHECK(get("/healthz") == std::pair{200U, boost::json::value{{"status", "ok"}}});
  CHECK(get("/readyz") ==
        std::pair{200U, boost::json::value{{"status", "ready"}, {"types", 2}, {"waiting", 0}}});
}

TEST_CASE_METHOD(health_fixture, "a node that waits is alive, but not ready", "[health]") {
  stands = readiness{false, 2, 1, "1 of 2 types are not installed yet"};
  CHECK(get("/healthz").first == 200);
  const auto [status, body] = get("/readyz");
  CHECK(status == 503);
  CHECK(body.at("reason").as_string() == "1 of 2 types are not installed yet");
}

TEST_CASE_METHOD(health_fixture,
                 "actors that do not answer are neither, and nothing is said of them", "[health]") {
  stands = fail(ec::database_unavailable, "postgresql://secret@database is away");
  for (const auto* target : {"/healthz", "/readyz"}) {
    const auto [status, body] = get(target);
    CHECK(status == 503);
    CHECK(boost::json::serialize(body).find("secret") == std::string::npos);
  }
}

TEST_CASE_METHOD(health_fixture, "however many ask, the actors are asked once in a second",
                 "[health]") {
  for (int i = 0; i < 5; ++i)
    CHECK(get("/healthz").first == 200);
  CHECK(get("/readyz").first == 200);
  CHECK(asked == 1);
  stands = fail(ec::stopping, "late");
  clock.passed = clock.passed.load() + 999ms;
  CHECK(get("/healthz").first == 200);
  clock.passed = clock.passed.load() + 1ms;
  CHECK(get("/healthz").first == 503);
  CHECK(asked == 2);
}

TEST_CASE("a primary is ready once every enabled type is installed", "[health]") {
  primary_status status;
  CHECK(readiness_of(status).ready);
  status.types = {{"file", 1, ""}, {"image", 0, "table \"images\" does not exist yet"}};
  const auto stands = readiness_of(status);
  CHECK_FALSE(stands.ready);
  CHECK(stands.waiting == 1);
  CHECK(stands.reason == "1 of 2 types are not installed yet");
}

TEST_CASE(
    "a secondary is ready once its backfills are complete, whether its primary is there or not",
    "[health]") {
  secondary_status status;
  status.log.reachable = false;
  status.types = {line(true, true), line(false, false)};
  CHECK(readiness_of(status).ready);
  CHECK(readiness_of(status).types == 1);
  status.types.push_back(line(true, false));
  CHECK_FALSE(readiness_of(status).ready);
}
