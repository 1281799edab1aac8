// One thread that moves bytes between sockets and memory, and does nothing else: what blocks goes
// to a pool (on_pool.hpp).

#pragma once

#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

namespace farshore {

class io_thread {
public:
  io_thread() : busy_{context_.get_executor()}, thread_{[this] { context_.run(); }} {}
  io_thread(const io_thread&) = delete;
  io_thread& operator=(const io_thread&) = delete;
  ~io_thread() { join(); }

  [[nodiscard]] boost::asio::io_context& context() { return context_; }

  /// Waits until everything that runs on the thread has come to its end. Whoever started it must
  /// have told it to. Not from the thread itself.
  void join() {
    busy_.reset();
    if (thread_.joinable())
      thread_.join();
  }

private:
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> busy_;
  std::thread thread_;
};

} // namespace farshore
