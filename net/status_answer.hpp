// The status document for all who ask: the site's actors, and their database, are asked a few times
// a second at most, however many ask; but the site's own command line is told how it stands now,
// for scripts go by that. Who acts through the API sees what came of it: an action makes what was
// known before count no more.
//
// Lives on the server's thread.

#pragma once

#include "config/clock.hpp"
#include "config/config.hpp"
#include "config/error.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>

namespace farshore {

struct status_document {
  boost::json::value value;
  /// Makes what GET /metrics tells of the same moment.
  std::function<std::string()> metrics = {};
};
using status_question = std::function<boost::asio::awaitable<result<status_document>>()>;

class status_answer : public std::enable_shared_from_this<status_answer> {
public:
  struct document {
    boost::json::value value;
    std::string text;
    std::function<std::string()> metrics;
  };

  /// `settings`: a document belongs to one configuration. `time` must outlive it.
  status_answer(status_question ask, std::function<std::shared_ptr<const config>()> settings,
                const time_source& time);

  /// Asked for no longer than a second ago. Hold it by a shared pointer.
  boost::asio::awaitable<result<std::shared_ptr<const document>>> get();
  /// Asked for now.
  boost::asio::awaitable<result<std::shared_ptr<const document>>> renew();

  /// What was known before now counts no more.
  void forget() { ++generation_; }

private:
  status_question ask_;
  std::function<std::shared_ptr<const config>()> settings_;
  const time_source& time_;
  std::uint64_t generation_ = 1;
  bool asking_ = false;
  struct known {
    std::shared_ptr<const document> what;
    steady_time asked;
    std::uint64_t generation = 0;
    std::shared_ptr<const config> settings;
  } last_;
};

} // namespace farshore
