// Who is signed in to the page, and what that is good for.

#include "http_client.hpp"
#include "net/http_server.hpp"
#include "net/person.hpp"
#include "net/session_routes.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;
using boost::asio::awaitable;
using namespace std::chrono_literals;
using Catch::Contains;
using fields = std::vector<std::pair<std::string, std::string>>;

namespace {

struct moved_clock final : time_source {
  [[nodiscard]] steady_time now() const override { return system_time().now(); }
  [[nodiscard]] wall_time wall() const override { return system_time().wall() + passed.load(); }
  std::atomic<std::chrono::seconds> passed{0s};
};

struct session_fixture {
  session_fixture() {
    router routes;
    auto page = std::make_shared<page_sessions>("lisbon");
    add_session_routes(routes, page, "lisbon", clock);
    const auto answer = [](const http_request& request) -> awaitable<result<http_answer>> {
      co_return http_answer{200, request.who ? request.who->name : "", "text/plain"};
    };
    routes.add("GET", "/look", answer, route_access::viewer);
    routes.add("POST", "/act", answer, route_access::operating);
    auto started = http_server::start(
        {.listen = "127.0.0.1:0", .site = "lisbon", .page = page, .time = &clock},
        std::move(routes), {test_secret});
    REQUIRE(started);
    server = std::move(*started);
  }

  http_client::answer_type ask(boost::beast::http::verb verb, const std::string& target,
                               const fields& with = {}) {
    http_client client{server->address()};
    http_client::request_type request{verb, target, 11};
    request.set("Host", server->address());
    for (const auto& [name, value] : with)
      request.set(name, value);
    request.prepare_payload();
    auto answer = client.ask(request);
    REQUIRE(answer);
    return std::move(*answer);
  }
  http_client::answer_type get(const std::string& target, const fields& with = {}) {
    return ask(boost::beast::http::verb::get, target, with);
  }
  http_client::answer_type post(const std::string& target, const fields& with = {}) {
    return ask(boost::beast::http::verb::post, target, with);
  }

  /// Signs in; the cookie and the session's CSRF text.
  std::pair<std::string, std::string> sign_in(person_level level = person_level::operating,
                                              std::chrono::days life = std::chrono::days{30}) {
    const auto made = make_person_token(test_secret, "lisbon", {"ada", level}, life, clock.wall());
    const auto answer = post("/session", {{"Authorization", "Bearer " + made}});
    REQUIRE(answer.result_int() == 200);
    const std::string cookie{answer["Set-Cookie"]};
    const auto said = boost::json::parse(answer.body());
    return {cookie.substr(0, cookie.find(';')), std::string{said.at("csrf").as_string()}};
  }

  moved_clock clock;
  std::unique_ptr<http_server> server;
};

} // namespace

TEST_CASE_METHOD(session_fixture, "who signs in gets a cookie that scripts can't read",
                 "[page_sessions]") {
  const auto made = make_person_token(test_secret, "lisbon", {"ada", person_level::viewer},
                                      std::chrono::days{1}, clock.wall());
  const auto answer = post("/session", {{"Authorization", "Bearer " + made}});
  const auto said = boost::json::parse(answer.body());
  CHECK(said.at("name") == "ada");
  CHECK(said.at("level") == "viewer");
  const std::string cookie{answer["Set-Cookie"]};
  CHECK_THAT(cookie, Contains("HttpOnly") && Contains("SameSite=Strict") && Contains("Path=/"));
  CHECK_THAT(cookie, !Contains(made));
  CHECK_THAT(answer.body(), !Contains(made));
}

TEST_CASE_METHOD(session_fixture, "a session is good for what its token is good for",
                 "[page_sessions]") {
  const auto [cookie, csrf] = sign_in(person_level::viewer);
  CHECK(get("/look", {{"Cookie", cookie}}).body() == "ada");
  CHECK(get("/look", {{"Cookie", "other=1; " + cookie}}).result_int() == 200);
  CHECK(post("/act", {{"Cookie", cookie}, {csrf_header, csrf}}).result_int() == 403);
  CHECK(get("/look").result_int() == 401);
  CHECK(get("/look", {{"Cookie", "farshore-lisbon=guessed"}}).result_int() == 401);
}

TEST_CASE_METHOD(session_fixture, "a session acts only for the page itself", "[page_sessions]") {
  const auto [cookie, csrf] = sign_in();
  CHECK(post("/act", {{"Cookie", cookie}, {csrf_header, csrf}}).result_int() == 200);
  CHECK(post("/act", {{"Cookie", cookie},
                      {csrf_header, csrf},
                      {"Origin", "http://" + server->address()},
                      {"Sec-Fetch-Site", "same-origin"}})
            .result_int() == 200);
  CHECK(post("/act", {{"Cookie", cookie}}).result_int() == 403);
  CHECK(post("/act", {{"Cookie", cookie}, {csrf_header, "guessed"}}).result_int() == 403);
  CHECK(post("/act", {{"Cookie", cookie}, {csrf_header, csrf}, {"Origin", "http://other.example"}})
            .result_int() == 403);
  CHECK(post("/act", {{"Cookie", cookie}, {csrf_header, csrf}, {"Sec-Fetch-Site", "cross-site"}})
            .result_int() == 403);
  CHECK(get("/look", {{"Cookie", cookie}, {"Sec-Fetch-Site", "cross-site"}}).result_int() == 403);
}

TEST_CASE_METHOD(session_fixture, "who signs out is out", "[page_sessions]") {
  const auto [cookie, csrf] = sign_in();
  const auto out =
      ask(boost::beast::http::verb::delete_, "/session", {{"Cookie", cookie}, {csrf_header, csrf}});
  CHECK(out.result_int() == 200);
  CHECK_THAT(std::string{out["Set-Cookie"]}, Contains("Max-Age=0"));
  CHECK(get("/look", {{"Cookie", cookie}}).result_int() == 401);
}

TEST_CASE_METHOD(session_fixture, "a session ends with its time", "[page_sessions]") {
  const auto [cookie, csrf] = sign_in();
  clock.passed = page_session_life - 1min;
  CHECK(get("/look", {{"Cookie", cookie}}).result_int() == 200);
  clock.passed = page_session_life + 1min;
  CHECK(get("/look", {{"Cookie", cookie}}).result_int() == 401);
}

TEST_CASE_METHOD(session_fixture, "a session ends with the secret that its token was made with",
                 "[page_sessions]") {
  const auto [cookie, csrf] = sign_in();
  server->set_secrets({"fedcba9876543210fedcba9876543210"});
  CHECK(get("/look", {{"Cookie", cookie}}).result_int() == 401);
}

TEST_CASE_METHOD(session_fixture, "who tries many wrong tokens waits a minute", "[page_sessions]") {
  const fields wrong{{"Authorization", "Bearer wrong"}};
  for (std::size_t i = 0; i < sign_ins_refused_max; ++i)
    CHECK(post("/session", wrong).result_int() == 401);
  CHECK(post("/session", wrong).result_int() == 429);
  clock.passed = 61s;
  CHECK(post("/session", wrong).result_int() == 401);
}

TEST_CASE("sessions are bounded, and the one that was unused longest makes room",
          "[page_sessions]") {
  page_sessions sessions{"lisbon"};
  const auto now = system_time().wall();
  const auto request_of = [&](const std::string& name) {
    http_request request;
    request.browser.cookie = "farshore-lisbon=" + name;
    return request;
  };
  const auto first = request_of(sessions.begin("token", now).name);
  const auto second = request_of(sessions.begin("token", now + 1s).name);
  CHECK(sessions.find(first, now + 2s));
  for (std::size_t i = 2; i <= page_sessions_max; ++i)
    sessions.begin("token", now + 3s);
  CHECK(sessions.find(first, now + 4s));
  CHECK_FALSE(sessions.find(second, now + 4s));
}
