#include "http_client.hpp"
#include "net/audit.hpp"
#include "net/http_server.hpp"

#include <memory>
#include <sstream>

#include <boost/asio/awaitable.hpp>
#include <catch2/catch.hpp>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

using namespace farshore;
using namespace farshore::test;
using boost::asio::awaitable;
using Catch::Contains;

namespace {

/// A server with one audited action, and what it has logged.
struct audit_fixture {
  audit_fixture() {
    auto logger = std::make_shared<spdlog::logger>(
        "farshore", std::make_shared<spdlog::sinks::ostream_sink_mt>(log));
    logger->set_pattern("%n %v");
    logger->set_level(spdlog::level::err); // audit lines are written all the same
    spdlog::set_default_logger(std::move(logger));
    router routes;
    routes.add("POST", "/act",
               audited("resync", "marked",
                       [this](const http_request&) -> awaitable<result<http_answer>> {
                         co_return outcome;
                       }),
               route_access::operating);
    auto started = http_server::start({.listen = "127.0.0.1:0", .site = "lisbon"},
                                      std::move(routes), {test_secret});
    REQUIRE(started);
    server = std::move(*started);
  }
  ~audit_fixture() {
    server.reset();
    spdlog::set_default_logger(kept);
  }

  unsigned act(const std::string& body, const std::string& user = "ada") {
    http_client client{server->address()};
    auto request = http_client::signed_request("POST", "/act", body);
    if (!user.empty())
      request.set(user_header, user);
    const auto answer = client.ask(request);
    REQUIRE(answer);
    return answer->result_int();
  }

  unsigned act_by_token(const person& whose) {
    const auto token =
        make_person_token(test_secret, "lisbon", whose, std::chrono::days{1}, system_time().wall());
    http_client client{server->address()};
    http_client::request_type request{boost::beast::http::verb::post, "/act", 11};
    request.set("Authorization", "Bearer " + token);
    request.body() = R"({"type":"file"})";
    request.prepare_payload();
    const auto answer = client.ask(request);
    REQUIRE(answer);
    CHECK_THAT(log.str(), !Contains(token));
    return answer->result_int();
  }

  std::shared_ptr<spdlog::logger> kept = spdlog::default_logger();
  std::ostringstream log;
  result<http_answer> outcome = http_answer{200, R"({"marked":5})"};
  std::unique_ptr<http_server> server;
};

} // namespace

TEST_CASE_METHOD(audit_fixture, "an action leaves one line that says who did what to how many",
                 "[audit]") {
  CHECK(act(R"({"type":"file","all":true})") == 200);
  CHECK_THAT(log.str(), Catch::StartsWith("audit ada of site lisbon (127.0.0.1:"));
  CHECK_THAT(log.str(), Catch::EndsWith(") did resync on file: 5 records\n"));
}

TEST_CASE_METHOD(audit_fixture, "what is refused leaves a line too", "[audit]") {
  outcome = fail(ec::not_found, "no such type\naudit root of site lisbon did resync on all");
  CHECK(act(R"({"type":"fiel"})") == 404);
  CHECK_THAT(log.str(), Contains(" did resync on fiel: refused: no such type audit root"));
  CHECK(std::ranges::count(log.str(), '\n') == 1);
  CHECK(act("no json at all") == 404);
  CHECK_THAT(log.str(), Contains(" did resync on all types: refused: "));
}

TEST_CASE_METHOD(audit_fixture, "what stands in a request can't make a line of its own",
                 "[audit]") {
  CHECK(act(R"({"type":"file\naudit root did nothing"})") == 200);
  CHECK(std::ranges::count(log.str(), '\n') == 1);
}

TEST_CASE_METHOD(audit_fixture, "a user's name is visible and short, or the request is refused",
                 "[audit]") {
  CHECK(act("{}", "two words") == 400);
  CHECK(act("{}", std::string(65, 'a')) == 400);
  CHECK(act("{}", "caf\xc3\xa9") == 400);
  CHECK(log.str().empty());
  CHECK(act("{}", std::string(64, 'a')) == 200);
  CHECK(act("{}", "") == 200);
  CHECK_THAT(log.str(), Contains("audit somebody of site lisbon"));
}

TEST_CASE_METHOD(audit_fixture, "who acts with a token is named as its holder", "[audit]") {
  CHECK(act_by_token({"ann", person_level::operating}) == 200);
  CHECK_THAT(log.str(), Catch::StartsWith("audit operator \"ann\" (127.0.0.1:"));
  CHECK_THAT(log.str(), Catch::EndsWith(") did resync on file: 5 records\n"));
}

TEST_CASE_METHOD(audit_fixture, "who may not act leaves a line for having tried", "[audit]") {
  CHECK(act_by_token({"bob", person_level::viewer}) == 403);
  CHECK_THAT(log.str(), Catch::StartsWith("audit viewer \"bob\" (127.0.0.1:"));
  CHECK_THAT(log.str(), Contains(") did /act on what was not looked at: refused: "));
  CHECK(std::ranges::count(log.str(), '\n') == 1);
}
