#include "net/http_server.hpp"

#include "fakes.hpp"
#include "http_client.hpp"
#include "net/on_pool.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <list>
#include <thread>

#include <boost/asio/awaitable.hpp>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

namespace asio = boost::asio;

/// More than the kernel keeps of a connection.
constexpr std::size_t large_bytes = 64u << 20;

struct server_fixture {
  http_server_settings settings{.listen = "127.0.0.1:0"};
  asio::thread_pool pool{2};
  gate held;
  /// A stream broke off.
  std::promise<void> given_up;
  std::unique_ptr<http_server> server;

  router routes() {
    router all;
    all.add("GET", "/echo/*", [](const http_request& request) { return echo(request); });
    all.add("POST", "/echo/*", [](const http_request& request) { return echo(request); });
    all.add(
        "GET", "/healthz", [](const http_request& request) { return echo(request); },
        route_access::anyone);
    all.add("GET", "/wire",
            [](const http_request& request) -> asio::awaitable<result<http_answer>> {
              co_return http_answer{200, std::to_string(request.wire), "text/plain"};
            });
    all.add("GET", "/throws", [](const http_request&) -> asio::awaitable<result<http_answer>> {
      throw std::runtime_error{"a secret of ours"};
      co_return http_answer{};
    });
    all.add("GET", "/fails", [](const http_request&) -> asio::awaitable<result<http_answer>> {
      co_return fail(ec::position_unknown, "the log does not reach back to there");
    });
    all.add("GET", "/held",
            [this](const http_request& request) -> asio::awaitable<result<http_answer>> {
              co_await on_pool(pool, [this] {
                held.pass();
                return true;
              });
              co_return http_answer{200, *request.stopping ? "stopping" : "going on"};
            });
    all.add_stream("GET", "/stream",
                   [](const http_request&, answer_stream& out) -> asio::awaitable<result<void>> {
                     for (int i = 0; i < 3; ++i)
                       if (auto sent = co_await out.write(to_bytes("piece ")); !sent)
                         co_return sent;
                     co_return result<void>{};
                   });
    all.add_stream("GET", "/stream-fails",
                   [](const http_request&, answer_stream&) -> asio::awaitable<result<void>> {
                     co_return fail(ec::type_waiting, "not yet");
                   });
    all.add_stream("GET", "/stream-breaks",
                   [](const http_request&, answer_stream& out) -> asio::awaitable<result<void>> {
                     co_await out.write(to_bytes("piece "));
                     throw std::runtime_error{"in the middle"};
                   });
    all.add_stream(
        "GET", "/stream-large",
        [this](const http_request&, answer_stream& out) -> asio::awaitable<result<void>> {
          auto sent = co_await out.write(bytes(large_bytes));
          if (!sent)
            given_up.set_value();
          co_return sent;
        });
    all.add_stream("GET", "/stream-endless",
                   [](const http_request&, answer_stream& out) -> asio::awaitable<result<void>> {
                     const bytes piece(1 << 20);
                     for (;;)
                       if (auto sent = co_await out.write(piece); !sent)
                         co_return sent;
                   });
    return all;
  }

  static asio::awaitable<result<http_answer>> echo(const http_request& request) {
    std::string text = request.method + " " + request.site;
    for (const auto& one : request.captured)
      text += " [" + one + "]";
    for (const auto& [key, value] : request.query)
      text += " " + key + "=" + value;
    co_return http_answer{200, text + " " + request.body, "text/plain"};
  }

  http_client connect(std::vector<std::string> secrets = {test_secret}) {
    if (!server) {
      auto started = http_server::start(settings, routes(), std::move(secrets));
      REQUIRE(started);
      server = std::move(*started);
    }
    return http_client{server->address()};
  }

  ~server_fixture() {
    held.open();
    server.reset();
  }
};

} // namespace

TEST_CASE_METHOD(server_fixture, "a signed request is answered, and the connection kept",
                 "[server]") {
  auto client = connect();
  for (int i = 0; i < 3; ++i) {
    const auto answer =
        client.ask(http_client::signed_request("POST", "/echo/a%2Fb?x=1&y=%20z", "body"));
    REQUIRE(answer);
    CHECK(answer->result_int() == 200);
    CHECK(answer->body() == "POST lisbon [a/b] x=1 y= z body");
    CHECK((*answer)[wire_header] == "3");
    CHECK(answer->keep_alive());
  }
}

TEST_CASE_METHOD(server_fixture, "who has not signed is refused, whatever is asked", "[server]") {
  auto client = connect();
  for (const auto* target : {"/echo/a", "/nothing", "/held"}) {
    http_client::request_type request{boost::beast::http::verb::get, target, 11};
    const auto answer = client.ask(request);
    REQUIRE(answer);
    CHECK(answer->result_int() == 401);
    CHECK_THAT(answer->body(), Contains("\"unauthorized\"") && Contains("no signature"));
  }
}

TEST_CASE_METHOD(server_fixture, "a public route needs no signature", "[server]") {
  auto client = connect();
  const auto answer = client.ask({boost::beast::http::verb::get, "/healthz", 11});
  REQUIRE(answer);
  CHECK(answer->result_int() == 200);
}

TEST_CASE_METHOD(server_fixture, "a signature that does not fit is told why", "[server]") {
  auto client = connect();
  const auto now = system_time().wall();
  auto answer = client.ask(http_client::signed_request("GET", "/echo/a", {}, std::string(32, 'x')));
  REQUIRE(answer);
  CHECK(answer->result_int() == 401);
  CHECK_THAT(answer->body(), Contains("secret files of the two sites differ"));
  answer = client.ask(http_client::signed_request("GET", "/echo/a", {}, test_secret, now - 600s));
  REQUIRE(answer);
  CHECK(answer->result_int() == 401);
  CHECK_THAT(answer->body(), Contains("set the clocks"));
}

TEST_CASE_METHOD(server_fixture, "secrets can be rotated while the server runs", "[server]") {
  const std::string fresh(40, 'n');
  auto client = connect();
  server->set_secrets({fresh, test_secret});
  CHECK(client.ask(http_client::signed_request("GET", "/echo/a", {}, fresh))->result_int() == 200);
  CHECK(client.ask(http_client::signed_request("GET", "/echo/a"))->result_int() == 200);
  server->set_secrets({fresh});
  CHECK(client.ask(http_client::signed_request("GET", "/echo/a"))->result_int() == 401);
}

TEST_CASE_METHOD(server_fixture, "an unauthenticated body is not waited for", "[server]") {
  auto client = connect();
  client.send_raw("POST /echo/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
  const auto answer = client.read();
  REQUIRE(answer);
  CHECK(answer->result_int() == 401);
  CHECK_FALSE(answer->keep_alive());
  CHECK(client.ended());
}

TEST_CASE_METHOD(server_fixture, "what is not there, or not for that method, is said", "[server]") {
  auto client = connect();
  auto answer = client.ask(http_client::signed_request("GET", "/nothing"));
  REQUIRE(answer);
  CHECK(answer->result_int() == 404);
  CHECK_THAT(answer->body(), Contains("not_found"));
  answer = client.ask(http_client::signed_request("GET", "/echo/"));
  REQUIRE(answer);
  CHECK(answer->result_int() == 404);
  answer = client.ask(http_client::signed_request("DELETE", "/echo/a"));
  REQUIRE(answer);
  CHECK(answer->result_int() == 405);
}

TEST_CASE_METHOD(server_fixture, "who speaks an older version is answered in it", "[server]") {
  auto client = connect();
  for (const auto* version : {"1", "2", "3", "1"})
    for (const auto* target : {"/wire", "/nothing", "/stream"}) {
      auto request = http_client::signed_request("GET", target);
      request.set(wire_header, version);
      const auto answer = client.ask(request);
      REQUIRE(answer);
      CHECK((*answer)[wire_header] == version);
      if (answer->result_int() == 200 && !answer->chunked())
        CHECK(answer->body() == version);
    }
}

TEST_CASE_METHOD(server_fixture, "a version that is not known is told which are", "[server]") {
  const auto* version = GENERATE("0", "4", "-1", "1.0", "x", "99999999999", "");
  CAPTURE(version);
  auto client = connect();
  auto request = http_client::signed_request("GET", "/echo/a");
  request.set(wire_header, version);
  request.set("User-Agent", "farshore/9.9.9");
  const auto answer = client.ask(request);
  REQUIRE(answer);
  CHECK(answer->result_int() == 426);
  CHECK((*answer)[wire_header] == "3");
  CHECK_THAT(answer->body(), Contains("versions 1 to 3") && Contains("farshore/9.9.9") &&
                                 Contains("this site (" + program_name()));
}

TEST_CASE_METHOD(server_fixture, "what could not be read is refused in the oldest version",
                 "[server]") {
  auto client = connect();
  client.send_raw("nonsense\r\n\r\n");
  const auto answer = client.read();
  REQUIRE(answer);
  CHECK((*answer)[wire_header] == "1");
}

TEST_CASE_METHOD(server_fixture, "what is too large or no HTTP is refused", "[server]") {
  auto client = connect();
  SECTION("a long header") {
    auto request = http_client::signed_request("GET", "/echo/a");
    request.set("X-Long", std::string(17'000, 'x'));
    client.send(request);
    CHECK(client.read()->result_int() == 431);
  }
  SECTION("a long body") {
    client.send(http_client::signed_request("POST", "/echo/a", std::string((1 << 20) + 1, 'x')));
    const auto answer = client.read();
    REQUIRE(answer);
    CHECK(answer->result_int() == 413);
  }
  SECTION("a long body in chunks") {
    auto request = http_client::signed_request("POST", "/echo/a");
    request.erase("Content-Length");
    request.chunked(true);
    request.body() = std::string(2 << 20, 'x');
    client.send(request);
    const auto answer = client.read();
    REQUIRE(answer);
    CHECK(answer->result_int() == 413);
  }
  SECTION("no HTTP at all") {
    client.send_raw("\x16\x03\x01 hello there\r\n\r\n");
    CHECK(client.read()->result_int() == 400);
  }
  SECTION("HTTP/1.0") {
    client.send_raw("GET /healthz HTTP/1.0\r\n\r\n");
    CHECK(client.read()->result_int() == 400);
  }
  SECTION("a target that is no path") {
    client.send_raw("GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(client.read()->result_int() == 400);
  }
  // Whatever it was, the next who connects is served.
  CHECK(connect().ask(http_client::signed_request("GET", "/echo/a"))->result_int() == 200);
}

TEST_CASE_METHOD(server_fixture, "a handler that throws ends as a 500 that tells nothing",
                 "[server]") {
  auto client = connect();
  auto answer = client.ask(http_client::signed_request("GET", "/throws"));
  REQUIRE(answer);
  CHECK(answer->result_int() == 500);
  CHECK_THAT(answer->body(), !Contains("secret"));
  CHECK(client.ask(http_client::signed_request("GET", "/echo/a"))->result_int() == 200);
}

TEST_CASE_METHOD(server_fixture, "a handler's error has its status and its sentence", "[server]") {
  auto client = connect();
  const auto answer = client.ask(http_client::signed_request("GET", "/fails"));
  REQUIRE(answer);
  CHECK(answer->result_int() == 409);
  CHECK_THAT(answer->body(),
             Contains("\"position_unknown\"") && Contains("does not reach back to there"));
}

TEST_CASE_METHOD(server_fixture, "a streamed answer arrives whole, and the connection is kept",
                 "[server]") {
  auto client = connect();
  for (int i = 0; i < 2; ++i) {
    const auto answer = client.ask(http_client::signed_request("GET", "/stream"));
    REQUIRE(answer);
    CHECK(answer->chunked());
    CHECK(answer->body() == "piece piece piece ");
  }
}

TEST_CASE_METHOD(server_fixture, "a stream that fails before its first byte is an error answer",
                 "[server]") {
  auto client = connect();
  const auto answer = client.ask(http_client::signed_request("GET", "/stream-fails"));
  REQUIRE(answer);
  CHECK(answer->result_int() == 503);
  CHECK_THAT(answer->body(), Contains("type_waiting"));
}

TEST_CASE_METHOD(server_fixture, "a stream that fails later is cut, and so noticed", "[server]") {
  auto client = connect();
  client.send(http_client::signed_request("GET", "/stream-breaks"));
  CHECK_FALSE(client.read());
}

TEST_CASE_METHOD(server_fixture, "who comes when all sessions are taken is told so", "[server]") {
  settings.sessions_max = 2;
  auto first = connect();
  auto second = connect();
  REQUIRE(first.ask(http_client::signed_request("GET", "/echo/a")));
  REQUIRE(second.ask(http_client::signed_request("GET", "/echo/a")));
  auto third = connect();
  const auto answer = third.read();
  REQUIRE(answer);
  CHECK(answer->result_int() == 503);
  CHECK_THAT(answer->body(), Contains("overloaded"));
  CHECK(third.ended());
  CHECK(first.ask(http_client::signed_request("GET", "/echo/a"))->result_int() == 200);
}

TEST_CASE_METHOD(server_fixture, "one site does not take all sessions", "[server]") {
  settings.sessions_max = 4;
  settings.sessions_of_site_max = 2;
  auto first = connect();
  auto second = connect();
  REQUIRE(first.ask(http_client::signed_request("GET", "/echo/a")));
  REQUIRE(second.ask(http_client::signed_request("GET", "/echo/a")));
  auto third = connect();
  const auto refused = third.ask(http_client::signed_request("GET", "/echo/a"));
  REQUIRE(refused);
  CHECK(refused->result_int() == 503);
  CHECK_THAT(refused->body(), Contains("all the connections"));
  CHECK(third.ended());
  CHECK(second.ask(http_client::signed_request("GET", "/echo/a"))->result_int() == 200);
  SECTION("and another site has its own") {
    auto other = connect();
    CHECK(other
              .ask(http_client::signed_request("GET", "/echo/a", {}, test_secret,
                                               system_time().wall(), "porto"))
              ->result_int() == 200);
  }
  SECTION("and what it gives back it may have again") {
    first.socket.close();
    bool admitted = false;
    for (int tries = 0; tries < 1000 && !admitted; ++tries) {
      auto again = connect();
      const auto answer = again.ask(http_client::signed_request("GET", "/echo/a"));
      admitted = answer && answer->result_int() == 200;
    }
    CHECK(admitted);
  }
}

TEST_CASE_METHOD(server_fixture, "a connection that says nothing is closed in time", "[server]") {
  settings.patience = 30ms;
  auto client = connect();
  CHECK(client.ended());
}

TEST_CASE_METHOD(server_fixture, "a request that never ends is given up in time", "[server]") {
  settings.patience = 30ms;
  auto client = connect();
  const auto signature =
      sign_request(test_secret, "lisbon", "POST", "/echo/a", system_time().wall());
  client.send_raw("POST /echo/a HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nAuthorization: " +
                  signature + "\r\n\r\nabc");
  CHECK(client.ended());
}

TEST_CASE_METHOD(server_fixture, "a stream has time as long as its reader takes some of it",
                 "[server]") {
  settings.stream_patience = 1s;
  auto client = connect();
  client.send(http_client::signed_request("GET", "/stream-large"));
  bytes some(1 << 20);
  std::size_t got = 0;
  boost::system::error_code failed;
  for (int i = 0; i < 10; ++i) {        // far longer than its patience for any one part
    std::this_thread::sleep_for(200ms); // a slow reader
    got += asio::read(client.socket, asio::buffer(some), failed);
  }
  while (!failed && got < large_bytes)
    got += asio::read(client.socket, asio::buffer(some), failed);
  CHECK(got >= large_bytes);
}

TEST_CASE_METHOD(server_fixture, "a stream that nobody reads is given up in time", "[server]") {
  settings.stream_patience = 30ms;
  auto client = connect();
  client.send(http_client::signed_request("GET", "/stream-large"));
  REQUIRE(given_up.get_future().wait_for(20s) == std::future_status::ready);
  CHECK_FALSE(client.read());
}

TEST_CASE_METHOD(server_fixture, "stopping closes idle connections and takes no new ones",
                 "[server]") {
  auto client = connect();
  REQUIRE(client.ask(http_client::signed_request("GET", "/echo/a")));
  const auto address = server->address();
  server->stop();
  CHECK(client.ended());
  CHECK_THROWS(http_client{address});
  server->stop(); // again is no harm
}

TEST_CASE_METHOD(server_fixture, "stopping lets a running request finish, and tells it",
                 "[server]") {
  auto idle = connect();
  REQUIRE(idle.ask(http_client::signed_request("GET", "/echo/a")));
  auto client = connect();
  client.send(http_client::signed_request("GET", "/held"));
  held.wait_until_reached();
  auto stopped = std::async(std::launch::async, [this] { server->stop(); });
  CHECK(idle.ended()); // so the stop has begun
  held.open();
  const auto answer = client.read();
  REQUIRE(answer);
  CHECK(answer->body() == "stopping");
  CHECK_FALSE(answer->keep_alive());
  stopped.get();
}

TEST_CASE_METHOD(server_fixture, "stopping does not wait for ever for who does not read",
                 "[server]") {
  settings.grace = 30ms;
  auto client = connect();
  client.send(http_client::signed_request("GET", "/stream-endless"));
  char byte = 0;
  asio::read(client.socket, asio::buffer(&byte, 1)); // it has begun
  server->stop();
  SUCCEED("it came back");
}

TEST_CASE("an address that can't be listened on is a mistake in the configuration", "[server]") {
  auto first = http_server::start({.listen = "127.0.0.1:0"}, {}, {});
  REQUIRE(first);
  const auto second = http_server::start({.listen = (*first)->address()}, {}, {});
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ec::invalid_config);
  CHECK_THAT(second.error().message, Contains((*first)->address()) && Contains("[site] listen"));
  CHECK_FALSE(http_server::start({.listen = "nonsense"}, {}, {}));
  CHECK_FALSE(http_server::start({.listen = "192.0.2.1:1"}, {}, {}));
}

TEST_CASE("routes are found by method and segments", "[router]") {
  router routes;
  const auto never = [](const http_request&) -> asio::awaitable<result<http_answer>> {
    co_return http_answer{};
  };
  routes.add("GET", "/v1/catalogue/*", never);
  routes.add("POST", "/v1/blobs", never);
  using path = std::vector<std::string>;
  const auto found = routes.match("GET", path{"v1", "catalogue", "widget"});
  REQUIRE(found.found);
  CHECK(found.captured == path{"widget"});
  CHECK_FALSE(routes.match("GET", path{"v1", "catalogue", ""}).found);
  CHECK_FALSE(routes.match("GET", path{"v1", "catalogue"}).found);
  CHECK_FALSE(routes.match("GET", path{"v1", "catalogue", "a", "b"}).found);
  CHECK(routes.match("GET", path{"v1", "blobs"}).other_method);
  CHECK_FALSE(routes.match("GET", path{}).found);
}
