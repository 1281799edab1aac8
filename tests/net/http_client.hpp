// A plain blocking HTTP client for tests: what the server says to whoever connects, byte by byte.

#pragma once

#include "config/clock.hpp"
#include "net/http_message.hpp"
#include "net/signing.hpp"

#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace farshore::test {

inline const std::string test_secret = "0123456789abcdef0123456789abcdef";

struct http_client {
  using answer_type = boost::beast::http::response<boost::beast::http::string_body>;
  using request_type = boost::beast::http::request<boost::beast::http::string_body>;

  explicit http_client(const std::string& address) {
    const auto colon = address.rfind(':');
    socket.connect({boost::asio::ip::make_address(address.substr(0, colon)),
                    static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1)))});
    // A server that says nothing fails the test rather than hang it.
    const timeval patience{20, 0};
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }

  static request_type signed_request(const std::string& method, const std::string& target,
                                     std::string body = {}, const std::string& secret = test_secret,
                                     wall_time now = system_time().wall(),
                                     const std::string& site = "lisbon") {
    request_type request{boost::beast::http::string_to_verb(method), target, 11};
    request.set("Authorization", sign_request(secret, site, method, target, now));
    request.set(wire_header, std::to_string(wire_newest));
    request.body() = std::move(body);
    request.prepare_payload();
    return request;
  }

  void send(const request_type& request) { boost::beast::http::write(socket, request); }
  void send_raw(std::string_view text) {
    boost::asio::write(socket, boost::asio::buffer(text.data(), text.size()));
  }

  /// Nothing where the connection ended instead, or within the answer.
  std::optional<answer_type> read() {
    boost::beast::http::response_parser<boost::beast::http::string_body> parser;
    parser.body_limit(boost::none);
    boost::system::error_code failed;
    do // a process that this one began may have ended
      boost::beast::http::read(socket, buffer, parser, failed);
    while (failed == boost::asio::error::interrupted);
    if (failed)
      return std::nullopt;
    return parser.release();
  }

  std::optional<answer_type> ask(const request_type& request) {
    send(request);
    return read();
  }

  /// The other side has closed the connection, and said nothing more.
  bool ended() {
    char byte = 0;
    boost::system::error_code failed;
    const auto got = boost::asio::read(socket, boost::asio::buffer(&byte, 1), failed);
    return got == 0 && buffer.size() == 0 && failed != boost::asio::error::try_again;
  }

  boost::asio::io_context context;
  boost::asio::ip::tcp::socket socket{context};
  boost::beast::flat_buffer buffer;
};

} // namespace farshore::test
