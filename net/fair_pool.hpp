// A thread pool that several sites share: each has its turn, however much one of them asks.
//
// Work waits by site, and the sites take turns; so a site's share does not grow with the number of
// its connections. Of the threads one is always left to the others: work that takes long (a query
// on a locked table, a slow disk) holds up the site that asked for it, and nobody else.
// Thread-safe.

#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

namespace farshore {

class fair_pool {
public:
  explicit fair_pool(std::size_t threads)
      : threads_{threads}, at_once_max_{threads > 1 ? threads - 1 : 1}, pool_{threads} {}
  ~fair_pool() { stop(); }

  /// For what belongs to no site.
  boost::asio::thread_pool& shared() { return pool_; }

  /// Runs `work` on a thread, in the site's turn. The queue is bounded by whoever posts.
  template <class Work>
  void post(const std::string& site, Work work) {
    // std::function copies; what asio hands in only moves.
    auto held = std::make_shared<Work>(std::move(work));
    const std::scoped_lock lock{mutex_};
    lines_[site].waiting.push_back([held] { (*held)(); });
    start_what_may();
  }

  /// Lets running work end, drops what waits.
  void stop() {
    pool_.stop();
    pool_.join();
  }

private:
  struct line {
    std::deque<std::function<void()>> waiting;
    std::size_t running = 0;
  };

  /// Under the mutex.
  void start_what_may() {
    for (auto at = next_line(); running_ < threads_ && at != lines_.end(); at = next_line()) {
      auto work = std::move(at->second.waiting.front());
      at->second.waiting.pop_front();
      ++at->second.running;
      ++running_;
      last_ = at->first;
      boost::asio::post(pool_, [this, site = at->first, work = std::move(work)] {
        work();
        ended(site);
      });
    }
  }

  /// The next site in turn that has work and may start it.
  std::map<std::string, line>::iterator next_line() {
    auto at = lines_.upper_bound(last_);
    for (std::size_t looked = 0; looked < lines_.size(); ++looked, ++at) {
      if (at == lines_.end())
        at = lines_.begin();
      if (!at->second.waiting.empty() && at->second.running < at_once_max_)
        return at;
    }
    return lines_.end();
  }

  void ended(const std::string& site) {
    const std::scoped_lock lock{mutex_};
    --running_;
    const auto at = lines_.find(site);
    if (--at->second.running == 0 && at->second.waiting.empty())
      lines_.erase(at);
    start_what_may();
  }

  const std::size_t threads_;
  const std::size_t at_once_max_;
  std::mutex mutex_;
  std::map<std::string, line> lines_;
  std::size_t running_ = 0;
  std::string last_;
  // Last: its threads use what stands above.
  boost::asio::thread_pool pool_;
};

} // namespace farshore
