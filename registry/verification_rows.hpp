// The statements of verification at rest, one type at a time; the transitions are those of
// row_rules.hpp, said in SQL. As registry_rows.hpp: they throw what libpqxx throws.

#pragma once

#include "registry/records.hpp"
#include "registry/registry_rows.hpp"
#include "registry/type_statements.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <pqxx/pqxx>

namespace farshore {

void prepare_verification_statements(pqxx::connection_base& db, type_number type,
                                     const std::string& name);

/// Marked rows behind `after`, in the order of their ids.
std::vector<verification_claim> read_marked(pqxx::transaction_base& tx, type_number type,
                                            const std::string& name, record_id after,
                                            std::size_t limit);

struct walked_rows {
  /// Of the next `limit` rows those that are due for the walk.
  std::vector<verification_claim> due;
  /// The last row that was looked at; nothing where there was none.
  std::optional<record_id> last;
};
walked_rows read_walk(pqxx::transaction_base& tx, type_number type, const std::string& name,
                      record_id after, std::size_t limit, std::chrono::milliseconds recent,
                      wall_time now);

struct reverified_slice {
  /// Of the next `limit` rows behind `after` those that can be read.
  std::vector<verification_claim> due;
  /// And those that were found damaged before.
  std::vector<record_id> damaged;
  /// The last row that was looked at; at the end it is `upto`.
  record_id last = record_id_before_all;
  bool at_end = false;
};
reverified_slice read_range(pqxx::transaction_base& tx, type_number type, const std::string& name,
                            record_id after, record_id upto, std::size_t limit);

/// Rows that are no longer what their claim was made of are left alone. Returns how many were not.
std::size_t write_verified(pqxx::transaction_base& tx, type_number type,
                           std::span<const verification_outcome> outcomes, wall_time now);
std::size_t write_damaged(pqxx::transaction_base& tx, type_number type,
                          std::span<const verification_outcome> outcomes, wall_time now);

/// Returns how many of the records have a row.
std::size_t reverify_records(pqxx::transaction_base& tx, type_number type,
                             std::span<const record_id> records, wall_time now);
/// Returns how many there are.
std::size_t reverify_failed(pqxx::transaction_base& tx, type_number type, wall_time now);
/// See apply_verifies().
void write_verifies(pqxx::transaction_base& tx, type_number type, bool verifies, wall_time now);

} // namespace farshore
