// The signals that steer a node, received on its main thread, one at a time, by waiting for them.
//
// Construct it before any other thread is started: they inherit that these signals are blocked.

#pragma once

#include "config/error.hpp"

#include <chrono>
#include <csignal>
#include <ctime>
#include <mutex>
#include <optional>

#include <pthread.h>

namespace farshore {

class node_signals {
public:
  enum class event { stop, reload, child, failed, timeout };

  node_signals() {
    sigemptyset(&wanted_);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGUSR1})
      sigaddset(&wanted_, number);
    pthread_sigmask(SIG_BLOCK, &wanted_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }

  /// The next one, or event::timeout after `limit`; without it, waits as long as it takes. Main
  /// thread only.
  event wait(std::optional<std::chrono::milliseconds> limit) {
    for (;;) {
      switch (next(limit)) {
      case -1:
        return event::timeout;
      case SIGTERM:
      case SIGINT:
        return event::stop;
      case SIGHUP:
        return event::reload;
      case SIGCHLD:
        return event::child;
      case SIGUSR1:
        if (failure())
          return event::failed;
        break;
      default:
        break;
      }
    }
  }

  /// From any thread: the node can't go on like this. The first one counts.
  void report_failure(const error& why) {
    {
      const std::lock_guard guard{mutex_};
      if (failure_)
        return;
      failure_ = why;
    }
    pthread_kill(main_, SIGUSR1);
  }
  [[nodiscard]] std::optional<error> failure() const {
    const std::lock_guard guard{mutex_};
    return failure_;
  }
  void forget_failure() {
    const std::lock_guard guard{mutex_};
    failure_.reset();
  }

private:
  /// A signal's number; -1: none came.
  int next(std::optional<std::chrono::milliseconds> limit) {
    if (!limit) {
      int number = 0;
      sigwait(&wanted_, &number);
      return number;
    }
    const timespec until{limit->count() / 1000, limit->count() % 1000 * 1'000'000};
    return sigtimedwait(&wanted_, nullptr, &until);
  }

  sigset_t wanted_{};
  pthread_t main_ = pthread_self();
  mutable std::mutex mutex_;
  std::optional<error> failure_;
};

} // namespace farshore
