// What is kept of a primary's event log: what its slowest reader has not read yet, and never more
// than the retention allows. Belongs to primary_store and its thread.
// (docs/decisions/0012-trimming-and-sites.md)

#pragma once

#include "config/config.hpp"
#include "config/error.hpp"
#include "registry/horizon.hpp"
#include "registry/log_samples.hpp"
#include "registry/site_table.hpp"

#include <cstddef>
#include <span>
#include <vector>

#include <pqxx/pqxx>

namespace farshore {

class log_trim {
public:
  explicit log_trim(pqxx::connection_base& db) : db_{db} {}

  /// Reads what is known; `folded` is the primary's own place. Once, before anything else.
  result<void> prepare(const event_position& folded);

  /// Notes where the log stands, each second or so: in the table once a minute (more often where
  /// the retention is short). `more` was folded since the last call.
  result<void> observe(wall_time now, const event_position& folded, const log_weight& more,
                       const log_retention& keep);

  /// Removes up to `limit` events that nobody needs, or that are beyond the retention.
  result<trimmed_slice> trim(wall_time now, const log_retention& keep,
                             std::span<const site_table::entry> sites, std::size_t limit);

  /// How far each site is behind.
  result<std::vector<site_standing>> standing(wall_time now,
                                              std::span<const site_table::entry> sites);

private:
  struct behind {
    std::int64_t events = 0;
    /// The transaction of the first of them; 0 where there is none.
    std::uint64_t first_xid = 0;
  };

  /// For each site, what it has not read. Throws what libpqxx throws.
  std::vector<behind> count_behind(std::span<const site_table::entry> sites);
  /// What lies before this place may go.
  [[nodiscard]] event_position bound(wall_time now, const log_retention& keep,
                                     std::span<const site_table::entry> sites) const;
  [[nodiscard]] bool is_gone(const event_position& place) const;

  pqxx::connection_base& db_;
  log_samples samples_;
  /// Folded since the newest sample.
  log_weight open_;
  /// The highest place that is gone; all zero: nothing is.
  event_position trimmed_;
  /// Transactions by time: finer than the samples, but only since the node started.
  horizon_samples clock_;
};

} // namespace farshore
