// Brings the state table level with a table that was there before its type's triggers: rows (and
// numbers, for keys that are no integers) for what has none, and, after a reinstallation, an end to
// rows whose record is gone. Belongs to primary_store and its thread.

#pragma once

#include "config/error.hpp"
#include "registry/installed_type.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <pqxx/pqxx>

namespace farshore {

struct seeded_page {
  /// Of the model's table that were looked at.
  std::size_t rows = 0;
  /// The last one's key; nothing where there was none.
  std::optional<std::string> last;
  /// Of those that had no state row.
  std::int64_t added = 0;
};

/// Gives rows behind `after` (of the beginning where it is nothing) a state row where they have
/// none, in key order.
seeded_page add_state_rows(pqxx::work& tx, const installed_type& type,
                           const std::optional<std::string>& after, std::size_t limit);

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
