// TLS between a real link and a real server, and what is said where it can't be.

#include "net/tls.hpp"

#include "net/wire_stream.hpp"
#include "tests/support/certificates.hpp"
#include "wire_fixture.hpp"

#include <catch2/catch.hpp>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

tls_context server_tls(const certified& pair) {
  auto made = make_server_tls({pair.certificate, pair.key});
  REQUIRE(made);
  return *made;
}

tls_context client_tls(const certificate_authority& ca) {
  auto made = make_client_tls(ca.certificate());
  REQUIRE(made);
  return *made;
}

struct tls_fixture : wire_fixture {
  void serve(const certificate_wish& wish = {}) {
    server_settings.tls = server_tls(ca.issue(wish));
    start_primary();
    link_settings.url = "https://" + server->address();
    link_settings.tls = client_tls(ca);
  }
  std::string port() const { return server->address().substr(server->address().rfind(':')); }
  std::string trouble() {
    const auto page = events({});
    REQUIRE_FALSE(page);
    CHECK(page.error().code == ec::primary_unreachable);
    return page.error().message;
  }
  /// A client that checks nothing, for what a server does.
  struct careless_client {
    explicit careless_client(const std::string& address) : plain{address} {
      stream.next_layer() = std::move(plain.socket);
    }
    http_client plain;
    asio::ssl::context context{asio::ssl::context::tls_client};
    asio::ssl::stream<tcp::socket> stream{plain.context, context};
  };

  certificate_authority ca;
};

bytes pattern(std::size_t size) {
  bytes content(size);
  for (std::size_t i = 0; i < size; ++i)
    content[i] = static_cast<std::byte>(i * 31 + i / 257);
  return content;
}

} // namespace

TEST_CASE_METHOD(tls_fixture, "pages and blobs of every size come over TLS", "[tls]") {
  serve();
  CHECK(events({}));
  record_id id = 0;
  for (const std::size_t size : {0u, 1u, 16'384u, 16'385u, 300'000u, 3'000'000u}) {
    const auto name = "f" + std::to_string(++id);
    add_blob(id, name, {pattern(size)});
    const auto job = job_for(id, name);
    const auto into = std::make_shared<memory_receiver>(job);
    answer<void> ended;
    link().fetch(job, into, ended.taker());
    INFO(size);
    REQUIRE(ended.get());
    CHECK(into->content == pattern(size));
  }
}

TEST_CASE_METHOD(tls_fixture, "a name is verified as well as an address", "[tls]") {
  serve({.names = {"DNS:localhost"}});
  link_settings.url = "https://localhost" + port();
  CHECK(events({}));
}

TEST_CASE_METHOD(tls_fixture, "a certificate for another name or address is refused", "[tls]") {
  SECTION("an address") {
    serve({.names = {"IP:127.0.0.2", "DNS:harbour.example.com"}});
    CHECK_THAT(trouble(), Contains("is for 127.0.0.2, harbour.example.com, not for 127.0.0.1"));
  }
  SECTION("a name") {
    serve({.names = {"IP:127.0.0.1"}});
    link_settings.url = "https://localhost" + port();
    CHECK_THAT(trouble(), Contains("is for 127.0.0.1, not for localhost"));
  }
  SECTION("without names: the subject counts for nothing") {
    serve({.names = {}});
    CHECK_THAT(trouble(), Contains("is for no name at all"));
  }
}

TEST_CASE_METHOD(tls_fixture, "a certificate of a CA that is not trusted is refused", "[tls]") {
  serve();
  SECTION("of another private one") {
    const certificate_authority other{"Another CA"};
    link_settings.tls = client_tls(other);
    CHECK_THAT(trouble(), Contains("signed by nobody that this site trusts") &&
                              Contains("Test CA") && Contains("[primary] tls_ca"));
    SECTION("and accepted once the right CA is there") {
      link().set_tls(client_tls(ca));
      CHECK(events({}));
    }
  }
  SECTION("with the same name") {
    const certificate_authority other;
    link_settings.tls = client_tls(other);
    CHECK_THAT(trouble(), Contains("signed by nobody that this site trusts"));
  }
  SECTION("by the system") {
    link_settings.tls = *make_client_tls({});
    CHECK_THAT(trouble(), Contains("signed by nobody that this site trusts"));
  }
}

TEST_CASE_METHOD(tls_fixture, "a certificate out of its time is refused", "[tls]") {
  SECTION("expired") {
    serve({.valid_from = -48h, .valid_until = -1h});
    CHECK_THAT(trouble(), Contains("certificate has expired"));
  }
  SECTION("not valid yet") {
    serve({.valid_from = 1h});
    CHECK_THAT(trouble(), Contains("not yet valid") && Contains("clocks"));
  }
}

TEST_CASE_METHOD(tls_fixture, "https to a port that speaks http is told so", "[tls]") {
  start_primary();
  link_settings.url = "https://" + server->address();
  link_settings.tls = client_tls(ca);
  CHECK_THAT(trouble(), Contains("no TLS is spoken at https://") && Contains("write http://"));
}

TEST_CASE_METHOD(tls_fixture, "http to a port that speaks TLS is told so", "[tls]") {
  serve();
  link_settings.url = "http://" + server->address();
  const auto page = events({});
  REQUIRE_FALSE(page);
  CHECK(page.error().code == ec::protocol);
  CHECK_THAT(page.error().message, Contains("speaks TLS only") && Contains("write https://"));
}

TEST_CASE_METHOD(tls_fixture, "a new certificate is shown to new connections, old ones go on",
                 "[tls]") {
  serve();
  link();
  REQUIRE(events({}));
  const certificate_authority other{"Another CA"};
  server->set_tls(server_tls(other.issue()));
  // The channel's own connection is there already.
  CHECK(events({}));
  // Another one is made for this.
  answer<primary_position> position;
  link().position(position.taker());
  const auto told = position.get();
  REQUIRE_FALSE(told);
  CHECK_THAT(told.error().message, Contains("Another CA"));
  link().set_tls(client_tls(other));
  answer<primary_position> again;
  link().position(again.taker());
  CHECK(again.get());
}

TEST_CASE_METHOD(tls_fixture, "TLS below 1.2 is not spoken", "[tls]") {
  serve();
  careless_client client{server->address()};
  SSL_set_min_proto_version(client.stream.native_handle(), TLS1_VERSION);
  SSL_set_max_proto_version(client.stream.native_handle(), TLS1_1_VERSION);
  SSL_set_security_level(client.stream.native_handle(), 0);
  boost::system::error_code failed;
  client.stream.handshake(asio::ssl::stream_base::client, failed);
  CHECK(failed);
}

TEST_CASE_METHOD(tls_fixture, "a handshake that does not go on is given up in time", "[tls]") {
  server_settings.patience = 30ms;
  serve();
  SECTION("nothing is said") {
    http_client client{server->address()};
    CHECK(client.ended());
  }
  SECTION("it stops in the middle") {
    http_client client{server->address()};
    client.send_raw({"\x16\x03\x01\x02\x00\x01", 6});
    CHECK(client.ended());
  }
}

TEST_CASE_METHOD(tls_fixture, "what begins like TLS and is none ends the connection alone",
                 "[tls]") {
  serve();
  http_client client{server->address()};
  client.send_raw("\x16 GET / HTTP/1.1\r\n\r\n");
  client.read();
  CHECK(events({}));
}

TEST_CASE_METHOD(tls_fixture, "handshakes count among the sessions", "[tls]") {
  server_settings.sessions_max = 2;
  serve();
  std::optional<http_client> first{server->address()};
  const http_client second{server->address()};
  // Accepted in turn: once the third is closed, the first two are there.
  http_client third{server->address()};
  CHECK(third.ended());
  CHECK_THAT(trouble(), Contains("closed the connection"));
  first.reset();
  // The server learns of it when it reads.
  CHECK([&] {
    for (int i = 0; i < 200; ++i)
      if (events({}))
        return true;
    return false;
  }());
}

TEST_CASE_METHOD(tls_fixture, "stopping ends handshakes that wait", "[tls]") {
  serve();
  http_client waiting{server->address()};
  REQUIRE(events({}));
  server->stop();
  CHECK(waiting.ended());
}

TEST_CASE("a pinned certificate is accepted whatever its names, and no other is", "[tls]") {
  const certificate_authority ca;
  const auto own = ca.issue({.names = {}});
  auto server = http_server::start({.listen = "127.0.0.1:0", .tls = server_tls(own)}, {}, {});
  REQUIRE(server);
  const auto meet = [&](const std::string& expected) {
    const auto context = make_pinned_tls(expected);
    REQUIRE(context);
    asio::io_context loop;
    wire_stream stream{loop};
    const auto& address = (*server)->address();
    stream.tcp().socket().connect(
        {asio::ip::make_address("127.0.0.1"),
         static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)))});
    stream.expires_after(20s);
    std::optional<tls_failure> how;
    const std::string host = "127.0.0.1"; // outlives the handshake, as connect_tls wants it
    asio::co_spawn(loop, stream.connect_tls(**context, host),
                   [&how](const std::exception_ptr& thrown, std::optional<tls_failure> failure) {
                     REQUIRE_FALSE(thrown);
                     how = std::move(failure);
                   });
    loop.run();
    return how;
  };
  CHECK_FALSE(meet(own.certificate));
  CHECK_FALSE(meet(own.certificate + ca.certificate()));
  for (const auto& other : {ca.issue({.names = {}}).certificate, ca.certificate()}) {
    const auto failure = meet(other);
    REQUIRE(failure);
    CHECK(failure->what == tls_failure::kind::other_certificate);
  }
}
