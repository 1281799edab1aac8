// Blocking work from a coroutine on a socket's thread: `auto x = co_await on_pool(pool, [&] { …
// });` runs the function on a thread of the pool while the coroutine waits, and goes on where it
// was.

#pragma once

#include "net/fair_pool.hpp"

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace farshore {

/// What `work` returns (not void), or throws; `post` brings a function to another thread. The queue
/// there is bounded by the number of coroutines: each waits here for one thing at a time.
template <class Post, class Work>
boost::asio::awaitable<std::invoke_result_t<Work&>> on_other_thread(Post post, Work work) {
  namespace asio = boost::asio;
  using value = std::invoke_result_t<Work&>;
  std::optional<value> returned;
  std::exception_ptr thrown;
  // Both live in this coroutine's frame, which stays where it is until the handler has run.
  auto start = [&](auto handler) {
    auto back = asio::make_work_guard(handler);
    post([&, back = std::move(back), handler = std::move(handler)]() mutable {
      try {
        returned.emplace(work());
      } catch (...) {
        thrown = std::current_exception();
      }
      asio::post(back.get_executor(),
                 [handler = std::move(handler)]() mutable { std::move(handler)(); });
    });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(std::move(start),
                                                                       asio::use_awaitable);
  if (thrown)
    std::rethrow_exception(thrown);
  co_return std::move(*returned);
}

template <class Work>
boost::asio::awaitable<std::invoke_result_t<Work&>> on_pool(boost::asio::thread_pool& pool,
                                                            Work work) {
  return on_other_thread([&pool](auto body) { boost::asio::post(pool, std::move(body)); },
                         std::move(work));
}

/// In the turn of the site that asks.
template <class Work>
boost::asio::awaitable<std::invoke_result_t<Work&>> on_pool(fair_pool& pool, std::string site,
                                                            Work work) {
  return on_other_thread(
      [&pool, site = std::move(site)](auto body) { pool.post(site, std::move(body)); },
      std::move(work));
}

} // namespace farshore
