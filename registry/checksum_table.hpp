// Claims and results of the primary's verification, in the state table. Belongs to primary_store
// and its thread, which is the only writer of that table.
//
// A result counts only where the record is still what it was when it was claimed. Where the pair of
// revision and checksum is new, an event says so, in the same statement: its id is drawn while the
// model's row is locked against changes, since an id above that of a change which nobody sees yet
// would make that change look old. The revision rises with it, so that whoever is served the event
// is served the checksum. A row that the application holds is not waited for.

#pragma once

#include "config/error.hpp"
#include "registry/checksum_work.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <pqxx/pqxx>

namespace farshore {

class checksum_table {
public:
  explicit checksum_table(pqxx::connection_base& db) : db_{db} {}

  /// Once, before anything else.
  result<void> prepare();

  /// See primary_store.
  result<std::vector<checksum_claim>> claim(const checksum_request& asked);
  result<std::size_t> finish(const checksum_report& report);
  result<void> release(const checksum_release& what);

private:
  pqxx::connection_base& db_;
};

} // namespace farshore
