// The status document that all share: how old it may be, who waits, and what makes it count no
// more.

#include "net/status_answer.hpp"

#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

class hand_clock final : public time_source {
public:
  [[nodiscard]] steady_time now() const override { return now_; }
  [[nodiscard]] wall_time wall() const override { return wall_time{}; }
  void advance(std::chrono::milliseconds by) { now_ += by; }

private:
  steady_time now_{1h};
};

struct answer_fixture {
  asio::io_context context;
  hand_clock time;
  int asked = 0;
  bool broken = false;
  std::shared_ptr<const config> settings = std::make_shared<const config>();
  std::shared_ptr<status_answer> testee = std::make_shared<status_answer>(
      [this]() -> asio::awaitable<result<status_document>> {
        ++asked;
        if (broken)
          co_return fail(ec::stopping, "nobody answers");
        status_document told{boost::json::value(asked)};
        co_return told;
      },
      [this] { return settings; }, time);

  /// The number of the question that the answer is of; nothing where it failed.
  std::optional<std::int64_t> get() {
    std::optional<std::int64_t> got;
    auto question = [&]() -> asio::awaitable<void> {
      const auto document = co_await testee->get();
      if (document)
        got = (*document)->value.as_int64();
    };
    asio::co_spawn(context, question, asio::detached);
    context.restart();
    context.run();
    return got;
  }
};

} // namespace

TEST_CASE_METHOD(answer_fixture, "many who ask are one question", "[status_answer]") {
  for (int i = 0; i < 1'000; ++i)
    CHECK(get() == 1);
  CHECK(asked == 1);
}

TEST_CASE_METHOD(answer_fixture, "what is not quite fresh is given, and asked for anew",
                 "[status_answer]") {
  CHECK(get() == 1);
  for (int round = 1; round < 50; ++round) { // each of them beside the answer
    time.advance(300ms);
    CHECK(get() == round);
    CHECK(asked == round + 1);
  }
}

TEST_CASE_METHOD(answer_fixture, "what is older than a second is not given", "[status_answer]") {
  CHECK(get() == 1);
  time.advance(1s);
  CHECK(get() == 2);
}

TEST_CASE_METHOD(answer_fixture,
                 "who has acted, or been reconfigured, is not given what was before",
                 "[status_answer]") {
  CHECK(get() == 1);
  testee->forget();
  CHECK(get() == 2);
  settings = std::make_shared<const config>();
  CHECK(get() == 3);
  CHECK(get() == 3);
}

TEST_CASE_METHOD(answer_fixture, "where nobody answers that is said, once what is known is too old",
                 "[status_answer]") {
  CHECK(get() == 1);
  broken = true;
  time.advance(300ms);
  CHECK(get() == 1);
  time.advance(700ms);
  CHECK_FALSE(get());
  broken = false;
  CHECK(get() == 4);
}
