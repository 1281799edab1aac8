#include "node/api_call.hpp"

#include "config/clock.hpp"
#include "config/secret.hpp"
#include "config/values.hpp"
#include "net/http_error.hpp"
#include "net/http_message.hpp"
#include "net/signing.hpp"
#include "net/tls.hpp"
#include "net/wire_stream.hpp"
#include "net/wire_version.hpp"
#include "node/site_tls.hpp"

#include <ctime>
#include <fstream>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

namespace farshore {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using namespace std::chrono_literals;

namespace {

constexpr auto connect_timeout = 5s;
constexpr std::uint64_t answer_bytes_max = 256u << 20;

tl::unexpected<api_failure> failed(api_failure::kind what, ec code, std::string message) {
  return tl::make_unexpected(api_failure{what, error{code, std::move(message)}});
}

tl::unexpected<api_failure> nobody(std::string message) {
  return failed(api_failure::kind::unreachable, ec::primary_unreachable, std::move(message));
}

/// A wildcard is where to listen, not where to connect to.
std::string host_to_connect(const std::string& host) {
  return host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host;
}

/// One connection, used from one thread; each step runs the loop until it is done or timed out.
class exchange {
public:
  exchange() = default;
  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;

  beast::error_code connect(const endpoint& where) {
    beast::error_code error;
    asio::ip::tcp::resolver resolver{loop_};
    auto found = resolver.resolve(host_to_connect(where.host), std::to_string(where.port), error);
    if (error)
      return error;
    stream_.expires_after(connect_timeout);
    return run([&](auto done) {
      stream_.tcp().async_connect(found, [done](beast::error_code e, const auto&) { done(e); });
    });
  }

  std::optional<tls_failure> secure(asio::ssl::context& with, const std::string& host) {
    std::optional failure{tls_failure{tls_failure::kind::other, "it threw"}};
    stream_.expires_after(connect_timeout);
    asio::co_spawn(loop_, stream_.connect_tls(with, host),
                   [&failure](const std::exception_ptr& thrown, std::optional<tls_failure> how) {
                     if (!thrown)
                       failure = std::move(how);
                   });
    loop_.restart();
    loop_.run();
    return failure;
  }

  beast::error_code ask(const http::request<http::string_body>& request,
                        http::response_parser<http::string_body>& answer,
                        std::chrono::milliseconds timeout) {
    stream_.expires_after(timeout);
    auto written = run([&](auto done) {
      http::async_write(stream_, request, [done](beast::error_code e, std::size_t) { done(e); });
    });
    if (written)
      return written;
    buffer_.reserve(64u << 10);
    return run([&](auto done) {
      http::async_read(stream_, buffer_, answer,
                       [done](beast::error_code e, std::size_t) { done(e); });
    });
  }

private:
  template <class Start>
  beast::error_code run(Start start) {
    beast::error_code result;
    start([&result](beast::error_code e) { result = e; });
    loop_.restart();
    loop_.run();
    return result;
  }

  asio::io_context loop_{1};
  wire_stream stream_{loop_};
  beast::flat_buffer buffer_;
};

/// Who runs this program, for the node's audit log.
std::string user_name() {
  char buffer[4096];
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::getuid(), &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr)
    if (is_user_name(found->pw_name))
      return found->pw_name;
  return "uid:" + std::to_string(::getuid());
}

http::request<http::string_body> signed_request(const config& settings, const std::string& secret,
                                                const endpoint& where, const api_request& request) {
  auto verb = request.method == "POST" ? http::verb::post : http::verb::get;
  http::request<http::string_body> out{verb, request.target, 11};
  out.set(http::field::host, to_string(where));
  out.set(http::field::user_agent, program_name());
  out.set(http::field::authorization, sign_request(secret, settings.site_name, request.method,
                                                   request.target, system_time().wall()));
  // The API is the same in all of them, and the node may not have been restarted since an upgrade.
  out.set(wire_header, std::to_string(wire_oldest));
  out.set(user_header, user_name());
  out.set(http::field::connection, "close");
  if (!request.body.is_null()) {
    out.set(http::field::content_type, "application/json");
    out.body() = boost::json::serialize(request.body);
  }
  out.prepare_payload();
  return out;
}

/// TLS with the node, and no other: its names need not fit the address where it is called.
std::optional<api_failure> secure(exchange& connection, const config& settings,
                                  const std::string& address, const std::string& host) {
  using enum tls_failure::kind;
  const auto file = settings.tls_certificate.string();
  auto own = load_tls_identity(settings.tls_certificate, settings.tls_key, system_time().wall());
  if (!own)
    return api_failure{api_failure::kind::no, std::move(own).error()};
  const auto trusted = make_pinned_tls(own->certificate);
  if (!trusted)
    return api_failure{api_failure::kind::no, trusted.error()};
  const auto failure = connection.secure(**trusted, host_to_connect(host));
  if (!failure)
    return std::nullopt;
  const auto refused = [](std::string message) {
    return api_failure{api_failure::kind::refused, {ec::unauthorized, std::move(message)}};
  };
  if (failure->what == other_certificate)
    return refused(fmt::format("the node at {} shows another certificate than the first in \"{}\": "
                               "if the file was replaced, reload the node (SIGHUP)",
                               address, file));
  if (failure->what == no_tls)
    return refused(fmt::format("the node at {} speaks no TLS: if \"{}\" is new in the "
                               "configuration, reload the node (SIGHUP)",
                               address, file));
  return nobody(fmt::format("the TLS handshake with the node at {} failed: {}", address,
                            failure->detail))
      .value();
}

api_answer judge(const std::string& address, unsigned status, const std::string& body) {
  boost::system::error_code wrong;
  auto json = boost::json::parse(body, wrong);
  if (!wrong && status >= 200 && status < 300)
    return json;
  boost::system::error_code absent;
  if (wrong || json.find_pointer("/error/message", absent) == nullptr)
    return nobody(fmt::format("what answers at {} is not a Farshore node (HTTP status {}, not "
                              "our JSON)",
                              address, status));
  auto kind = status == 401 || status == 403 || status == 426 ? api_failure::kind::refused
              : status >= 500                                 ? api_failure::kind::not_now
                                                              : api_failure::kind::no;
  return tl::make_unexpected(api_failure{kind, parse_error_answer(status, body)});
}

} // namespace

tl::expected<std::string, api_failure> node_address(const config& settings) {
  auto configured = parse_endpoint(settings.listen);
  if (configured && configured->port != 0)
    return to_string(*configured);
  auto file = settings.data / "listen";
  std::string address;
  std::ifstream{file} >> address;
  auto written = parse_endpoint(address);
  if (!written || written->port == 0)
    return nobody(fmt::format("no node runs here: there is no address in \"{}\"", file.string()));
  return to_string(*written);
}

api_answer call_api(const config& settings, const api_request& request) try {
  auto secrets = load_secrets(settings);
  if (!secrets)
    return failed(api_failure::kind::no, ec::invalid_config, secrets.error().message);
  auto address = node_address(settings);
  if (!address)
    return tl::make_unexpected(address.error());
  const auto where = *parse_endpoint(*address);

  exchange connection;
  if (auto error = connection.connect(where)) {
    if (error == asio::error::connection_refused)
      return nobody("no node answers at " + *address);
    return nobody(fmt::format("no node answers at {}: {}", *address, error.message()));
  }
  if (!settings.tls_certificate.empty())
    if (auto insecure = secure(connection, settings, *address, where.host))
      return tl::make_unexpected(std::move(*insecure));
  http::response_parser<http::string_body> answer;
  answer.body_limit(answer_bytes_max);
  if (auto error = connection.ask(signed_request(settings, secrets->front(), where, request),
                                  answer, request.answer_timeout)) {
    if (error == beast::error::timeout)
      return nobody(fmt::format("the node at {} did not answer within {}", *address,
                                show_duration(request.answer_timeout)));
    return nobody(
        fmt::format("the node at {} broke off its answer: {}", *address, error.message()));
  }
  return judge(*address, answer.get().result_int(), answer.get().body());
} catch (const std::exception& e) {
  return failed(api_failure::kind::no, ec::internal,
                fmt::format("{} {} failed: {}", request.method, request.target, e.what()));
}

namespace {

tl::unexpected<contact_failure> no_contact(contact_failure::stage at, std::string message) {
  return tl::make_unexpected(contact_failure{at, std::move(message)});
}

std::optional<wall_time> parse_http_date(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr)
    return std::nullopt;
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

} // namespace

tl::expected<site_answer, contact_failure>
ask_primary(const config& settings, const std::string& target, const std::string& secret) try {
  using stage = contact_failure::stage;
  const auto url = parse_site_url(settings.primary_url);
  if (!url)
    return no_contact(stage::resolve, settings.primary_url + " is no address");
  const auto& where = url->where;
  exchange connection;
  if (auto error = connection.connect(where)) {
    const bool unknown = error.category() == asio::error::get_netdb_category() ||
                         error.category() == asio::error::get_addrinfo_category();
    return no_contact(unknown ? stage::resolve : stage::connect, error.message());
  }
  if (url->tls) {
    const auto trusted = load_primary_tls(settings);
    if (!trusted)
      return no_contact(stage::tls, trusted.error().message);
    if (const auto failure = connection.secure(**trusted, where.host))
      return no_contact(stage::tls, explain(*failure, settings.primary_url, where.host));
  }
  http::request<http::string_body> request{http::verb::get, target, 11};
  request.set(http::field::host, to_string(where));
  request.set(wire_header, std::to_string(wire_newest));
  request.set(http::field::connection, "close");
  if (!secret.empty())
    request.set(http::field::authorization,
                sign_request(secret, settings.site_name, "GET", target, system_time().wall()));
  http::response_parser<http::string_body> answer;
  answer.body_limit(1u << 20);
  if (auto error = connection.ask(request, answer, 10s))
    return no_contact(stage::answer, error.message());
  const auto& got = answer.get();
  const auto header = [&](auto name) { return std::string{got[name]}; };
  return site_answer{got.result_int(), got.body(), header(wire_header), header(http::field::server),
                     parse_http_date(header(http::field::date))};
} catch (const std::exception& e) {
  return no_contact(contact_failure::stage::answer, e.what());
}

} // namespace farshore
