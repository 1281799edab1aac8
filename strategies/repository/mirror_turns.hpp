// Who is at work on which mirror: what fetches into it, exchanges, removes or reads all of it, and
// the upkeep, which makes way for them. And which mirrors are due for upkeep.
//
// A mirror has any number of users or one upkeep, never both. Whoever comes to use one that is
// being kept up has that broken off, and waits for its end, which is near. Thread-safe. Outlives
// the handles that it gives out.

#pragma once

#include "config/error.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace farshore {

class mirror_turns {
  struct standing {
    std::size_t users = 0;
    bool kept_up = false;
    std::atomic<bool> wanted{false};
  };
  using at_work = std::map<std::string, standing>;

public:
  /// Holds upkeep off a mirror until it is destroyed or given up.
  class use {
  public:
    use() = default;
    use(use&& other) noexcept;
    use& operator=(use&& other) noexcept;
    ~use() { end(); }
    void end();

  private:
    friend class mirror_turns;
    mirror_turns* turns_ = nullptr;
    at_work::iterator of_{};
  };

  /// What is due. One that was broken off is to be short the next time: else a mirror in which a
  /// fetch comes all the time would never be kept up.
  struct due {
    std::string locator;
    bool broken_off = false;
  };

  /// The right to keep a mirror up, until it is destroyed.
  class upkeep {
  public:
    upkeep(upkeep&& other) noexcept;
    upkeep& operator=(upkeep&&) = delete;
    ~upkeep();
    [[nodiscard]] const due& what() const { return what_; }
    /// Somebody waits for its end. Any thread.
    [[nodiscard]] bool is_broken_off() const { return of_->second.wanted; }

  private:
    friend class mirror_turns;
    upkeep() = default;
    mirror_turns* turns_ = nullptr;
    at_work::iterator of_{};
    due what_;
  };

  /// Fails with ec::disk where an upkeep does not end within `patience`.
  result<use> begin_use(const std::string& locator,
                        std::chrono::milliseconds patience = std::chrono::seconds{30});

  /// Notes it, unless it is noted already or very many are.
  void note(due what);
  /// Takes the first that is due and not in use.
  std::optional<upkeep> begin_upkeep();
  /// Whether there is one.
  [[nodiscard]] bool has_due();

private:
  [[nodiscard]] std::deque<due>::iterator next();
  void leave(at_work::iterator of);

  std::mutex mutex_;
  std::condition_variable ended_;
  at_work at_work_;
  std::deque<due> due_;
};

} // namespace farshore
