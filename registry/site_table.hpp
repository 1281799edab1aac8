// The sites that read a primary's log: table farshore.site, and a copy of it in memory, which is
// right because there is one writer. Belongs to primary_store and its thread.

#pragma once

#include "config/error.hpp"
#include "registry/site_standing.hpp"

#include <span>
#include <string>
#include <vector>

#include <pqxx/pqxx>

namespace farshore {

class site_table {
public:
  struct entry {
    site_note last;
    wall_time first_seen;
  };

  explicit site_table(pqxx::connection_base& db) : db_{db} {}

  /// Reads the table. Once, before anything else.
  result<void> prepare();

  /// See primary_store::note_sites.
  result<std::vector<std::string>> note(std::span<const site_note> notes);
  /// False: it was not there.
  result<bool> forget(const std::string& name);

  /// By name.
  [[nodiscard]] const std::vector<entry>& rows() const { return rows_; }

private:
  pqxx::connection_base& db_;
  std::vector<entry> rows_;
};

} // namespace farshore
