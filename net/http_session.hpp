// One connection to the server: requests in turn, until either side has had enough.
//
// Lives on the server's thread. Owned by its own coroutine; the server knows it in order to end it.

#pragma once

#include "config/clock.hpp"
#include "net/access.hpp"
#include "net/page_sessions.hpp"
#include "net/router.hpp"
#include "net/tls.hpp"
#include "net/wire_stream.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace farshore {

/// What all sessions of a server share.
struct session_context {
  router routes;
  site_keys keys;
  /// Who is signed in to the page.
  std::shared_ptr<page_sessions> page;
  /// For connections that begin from now on; null: plain HTTP.
  tls_context tls;
  const time_source* time = nullptr;
  std::chrono::milliseconds patience;
  /// The same for a streamed answer. A reader that caps its bandwidth takes nothing for as long as
  /// its receive buffer needs to empty by some part.
  std::chrono::milliseconds stream_patience;
  std::atomic<bool> stopping{false};
  /// So that one site does not take the connections of all others.
  std::size_t sessions_of_site_max = 192;
  /// Nor all readers together, nor all people with a token.
  std::size_t sessions_of_readers_max = 640;
  std::size_t sessions_of_people_max = 256;
  /// On the server's thread only.
  mutable std::map<std::string, std::size_t> sessions_of_site{};
  mutable std::size_t sessions_of_readers = 0;
  mutable std::size_t sessions_of_people = 0;
};

class http_session {
public:
  http_session(boost::asio::ip::tcp::socket socket, const session_context& context);
  ~http_session();

  boost::asio::awaitable<void> run();

  /// Waits for a request rather than being at work on one.
  [[nodiscard]] bool idle() const { return idle_; }
  void close();

private:
  using request_parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  /// TLS with whoever connected. False: the connection is to be closed.
  boost::asio::awaitable<bool> shake_hands();
  /// Reads and answers one request. False: the connection is to be closed.
  boost::asio::awaitable<bool> serve_one();
  struct admission {
    /// nullptr: `refusal` is the answer.
    const route* found = nullptr;
    http_answer refusal;
  };
  /// Authenticates the request, finds its route, and fills in all but the body.
  [[nodiscard]] admission admit(const request_parser& parser, http_request& request);
  /// Counts this connection as the site's, a reader's or a person's, from its first request on.
  /// Or says that there are too many.
  [[nodiscard]] std::optional<error> count_for(const http_request& request);
  /// False where the connection must be closed after it.
  boost::asio::awaitable<bool> handle(const route& route, const http_request& request,
                                      bool keep_alive);
  boost::asio::awaitable<bool> stream(const stream_handler& handler, const http_request& request,
                                      bool keep_alive);
  /// `parser` has read the header, and nothing behind it.
  boost::asio::awaitable<bool> serve_exchange(const exchange_handler& handler,
                                              const http_request& request, request_parser& parser);
  boost::asio::awaitable<bool> send(http_answer answer, bool keep_alive);
  /// Takes what the other side still sends, so that closing does not destroy our last answer.
  boost::asio::awaitable<void> drain();

  wire_stream stream_;
  boost::beast::flat_buffer buffer_;
  const session_context& context_;
  std::string remote_;
  /// Whose connection it is; empty before its first request, and on public routes.
  std::string site_;
  bool of_reader_ = false;
  bool of_person_ = false;
  bool idle_ = true;
  /// Of the request that is answered.
  int wire_ = wire_oldest;
};

} // namespace farshore
