// The model tables that Farshore keeps itself: `farshore.scanned_<type>`, a row for each file and
// link (or each repository) of a scanned type's folder, with what the file system said of it. To
// everything else (triggers, log, catalogue) it is a table like the application's.
//
// Belongs to primary_store and its thread.

#pragma once

#include "config/config.hpp"
#include "config/error.hpp"
#include "registry/scanned_rows.hpp"

#include <set>
#include <span>
#include <string>
#include <vector>

#include <pqxx/pqxx>

namespace farshore {

class scan_table {
public:
  explicit scan_table(pqxx::connection_base& db) : db_{db} {}

  /// Makes the tables of the scanned ones among the types, where they are not there yet.
  result<void> make(std::span<const replicable_type> types);

  /// Rows with `after` < path < `until`, at most `limit`.
  result<scanned_page> page(const std::string& type, const std::string& after,
                            const std::string& until, std::size_t limit);
  /// In the order asked.
  result<std::vector<scanned_place>> places(const std::string& type,
                                            std::span<const std::string> paths);
  /// All of it in one transaction. Idempotent: a path that has a row by now is not created again.
  result<void> apply(const std::string& type, const scan_differences& differences);

private:
  pqxx::connection_base& db_;
  std::set<std::string> made_;
};

} // namespace farshore
