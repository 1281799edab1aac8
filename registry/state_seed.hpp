// Brings the state table level with a table that was there before its type's triggers: rows (and
// numbers, for keys that are no integers) for what has none, and, after a reinstallation, an end to
// rows whose record is gone. Belongs to primary_store and its thread.

#pragma once

#include "config/error.hpp"
#include "registry/installed_type.hpp"

#include <cstddef>

#include <pqxx/pqxx>

namespace farshore {

class state_seed {
public:
  explicit state_seed(pqxx::connection_base& db) : db_{db} {}

  /// See primary_store::seed.
  result<bool> seed(std::size_t limit);

private:
  /// A page in key order; how many rows it had.
  std::size_t seed_page(pqxx::work& tx, const installed_type& type, const pqxx::row& row,
                        std::size_t limit);
  std::size_t prune_page(pqxx::work& tx, const installed_type& type, const pqxx::row& row,
                         std::size_t limit);

  pqxx::connection_base& db_;
};

} // namespace farshore
