// `verification = "columns"`: how a record's verification stands is kept in columns of the model's
// own table, too, under the reference's names. What those columns need, and bringing them level
// with the state table, which stays the truth that all work goes by.
//
// Farshore's own writes must not look like the application's: they carry a mark, for their
// transaction, which the type's triggers know (own_write_setting). Rows that the application holds
// are left for a later pass.

#pragma once

#include "config/clock.hpp"
#include "config/config.hpp"
#include "config/error.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <pqxx/pqxx>

namespace farshore {

/// What the table lacks: statements to be run one by one, each outside a transaction; none where
/// nothing is missing. Fails with ec::not_found where the table is not there.
result<std::vector<std::string>> missing_columns(const std::string& url,
                                                 const model_declaration& model);

struct migration_patience {
  std::chrono::milliseconds limit{60'000};
  const time_source* time = &system_time();
  /// Lets time pass on that clock.
  std::function<void(std::chrono::milliseconds)> sleep;
};

/// Runs them; waits for no lock for longer than 100 ms at a time, so that the application never
/// queues behind. Fails with ec::overloaded where the locks were not to be had; may be called
/// again.
result<void> add_columns(const std::string& url, const std::vector<std::string>& statements,
                         const migration_patience& patience);

/// Brings the columns level with the state table. Belongs to primary_store and its thread.
class model_columns {
public:
  explicit model_columns(pqxx::connection_base& db) : db_{db} {}

  /// A step of about `limit` records for each type that is kept in columns; whether anything is
  /// left that can be done now.
  result<bool> write(std::size_t limit);

  /// By type: why nothing is written.
  [[nodiscard]] const std::map<std::string, std::string>& troubles() const { return troubles_; }

private:
  struct kept_type {
    std::int32_t type_id = 0;
    std::string name;
  };
  bool mark_page(pqxx::work& tx, std::size_t limit);
  bool write_page(const kept_type& type, std::size_t limit);

  pqxx::connection_base& db_;
  std::map<std::string, std::string> troubles_;
  /// By type's number: where the next page begins.
  std::map<std::int32_t, std::int64_t> at_;
};

} // namespace farshore
