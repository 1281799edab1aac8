// A few read-only connections to the primary's database, opened when they are first needed and
// again after they broke.
//
// Thread-safe. Calls block; there are at most as many connections as threads that call at once.

#pragma once

#include "registry/primary_reader.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace farshore {

class reader_pool {
public:
  using opener = std::function<result<std::unique_ptr<primary_reader>>()>;

  explicit reader_pool(opener open) : open_{std::move(open)} {}

  /// What every connection joins with from its next use on.
  void declare(std::vector<replicable_type> types);

  /// What `query` makes of a reader. A connection that broke while it lay idle is replaced once,
  /// unnoticed: everything asked here only reads.
  template <class Query>
  auto ask(Query query) -> std::invoke_result_t<Query&, primary_reader&> {
    for (bool fresh = false;; fresh = true) {
      auto borrowed = borrow(fresh);
      if (!borrowed)
        return fail(std::move(borrowed).error());
      auto answer = query(*borrowed->reader);
      if (answer || !broke(answer.error().code)) {
        give_back(std::move(*borrowed));
        return answer;
      }
      if (!borrowed->used)
        return answer;
    }
  }

private:
  using declaration = std::shared_ptr<const std::vector<replicable_type>>;

  struct connection {
    std::unique_ptr<primary_reader> reader;
    declaration declared;
    bool used = false;
  };

  static bool broke(ec code) {
    return code == ec::database_unavailable || code == ec::database_in_doubt;
  }
  result<connection> borrow(bool fresh);
  void give_back(connection returned);

  opener open_;
  std::mutex mutex_;
  declaration types_ = std::make_shared<const std::vector<replicable_type>>();
  std::vector<connection> idle_;
};

} // namespace farshore
