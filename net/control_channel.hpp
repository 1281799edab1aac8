// Short questions to the primary, one after another on a connection of their own, so that neither
// bulk nor a long poll of another channel delays them.
//
// Lives on the link's socket thread, except where noted.

#pragma once

#include "net/link_connection.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

namespace farshore {

struct control_question {
  std::string target;
  /// Empty: GET; else it is sent with POST.
  std::string body;
  /// How long the answer may keep us waiting.
  std::chrono::milliseconds patience;
  /// Called on the pool's thread.
  std::function<void(result<std::string>)> done;
};

class control_channel {
public:
  /// `parsers`: where callbacks run.
  control_channel(boost::asio::io_context& context, const link_identity& identity,
                  boost::asio::thread_pool& parsers);

  void ask(control_question question);
  /// Asks what is queued until stop().
  boost::asio::awaitable<void> run();
  void stop();

private:
  void answer(control_question& question, result<std::string> text);

  link_connection connection_;
  boost::asio::thread_pool& parsers_;
  std::deque<control_question> queue_;
  boost::asio::steady_timer wake_;
  bool stopping_ = false;
};

} // namespace farshore
