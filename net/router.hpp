// Which handler answers which request.
//
// Filled before the server starts, then only read. Handlers are coroutines on the server's one
// thread: they never block (on_pool.hpp), and what they throw ends as a 500 at the session's edge.

#pragma once

#include "config/error.hpp"
#include "net/http_message.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace farshore {

/// Sends a streamed answer piece by piece.
class answer_stream {
public:
  virtual ~answer_stream() = default;
  /// Returns once the socket has taken all of it. After a failure nothing more can be sent.
  virtual boost::asio::awaitable<result<void>> write(std::span<const std::byte> bytes) = 0;
};

/// A request whose body is taken, and whose answer is sent, piece by piece, both at once if need
/// be. What a handler leaves of the body ends the connection.
class exchange : public answer_stream {
public:
  /// Of the answer; before the first write.
  virtual void set_content_type(std::string type) = 0;
  /// The next piece of the body, good until the next call; empty at its end. Fails where the other
  /// side has left, or what it sends can't be read.
  virtual boost::asio::awaitable<result<std::span<const std::byte>>> read() = 0;
  /// Waits until the other side has left: true; or until end_watch() was called, or it can't be
  /// told: false. Not while read() is under way.
  virtual boost::asio::awaitable<bool> watch() = 0;
  virtual void end_watch() = 0;
};

using answer_handler =
    std::function<boost::asio::awaitable<result<http_answer>>(const http_request&)>;

/// An error before the first write becomes an error answer; after it, the connection is cut, so
/// that the other side notices.
using stream_handler =
    std::function<boost::asio::awaitable<result<void>>(const http_request&, answer_stream&)>;

/// As a stream_handler; may give an answer instead of writing one.
using exchange_handler = std::function<boost::asio::awaitable<result<std::optional<http_answer>>>(
    const http_request&, exchange&)>;

enum class route_access {
  /// The request must carry a site's signature.
  signed_only,
  /// It must carry a reader's token, or a site's signature.
  reader,
  /// The site's own signature, or a person's token; to look.
  viewer,
  /// The same, and the token must be an operator's; to act.
  operating,
  /// It must carry a person's token, which it signs in with.
  sign_in,
  /// The first thing captured is a link's token, for what is captured behind it: TYPE and LOCATOR.
  /// The handler does not see it.
  link,
  anyone,
};

struct route {
  std::string method;
  /// Segments; "*" stands for any one segment that is not empty, "**" (once) for one or more.
  std::vector<std::string> pattern;
  std::variant<answer_handler, stream_handler, exchange_handler> handler;
  route_access access = route_access::signed_only;
};

struct route_match {
  /// nullptr: no route has this path, or (`other_method`) none with this method.
  const route* found = nullptr;
  bool other_method = false;
  /// What "**" stands for is one text, with slashes.
  std::vector<std::string> captured;
};

class router {
public:
  /// `pattern` as in "/v1/catalogue/*".
  void add(std::string_view method, std::string_view pattern, answer_handler handler,
           route_access access = route_access::signed_only);
  void add_stream(std::string_view method, std::string_view pattern, stream_handler handler);
  void add_exchange(std::string_view method, std::string_view pattern, exchange_handler handler,
                    route_access access);

  /// `segments`: the decoded path.
  [[nodiscard]] route_match match(std::string_view method,
                                  std::span<const std::string> segments) const;

private:
  std::vector<route> routes_;
};

} // namespace farshore
