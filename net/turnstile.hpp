// Lets so many coroutines of one thread go on at once; further ones wait, and go on in the order in
// which they came.

#pragma once

#include <cassert>
#include <cstddef>
#include <deque>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace farshore {

class turnstile {
public:
  /// The right to go on; given back when destroyed.
  class turn {
  public:
    explicit turn(turnstile& of) : of_{&of} {}
    turn(turn&& other) noexcept : of_{std::exchange(other.of_, nullptr)} {}
    turn& operator=(turn&&) = delete;
    ~turn() {
      if (of_)
        of_->leave();
    }

  private:
    turnstile* of_;
  };

  /// One who waits. Lives as long as its coroutine does.
  class waiter {
  public:
    explicit waiter(boost::asio::any_io_executor executor)
        : alarm_{std::move(executor), boost::asio::steady_timer::time_point::max()} {}

    /// Returns when it is its turn, or it has given up.
    boost::asio::awaitable<void> wait() {
      if (!admitted_ && !given_up_)
        co_await alarm_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    }
    void give_up() {
      given_up_ = true;
      alarm_.cancel();
    }
    [[nodiscard]] bool gave_up() const { return given_up_; }

  private:
    friend class turnstile;
    boost::asio::steady_timer alarm_;
    bool admitted_ = false;
    bool given_up_ = false;
  };

  explicit turnstile(std::size_t at_once_max) : at_once_max_{at_once_max} {}

  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

  /// Into the line. True: it need not wait.
  bool line_up(waiter& who) {
    if (running_ < at_once_max_ && waiting_.empty()) {
      ++running_;
      who.admitted_ = true;
    } else {
      waiting_.push_back(&who);
    }
    return who.admitted_;
  }

  /// After wait(): the waiter's turn, which it gives back unused where it has given up.
  [[nodiscard]] turn take([[maybe_unused]] const waiter& who) {
    assert(who.admitted_);
    return turn{*this};
  }
  /// One that has given up, and was not admitted meanwhile, leaves the line. False: it was.
  bool step_out(waiter& who) {
    if (who.admitted_)
      return false;
    std::erase(waiting_, &who);
    return true;
  }

private:
  void leave() {
    if (waiting_.empty()) {
      --running_;
      return;
    }
    auto* const next = waiting_.front();
    waiting_.pop_front();
    next->admitted_ = true;
    next->alarm_.cancel();
  }

  std::size_t at_once_max_;
  std::size_t running_ = 0;
  std::deque<waiter*> waiting_;
};

} // namespace farshore
