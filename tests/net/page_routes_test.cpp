// The page's files as a browser asks for them.

#include "net/page_routes.hpp"

#include "http_client.hpp"
#include "net/http_server.hpp"

#include <memory>
#include <utility>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;

namespace {

constexpr page_file files[] = {
    {"/", "text/html; charset=utf-8", "\"a1\"", false, "<!doctype html>", "packed page"},
    {"/assets/font-b2.woff2", "font/woff2", "\"b2\"", true, "a font", {}},
};

struct page_fixture {
  explicit page_fixture(std::span<const page_file> served = files) {
    router routes;
    add_page_routes(routes, served);
    auto started = http_server::start({.listen = "127.0.0.1:0"}, std::move(routes), {test_secret});
    REQUIRE(started);
    server = std::move(*started);
  }

  http_client::answer_type get(const std::string& target, const std::string& field = "Accept",
                               const std::string& value = "*/*") {
    http_client client{server->address()};
    http_client::request_type request{boost::beast::http::verb::get, target, 11};
    request.set(field, value);
    auto answer = client.ask(request);
    REQUIRE(answer);
    return std::move(*answer);
  }

  std::unique_ptr<http_server> server;
};

struct no_page_fixture : page_fixture {
  no_page_fixture() : page_fixture(std::span<const page_file>{}) {}
};

} // namespace

TEST_CASE_METHOD(page_fixture, "the page is for anyone, and lets nothing in from elsewhere",
                 "[page]") {
  const auto answer = get("/");
  CHECK(answer.result_int() == 200);
  CHECK(answer.body() == "<!doctype html>");
  CHECK(answer["Content-Type"] == "text/html; charset=utf-8");
  CHECK(answer["X-Content-Type-Options"] == "nosniff");
  CHECK(answer["Referrer-Policy"] == "no-referrer");
  const std::string policy = answer["Content-Security-Policy"];
  CHECK(policy.starts_with("default-src 'none'; script-src 'self'; "));
  CHECK(policy.find("frame-ancestors 'none'") != std::string::npos);
  CHECK(policy.find("unsafe") == std::string::npos);
}

TEST_CASE_METHOD(page_fixture, "a browser keeps files whose names say their content for good",
                 "[page]") {
  CHECK(get("/assets/font-b2.woff2")["Cache-Control"] == "public, max-age=31536000, immutable");
  CHECK(get("/")["Cache-Control"] == "no-cache");
}

TEST_CASE_METHOD(page_fixture, "what a browser has already is not sent again", "[page]") {
  const auto answer = get("/", "If-None-Match", "W/\"z9\", \"a1\"");
  CHECK(answer.result_int() == 304);
  CHECK(answer.body().empty());
  CHECK(get("/", "If-None-Match", "\"z9\"").result_int() == 200);
}

TEST_CASE_METHOD(page_fixture, "who takes gzip gets it, where there is any", "[page]") {
  const auto answer = get("/", "Accept-Encoding", "br, gzip;q=0.8");
  CHECK(answer["Content-Encoding"] == "gzip");
  CHECK(answer.body() == "packed page");
  CHECK(get("/", "Accept-Encoding", "gzippy").body() == "<!doctype html>");
  CHECK(get("/assets/font-b2.woff2", "Accept-Encoding", "gzip").body() == "a font");
}

TEST_CASE_METHOD(no_page_fixture, "a node without the page says so", "[page]") {
  const auto answer = get("/");
  CHECK(answer.result_int() == 200);
  CHECK(answer.body().find("built without its page") != std::string::npos);
}
