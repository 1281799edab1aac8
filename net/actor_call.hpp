// The bridge from a socket's coroutine to an actor: `co_await ask<T>(asker, target, atom::x_v, …)`.
//
// Sessions live on an io thread, actors on CAF's. Neither calls into the other: the question is
// carried out by an ASKER actor in its own turn, and the answer is posted back to the coroutine's
// executor. Every question has a deadline; how many are open is bounded by the sessions.

#pragma once

#include "config/error.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>

namespace farshore {

/// A question that the asker puts in its own turn.
struct question {
  std::function<void(caf::event_based_actor*)> put;
};

/// ASKER: spawn one for a node's API.
inline caf::behavior asker(caf::event_based_actor*);

/// What `target` answers to `parts…`; ec::stopping where it has died or is later than `patience`.
template <class T, class Target, class... Parts>
boost::asio::awaitable<result<T>> ask_within(std::chrono::milliseconds patience, caf::actor asker,
                                             Target target, Parts... parts) {
  namespace asio = boost::asio;
  auto got = std::make_shared<result<T>>(fail(ec::internal, "no answer"));
  auto start = [&](auto handler) {
    auto back =
        std::make_shared<std::pair<decltype(asio::make_work_guard(handler)), decltype(handler)>>(
            asio::make_work_guard(handler), std::move(handler));
    auto resume = [back] {
      asio::post(back->first.get_executor(), [back] { std::move(back->second)(); });
    };
    auto put = [=](caf::event_based_actor* self) {
      self->request(target, patience, parts...)
          .then(
              [=](const result<T>& answer) {
                *got = answer;
                resume();
              },
              [=](const caf::error& lost) {
                *got = fail(ec::stopping,
                            "a part of the node does not answer: " + caf::to_string(lost));
                resume();
              });
    };
    caf::anon_send(asker, question{put});
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(std::move(start),
                                                                       asio::use_awaitable);
  co_return std::move(*got);
}

/// The same, with time for a busy database.
template <class T, class Target, class... Parts>
boost::asio::awaitable<result<T>> ask(caf::actor asker, Target target, Parts... parts) {
  return ask_within<T>(std::chrono::seconds{30}, std::move(asker), std::move(target),
                       std::move(parts)...);
}

} // namespace farshore

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::question)

inline caf::behavior farshore::asker(caf::event_based_actor* self) {
  return {[self](const question& one) { one.put(self); }};
}
