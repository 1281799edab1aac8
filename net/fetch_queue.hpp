// Blobs that wait for a connection. Lives on the link's socket thread.

#pragma once

#include "net/blob_batch.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace farshore {

/// How much goes into one request.
struct batch_limits {
  std::size_t blobs = 1;
  /// Of content, as far as sizes are known: so that connections share a burst, and what comes next
  /// does not wait for long.
  std::uint64_t content_bytes = UINT64_MAX;
  /// Of the request itself, which the primary limits.
  std::size_t request_bytes = 512 * 1024;
};

class fetch_queue {
public:
  explicit fetch_queue(boost::asio::io_context& context)
      : wake_{context, boost::asio::steady_timer::time_point::max()} {}

  [[nodiscard]] bool empty() const { return items_.empty(); }

  /// Live changes go before bulk work.
  void push(fetch_item item);

  /// The foremost item, and those of its type behind it as far as the limits allow.
  std::vector<fetch_item> take(const batch_limits& limits);
  std::vector<fetch_item> take_all();

  /// Until something was pushed, or wake_all().
  boost::asio::awaitable<void> wait() {
    co_await wake_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  }
  void wake_all() { wake_.cancel(); }

private:
  std::deque<fetch_item> items_;
  boost::asio::steady_timer wake_;
};

} // namespace farshore
