#include "net/control_channel.hpp"

#include <exception>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace farshore {

namespace {

namespace asio = boost::asio;

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t answer_bytes_max = 64u << 20;

} // namespace

control_channel::control_channel(asio::io_context& context, const link_identity& identity,
                                 asio::thread_pool& parsers)
    : connection_{context, identity},
      parsers_{parsers},
      wake_{context, asio::steady_timer::time_point::max()} {}

void control_channel::ask(control_question question) {
  if (stopping_)
    return answer(question, fail(ec::stopping, "the node ends"));
  queue_.push_back(std::move(question));
  wake_.cancel();
}

asio::awaitable<void> control_channel::run() {
  while (!stopping_) {
    if (queue_.empty()) {
      co_await wake_.async_wait(as_values);
      continue;
    }
    auto question = std::move(queue_.front());
    queue_.pop_front();
    result<std::string> text = fail(ec::internal, "not asked");
    try {
      const auto asked =
          co_await connection_.ask(question.body.empty() ? "GET" : "POST", question.target,
                                   question.body, question.patience);
      if (asked)
        text = co_await connection_.read_text(answer_bytes_max);
      else
        text = fail(asked.error());
    } catch (const std::exception& e) {
      text = fail(ec::internal, std::string{"asking the primary: "} + e.what());
    }
    if (!text && stopping_)
      text = fail(ec::stopping, "the node ends");
    answer(question, std::move(text));
  }
  for (auto& question : std::exchange(queue_, {}))
    answer(question, fail(ec::stopping, "the node ends"));
}

void control_channel::stop() {
  stopping_ = true;
  connection_.close();
  wake_.cancel();
}

void control_channel::answer(control_question& question, result<std::string> text) {
  asio::post(parsers_, [done = std::move(question.done), text = std::move(text)]() mutable {
    done(std::move(text));
  });
}

} // namespace farshore
