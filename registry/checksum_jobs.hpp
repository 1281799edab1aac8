// What is done to many records of the primary's state table at a time, page by page and in the
// background: all (or all failed) records of a type made due again, types that are not verified
// (any more) or are again, and rows that no event told of. Belongs to primary_store and its thread.

#pragma once

#include "config/config.hpp"
#include "registry/checksum_work.hpp"
#include "registry/record_selection.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <pqxx/pqxx>

namespace farshore {

class checksum_jobs {
public:
  explicit checksum_jobs(pqxx::connection_base& db) : db_{db} {}

  /// Notes where the types' verification is kept; a type that is verified again after it was not
  /// begins with all its records.
  result<void> declare(std::span<const replicable_type> types);

  /// See primary_store.
  result<std::int64_t> reverify(const std::string& type, const record_selection& which);
  result<void> sweep(const std::string& type);
  result<bool> tend(std::size_t limit);

private:
  struct sweeping {
    std::string type;
    std::optional<std::string> at;
    std::int64_t found = 0;
    /// All rows have a state; those that were not available are looked at again, behind this one.
    std::optional<record_id> looked_again_to = {};
  };

  bool mark_page(pqxx::work& tx, std::size_t limit);
  bool switch_off_page(pqxx::work& tx, std::size_t limit);
  bool sweep_page(pqxx::work& tx, std::size_t limit);
  static bool look_again_page(pqxx::work& tx, sweeping& now, std::size_t limit);

  pqxx::connection_base& db_;
  /// As declared, in the order of the declarations.
  std::vector<std::string> names_;
  std::vector<std::string> places_;
  std::deque<sweeping> sweeps_;
};

} // namespace farshore
