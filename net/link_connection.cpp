#include "net/link_connection.hpp"

#include "config/values.hpp"
#include "config/version.hpp"
#include "net/http_error.hpp"
#include "net/http_message.hpp"
#include "net/signing.hpp"

#include <cassert>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http.hpp>

namespace farshore {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t header_bytes_max = 16 * 1024;
/// Beast reads into what the buffer has room for, 512 bytes at first: far too small a step.
constexpr std::size_t read_buffer_bytes = 256 * 1024;
constexpr std::size_t error_text_bytes_max = 64 * 1024;

/// The code as it matters here: what goes wrong within the primary is, seen from this side, a
/// primary that can't be asked now.
ec seen_from_here(ec code) {
  switch (code) {
  case ec::unauthorized:
  case ec::position_unknown:
  case ec::log_trimmed:
  case ec::scope_unknown:
  case ec::type_waiting:
  case ec::not_found:
  case ec::protocol:
    return code;
  default:
    return ec::primary_unreachable;
  }
}

} // namespace

link_connection::link_connection(asio::io_context& context, const link_identity& identity)
    : identity_{identity}, resolver_{context}, stream_{context} {
  buffer_.reserve(read_buffer_bytes);
}

void link_connection::close() {
  closed_ = true;
  open_ = false;
  resolver_.cancel();
  stream_.close();
}

bool link_connection::reusable() const {
  return open_ && answer_ && answer_->is_done() && answer_->keep_alive();
}

tl::unexpected<error> link_connection::unreachable(std::string why) const {
  return fail(ec::primary_unreachable, std::move(why));
}

tl::unexpected<error> link_connection::broke_off(beast::error_code failed,
                                                 std::chrono::milliseconds patience) const {
  if (failed == beast::error::timeout)
    return unreachable("the primary at " + identity_.url + " said nothing for " +
                       show_duration(patience));
  if (failed == http::error::end_of_stream || failed == http::error::partial_message ||
      failed == asio::error::eof || failed == asio::ssl::error::stream_truncated)
    return unreachable("the primary at " + identity_.url + " closed the connection");
  if (failed.category() == http::make_error_code(http::error::bad_version).category())
    return fail(ec::protocol, "what answers at " + identity_.url +
                                  " does not speak HTTP/1.1: " + failed.message());
  return unreachable("the connection to " + identity_.url + " broke: " + failed.message());
}

asio::awaitable<result<void>> link_connection::connect() {
  const auto parsed = parse_site_url(identity_.url);
  if (!parsed)
    co_return unreachable("\"" + identity_.url + "\" is no address like http://host:port");
  const auto* const where = &parsed->where;
  stream_.close();
  stream_.make_plain();
  buffer_.clear();
  answer_.reset();
  closed_ = false;

  beast::error_code failed;
  const auto address = asio::ip::make_address(where->host, failed);
  if (!failed) {
    stream_.expires_after(identity_.connect_patience);
    std::tie(failed) =
        co_await stream_.tcp().async_connect(tcp::endpoint{address, where->port}, as_values);
  } else {
    auto [unknown, found] =
        co_await resolver_.async_resolve(where->host, std::to_string(where->port), as_values);
    failed = unknown;
    if (!failed) {
      stream_.expires_after(identity_.connect_patience);
      auto [refused, endpoint] = co_await stream_.tcp().async_connect(found, as_values);
      failed = refused;
    }
  }
  if (failed == asio::error::connection_refused)
    co_return unreachable("connection refused by " + identity_.url +
                          ": no Farshore node listens there");
  if (failed == beast::error::timeout)
    co_return unreachable("no connection to " + identity_.url + " within " +
                          show_duration(identity_.connect_patience));
  if (failed)
    co_return unreachable("can't connect to " + identity_.url + ": " + failed.message());
  stream_.tcp().socket().set_option(tcp::no_delay{true}, failed);
  if (parsed->tls)
    if (auto secured = co_await connect_tls(where->host); !secured)
      co_return secured;
  open_ = true;
  co_return result<void>{};
}

asio::awaitable<result<void>> link_connection::connect_tls(std::string host) {
  // A copy: it may be replaced meanwhile.
  const auto tls = identity_.tls;
  assert(tls && "who is given an https:// address is given whom to trust");
  stream_.expires_after(identity_.connect_patience);
  const auto failed = co_await stream_.connect_tls(*tls, host);
  if (!failed)
    co_return result<void>{};
  co_return unreachable(explain(*failed, identity_.url, host));
}

asio::awaitable<result<void>> link_connection::ask(std::string_view method, std::string_view target,
                                                   std::string_view body,
                                                   std::chrono::milliseconds patience) {
  if (const auto now = identity_.time->now();
      !reusable() || !newest_asked_ || now - *newest_asked_ >= wire_memory) {
    wire_ = wire_newest;
    newest_asked_ = now;
  }
  auto answered = co_await converse(method, target, body, patience);
  while (answered) {
    const auto lower = lower_wire();
    if (!lower)
      co_return co_await demand_success();
    wire_ = *lower;
    // To its end, so that the connection can be used again.
    if (auto why = co_await read_text(error_text_bytes_max); !why)
      co_return fail(std::move(why).error());
    answered = co_await converse(method, target, body, patience);
  }
  co_return answered;
}

asio::awaitable<result<void>> link_connection::converse(std::string_view method,
                                                        std::string_view target,
                                                        std::string_view body,
                                                        std::chrono::milliseconds patience) {
  const bool reused = reusable();
  if (!reused)
    if (auto connected = co_await connect(); !connected)
      co_return connected;
  auto failed = co_await exchange(method, target, body, patience);
  // A connection that lay idle may have been closed by the other side meanwhile. Asking again is
  // safe: nothing that is asked here changes anything on the primary.
  if (failed && failed != beast::error::timeout && reused && !answer_->got_some() && !closed_) {
    if (auto connected = co_await connect(); !connected)
      co_return connected;
    newest_asked_.reset();
    failed = co_await exchange(method, target, body, patience);
  }
  if (failed) {
    open_ = false;
    co_return broke_off(failed, patience);
  }
  co_return result<void>{};
}

std::optional<int> link_connection::lower_wire() const {
  const auto& header = answer_->get();
  const auto theirs = parse_wire(header[wire_header]);
  if (header.result() == http::status::upgrade_required && theirs && wire_known(*theirs) &&
      *theirs < wire_)
    return theirs;
  return std::nullopt;
}

asio::awaitable<beast::error_code> link_connection::exchange(std::string_view method,
                                                             std::string_view target,
                                                             std::string_view body,
                                                             std::chrono::milliseconds patience) {
  http::request<http::span_body<const char>> request{http::string_to_verb(method), target, 11};
  const auto colon = identity_.url.find("://");
  request.set(http::field::host, identity_.url.substr(colon + 3));
  request.set(http::field::authorization, sign_request(identity_.secret, identity_.site, method,
                                                       target, identity_.time->wall()));
  request.set(http::field::user_agent, program_name());
  request.set(wire_header, std::to_string(wire_));
  if (!body.empty())
    request.set(http::field::content_type, "application/json");
  request.body() = {body.data(), body.size()};
  request.prepare_payload();
  answer_.emplace();
  answer_->header_limit(header_bytes_max);
  answer_->body_limit(boost::none);

  stream_.expires_after(identity_.patience);
  auto [unsent, sent_bytes] = co_await http::async_write(stream_, request, as_values);
  if (unsent)
    co_return unsent;
  stream_.expires_after(patience);
  auto [unread, read_bytes] =
      co_await http::async_read_header(stream_, buffer_, *answer_, as_values);
  co_return unread;
}

asio::awaitable<result<void>> link_connection::demand_success() {
  const auto& header = answer_->get();
  const auto status = header.result_int();
  const auto theirs = parse_wire(header[wire_header]);
  const bool ours = theirs && wire_known(*theirs);
  if (theirs == wire_ && status == 200)
    co_return result<void>{};
  if (status >= 300 && status < 400)
    co_return fail(ec::protocol, identity_.url +
                                     " answers with a redirect, and redirects are not followed: "
                                     "write the primary's own address into [primary] url");
  if (!ours && status >= 500)
    co_return unreachable(identity_.url + " answers with status " + std::to_string(status) +
                          ", and it is not Farshore that does");
  auto text = co_await read_text(error_text_bytes_max);
  if (!text)
    co_return fail(std::move(text).error());
  if (status == 426 && theirs && !ours)
    co_return fail(ec::protocol,
                   "the primary at " + identity_.url + " and this site can't talk: " +
                       no_wire_in_common(header[wire_header], header[http::field::server]));
  if (status == 200)
    co_return fail(ec::protocol, "what answers at " + identity_.url +
                                     " is no Farshore node that speaks version " +
                                     std::to_string(wire_) + " of the protocol");
  auto why = parse_error_answer(status, *text);
  co_return fail(seen_from_here(why.code),
                 "the primary at " + identity_.url + " says: " + why.message);
}

asio::awaitable<result<std::size_t>> link_connection::read_some(std::span<std::byte> into) {
  std::size_t filled = 0;
  while (!answer_->is_done() && filled < into.size()) {
    // What is there already is taken; only for the first byte does anybody wait.
    if (filled > 0 && buffer_.size() == 0 && !stream_.has_bytes())
      break;
    auto& body = answer_->get().body();
    body.data = into.data() + filled;
    body.size = into.size() - filled;
    stream_.expires_after(identity_.patience);
    auto [failed, n] = co_await http::async_read_some(stream_, buffer_, *answer_, as_values);
    filled = into.size() - body.size;
    if (failed && failed != http::error::need_buffer) {
      open_ = false;
      co_return broke_off(failed, identity_.patience);
    }
  }
  co_return filled;
}

asio::awaitable<result<std::string>> link_connection::read_text(std::size_t bytes_max) {
  std::string text;
  for (;;) {
    const auto at = text.size();
    text.resize(at + read_buffer_bytes);
    const auto read = co_await read_some(std::as_writable_bytes(std::span{text}.subspan(at)));
    if (!read)
      co_return fail(read.error());
    text.resize(at + *read);
    if (*read == 0)
      co_return text;
    if (text.size() > bytes_max) {
      close();
      co_return fail(ec::protocol, "an answer of the primary at " + identity_.url +
                                       " is longer than " + show_bytes(bytes_max));
    }
  }
}

} // namespace farshore
