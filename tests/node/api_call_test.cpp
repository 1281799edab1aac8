#include "node/api_call.hpp"

#include "config/clock.hpp"
#include "config/secret.hpp"
#include "net/http_server.hpp"
#include "net/signing.hpp"
#include "net/tls.hpp"
#include "site_folder.hpp"
#include "tests/support/certificates.hpp"

#include <functional>
#include <thread>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;
using Catch::Contains;
namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using kind = api_failure::kind;

namespace {

using request_seen = http::request<http::string_body>;

/// Takes one connection on a thread of its own, and does with it what the test says.
class tiny_server {
public:
  using behaviour = std::function<void(tcp::socket&)>;

  explicit tiny_server(behaviour what)
      : acceptor_{loop_, {asio::ip::make_address("127.0.0.1"), 0}},
        thread_{[this, what = std::move(what)] {
          boost::system::error_code failed;
          tcp::socket socket{loop_};
          acceptor_.accept(socket, failed);
          if (!failed)
            what(socket);
        }} {}
  ~tiny_server() {
    // Unblocks an accept that nobody came for.
    boost::system::error_code ignored;
    tcp::socket socket{loop_};
    socket.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }

  [[nodiscard]] std::string address() const {
    return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }

private:
  asio::io_context loop_;
  tcp::acceptor acceptor_;
  std::thread thread_;
};

request_seen read_request(tcp::socket& socket) {
  boost::beast::flat_buffer buffer;
  request_seen request;
  boost::system::error_code failed;
  http::read(socket, buffer, request, failed);
  return request;
}

tiny_server::behaviour answering(http::status status, std::string body,
                                 request_seen* seen = nullptr) {
  return [=](tcp::socket& socket) {
    auto request = read_request(socket);
    if (seen != nullptr)
      *seen = request;
    http::response<http::string_body> response{status, 11, body};
    response.prepare_payload();
    boost::system::error_code failed;
    http::write(socket, response, failed);
  };
}

/// Sends raw bytes, then closes.
tiny_server::behaviour sending(std::string bytes) {
  return [=](tcp::socket& socket) {
    read_request(socket);
    boost::system::error_code failed;
    asio::write(socket, asio::buffer(bytes), failed);
  };
}

/// The failure of one request to a server that behaves so.
api_failure failure_of(tiny_server::behaviour what,
                       std::chrono::milliseconds answer_timeout = 10s) {
  tiny_server server{std::move(what)};
  site_folder site{"secondary", server.address()};
  auto answer = call_api(site.settings(), {"GET", "/api/v1/status", nullptr, answer_timeout});
  REQUIRE_FALSE(answer);
  return answer.error();
}

} // namespace

TEST_CASE("a request is signed by the site, and its answer is the JSON", "[api]") {
  request_seen seen;
  boost::json::value answer;
  {
    tiny_server server{answering(http::status::ok, R"({"marked":3})", &seen)};
    site_folder site{"secondary", server.address()};
    auto got = call_api(site.settings(),
                        {"POST", "/api/v1/resync?x=1", boost::json::object{{"type", "file"}}});
    REQUIRE(got);
    answer = *got;
  }
  CHECK(answer.at("marked") == 3);
  CHECK(seen.method() == http::verb::post);
  CHECK(seen.target() == "/api/v1/resync?x=1");
  CHECK(seen.body() == R"({"type":"file"})");
  CHECK(seen["Farshore-Wire"] == "1"); // the API is the same in all versions
  CHECK(seen[http::field::content_type] == "application/json");
  const std::vector secrets{std::string(64, 's')};
  auto signer = verify_request(secrets, std::string{seen[http::field::authorization]}, "POST",
                               "/api/v1/resync?x=1", system_time().wall());
  REQUIRE(signer);
  CHECK(*signer == "lisbon");
}

TEST_CASE("where nobody listens, nobody answers", "[api]") {
  std::string address;
  {
    asio::io_context loop;
    tcp::acceptor taken{loop, {asio::ip::make_address("127.0.0.1"), 0}};
    address = "127.0.0.1:" + std::to_string(taken.local_endpoint().port());
  }
  site_folder site{"secondary", address};
  auto answer = call_api(site.settings(), {"GET", "/api/v1/status"});
  REQUIRE_FALSE(answer);
  CHECK(answer.error().what == kind::unreachable);
  CHECK(answer.error().why.message == "no node answers at " + address);
}

TEST_CASE("with port 0 the address is what the node wrote down", "[api]") {
  site_folder site{"secondary", "127.0.0.1:0"};
  auto nowhere = node_address(site.settings());
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().what == kind::unreachable);
  CHECK_THAT(nowhere.error().why.message, Contains("no node runs here"));
  std::ofstream{site.root / "data/listen"} << "garbage\n";
  CHECK_FALSE(node_address(site.settings()));
  std::ofstream{site.root / "data/listen"} << "127.0.0.1:4242\n";
  CHECK(node_address(site.settings()) == "127.0.0.1:4242");
}

TEST_CASE("a wildcard address is called at home", "[api]") {
  tiny_server server{answering(http::status::ok, "{}")};
  auto port = server.address().substr(server.address().find(':'));
  site_folder site{"secondary", "0.0.0.0" + port};
  CHECK(call_api(site.settings(), {"GET", "/api/v1/status"}));
}

TEST_CASE("the node's error says what kind of failure it is", "[api]") {
  auto told = [](http::status status, const std::string& code) {
    return failure_of(
        answering(status, R"({"error":{"code":")" + code + R"(","message":"the reason"}})"));
  };
  auto unsigned_ = told(http::status::unauthorized, "unauthorized");
  CHECK(unsigned_.what == kind::refused);
  CHECK(unsigned_.why.code == ec::unauthorized);
  CHECK(unsigned_.why.message == "the reason");
  CHECK(told(http::status::upgrade_required, "protocol").what == kind::refused);
  CHECK(told(http::status::forbidden, "unauthorized").what == kind::refused);
  auto unknown = told(http::status::not_found, "not_found");
  CHECK(unknown.what == kind::no);
  CHECK(unknown.why.code == ec::not_found);
  CHECK(told(http::status::bad_gateway, "primary_unreachable").what == kind::not_now);
  CHECK(told(http::status::service_unavailable, "overloaded").what == kind::not_now);
  CHECK(told(http::status::bad_request, "protocol").what == kind::no);
}

TEST_CASE("what is not a Farshore node is told apart", "[api]") {
  for (auto what : {answering(http::status::ok, "<html>"), answering(http::status::ok, ""),
                    answering(http::status::not_found, "<html>"),
                    answering(http::status::not_found, R"({"detail":"Not Found"})"),
                    answering(http::status::found, "")}) {
    auto failure = failure_of(what);
    CHECK(failure.what == kind::unreachable);
    CHECK_THAT(failure.why.message, Contains("is not a Farshore node"));
  }
  for (auto bytes : {"", "SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
                     "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"}) {
    CAPTURE(bytes);
    auto failure = failure_of(sending(bytes));
    CHECK(failure.what == kind::unreachable);
    CHECK_THAT(failure.why.message, Contains("broke off its answer"));
  }
}

TEST_CASE("a node that stays silent is given up", "[api]") {
  auto failure = failure_of(
      [](tcp::socket& socket) {
        read_request(socket);
        // Ends when the caller hangs up.
        char byte = 0;
        boost::system::error_code failed;
        socket.read_some(asio::buffer(&byte, 1), failed);
      },
      100ms);
  CHECK(failure.what == kind::unreachable);
  CHECK_THAT(failure.why.message, Contains("did not answer within 100ms"));
}

namespace {

/// A node that speaks TLS, before it a site whose certificate lies in a file.
struct tls_site {
  tls_site() {
    put(own);
    settings.tls_certificate = folder.root / "pem";
    settings.tls_key = folder.root / "key";
    auto context = make_server_tls({own.certificate, own.key});
    REQUIRE(context);
    router routes;
    routes.add("GET", "/api/v1/status",
               [](const http_request&) -> asio::awaitable<result<http_answer>> {
                 co_return http_answer{200, R"({"site":"lisbon"})"};
               });
    auto started = http_server::start({.listen = "127.0.0.1:0", .tls = *context}, std::move(routes),
                                      {std::string(64, 's')});
    REQUIRE(started);
    server = std::move(*started);
    settings.listen = server->address();
  }
  void put(const test::certified& pair) const {
    test::write_private(folder.root / "pem", pair.certificate);
    test::write_private(folder.root / "key", pair.key);
  }
  [[nodiscard]] api_answer ask() const { return call_api(settings, {"GET", "/api/v1/status"}); }

  test::certificate_authority ca;
  test::certified own = ca.issue({.names = {"DNS:elsewhere.example.com"}});
  site_folder folder;
  config settings = folder.settings();
  std::unique_ptr<http_server> server;
};

} // namespace

TEST_CASE_METHOD(tls_site, "the site's own certificate is known, whatever its names", "[api]") {
  const auto answer = ask();
  REQUIRE(answer);
  CHECK(answer->at("site") == "lisbon");
}

TEST_CASE_METHOD(tls_site, "a certificate that was replaced and not reloaded is said", "[api]") {
  const auto fresh = ca.issue();
  put(fresh);
  const auto answer = ask();
  REQUIRE_FALSE(answer);
  CHECK(answer.error().what == kind::refused);
  CHECK_THAT(answer.error().why.message,
             Contains("another certificate than the first in") && Contains("(SIGHUP)"));
  auto context = make_server_tls({fresh.certificate, fresh.key});
  REQUIRE(context);
  server->set_tls(*context);
  CHECK(ask());
}

TEST_CASE_METHOD(tls_site, "a node that does not speak TLS yet, or still does, is said", "[api]") {
  SECTION("not yet") {
    server->set_tls(nullptr);
    const auto answer = ask();
    REQUIRE_FALSE(answer);
    CHECK(answer.error().what == kind::refused);
    CHECK_THAT(answer.error().why.message, Contains("speaks no TLS") && Contains("(SIGHUP)"));
  }
  SECTION("still") {
    settings.tls_certificate.clear();
    settings.tls_key.clear();
    const auto answer = ask();
    REQUIRE_FALSE(answer);
    CHECK_THAT(answer.error().why.message, Contains("speaks TLS only"));
  }
}

TEST_CASE("a site with only its key signs with it", "[api]") {
  request_seen seen;
  {
    tiny_server server{answering(http::status::ok, "{}", &seen)};
    site_folder site{"secondary", server.address()};
    auto settings = site.settings();
    const std::string secret(64, 's');
    settings.secret_file.clear();
    settings.key_file = site.root / "key";
    test::write_private(settings.key_file, to_string(*derive_key(secret, "lisbon")));
    CHECK(call_api(settings, {"GET", "/api/v1/status"}));
    const std::vector secrets{secret};
    CHECK(verify_request(secrets, std::string{seen[http::field::authorization]}, "GET",
                         "/api/v1/status", system_time().wall()) == "lisbon");
  }
}

TEST_CASE("without its secret a site asks nothing", "[api]") {
  site_folder site;
  auto settings = site.settings();
  std::filesystem::remove(site.root / "secret");
  auto answer = call_api(settings, {"GET", "/api/v1/status"});
  REQUIRE_FALSE(answer);
  CHECK(answer.error().why.code == ec::invalid_config);
}
