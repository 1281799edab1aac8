// The primary's own reader of the event log: numbers keys that are no integers, and keeps the state
// table level with the log. Belongs to primary_store and its thread.

#pragma once

#include "config/error.hpp"
#include "config/ids.hpp"
#include "registry/log_samples.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <pqxx/pqxx>

namespace farshore {

class log_fold {
public:
  explicit log_fold(pqxx::connection_base& db) : db_{db} {}

  /// Reads the cursor. Once, before anything else. A log that was loaded from another server's dump
  /// starts over.
  result<void> prepare();

  /// See primary_store::fold. Takes none for now (and says why, once) where a table of the
  /// application's is locked or does not answer.
  result<std::size_t> fold(std::size_t limit);

  /// Up to where the log is folded.
  [[nodiscard]] const event_position& place() const { return cursor_; }
  /// What was folded since this was asked last.
  log_weight take_weight() { return std::exchange(weight_, {}); }

private:
  struct batch {
    struct part {
      std::int32_t type_id = 0;
      std::int64_t truncated = 0;
      std::int64_t unreadable = 0;
    };
    std::vector<part> parts;
    event_position upto;
    std::size_t events = 0;
    std::int64_t bytes = 0;
  };

  batch read_batch(std::size_t limit);
  void take(pqxx::work& tx, const batch& taken);

  pqxx::connection_base& db_;
  event_position cursor_;
  log_weight weight_;
  std::string trouble_;
};

} // namespace farshore
