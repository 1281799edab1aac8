// One HTTP connection to the primary, kept open between requests.
//
// Lives on the link's socket thread. One request at a time: ask(), then the answer's body to its
// end.

#pragma once

#include "config/clock.hpp"
#include "config/error.hpp"
#include "net/tls.hpp"
#include "net/wire_stream.hpp"
#include "net/wire_version.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace farshore {

/// Who is asked, and in whose name. Shared by the connections of a link; changes on its socket
/// thread only.
struct link_identity {
  std::string url;
  std::string site;
  std::string secret;
  /// For https://; whom new connections trust.
  tls_context tls;
  std::chrono::milliseconds connect_patience;
  std::chrono::milliseconds patience;
  const time_source* time = nullptr;
};

/// How long a connection keeps to the older version that it has found its primary to speak.
inline constexpr std::chrono::minutes wire_memory{5};

class link_connection {
public:
  link_connection(boost::asio::io_context& context, const link_identity& identity);

  /// Sends a request and reads the header of its answer; `patience` is how long that header may
  /// take. A connection that the primary closed since the last request is replaced, once. A primary
  /// that does not know this program's newest version of the protocol is asked in the highest that
  /// both know, until the connection is replaced or `wire_memory` has passed: it may have been
  /// upgraded. An answer other than 200 is an error: the primary's own, or ec::protocol.
  boost::asio::awaitable<result<void>> ask(std::string_view method, std::string_view target,
                                           std::string_view body,
                                           std::chrono::milliseconds patience);

  /// Reads some of the answer's body, as much as is there and fits; 0 at its end.
  boost::asio::awaitable<result<std::size_t>> read_some(std::span<std::byte> into);

  /// Reads the rest of the body. Fails with ec::protocol where it is longer than `bytes_max`.
  boost::asio::awaitable<result<std::string>> read_text(std::size_t bytes_max);

  /// Ends whatever is under way.
  void close();

private:
  using answer_parser = boost::beast::http::response_parser<boost::beast::http::buffer_body>;

  boost::asio::awaitable<result<void>> connect();
  boost::asio::awaitable<result<void>> connect_tls(std::string host);
  /// One request and the header of its answer, over a new connection where need be.
  boost::asio::awaitable<result<void>> converse(std::string_view method, std::string_view target,
                                                std::string_view body,
                                                std::chrono::milliseconds patience);
  /// The version to ask again in, where the answer says that the one we asked in is too new.
  [[nodiscard]] std::optional<int> lower_wire() const;
  boost::asio::awaitable<boost::beast::error_code> exchange(std::string_view method,
                                                            std::string_view target,
                                                            std::string_view body,
                                                            std::chrono::milliseconds patience);
  boost::asio::awaitable<result<void>> demand_success();
  [[nodiscard]] bool reusable() const;
  [[nodiscard]] tl::unexpected<error> unreachable(std::string why) const;
  [[nodiscard]] tl::unexpected<error> broke_off(boost::beast::error_code failed,
                                                std::chrono::milliseconds patience) const;

  const link_identity& identity_;
  boost::asio::ip::tcp::resolver resolver_;
  wire_stream stream_;
  boost::beast::flat_buffer buffer_;
  std::optional<answer_parser> answer_;
  int wire_ = wire_newest;
  /// When the newest version was tried; empty: try it with the next request.
  std::optional<steady_time> newest_asked_;
  bool open_ = false;
  bool closed_ = false;
};

} // namespace farshore
