#include "net/status_answer.hpp"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/json/serialize.hpp>

namespace farshore {

namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds fresh{200};
constexpr std::chrono::milliseconds good_enough{1'000};

} // namespace

status_answer::status_answer(status_question ask,
                             std::function<std::shared_ptr<const config>()> settings,
                             const time_source& time)
    : ask_{std::move(ask)}, settings_{std::move(settings)}, time_{time} {}

asio::awaitable<result<std::shared_ptr<const status_answer::document>>> status_answer::renew() {
  known next{nullptr, time_.now(), generation_, settings_()};
  asking_ = true;
  auto answer = co_await ask_();
  asking_ = false;
  if (!answer)
    co_return fail(std::move(answer).error());
  auto text = boost::json::serialize(answer->value);
  next.what = std::make_shared<const document>(
      document{std::move(answer->value), std::move(text), std::move(answer->metrics)});
  const auto what = next.what;
  if (next.asked >= last_.asked || !last_.what)
    last_ = std::move(next);
  co_return what;
}

asio::awaitable<result<std::shared_ptr<const status_answer::document>>> status_answer::get() {
  const bool counts =
      last_.what && last_.generation == generation_ && last_.settings == settings_();
  const auto age = time_.now() - last_.asked;
  if (!counts || age >= good_enough)
    co_return co_await renew();
  const auto what = last_.what;
  if (age >= fresh && !asking_) {
    // Names of their own: g++ 12 destroys such temporaries beside a co_await twice.
    const auto executor = co_await asio::this_coro::executor;
    auto again = [self = shared_from_this()]() -> asio::awaitable<void> { co_await self->renew(); };
    asio::co_spawn(executor, std::move(again), asio::detached);
  }
  co_return what;
}

} // namespace farshore
