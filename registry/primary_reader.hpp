// What the primary serves to its secondaries out of the database: events joined with the row as it
// is now, catalogue pages, locators. Read-only transactions on a connection of its own (SQL of the
// declaration runs here, as the node's database user, never in triggers). One object per thread;
// calls block.

#pragma once

#include "config/config.hpp"
#include "config/scope.hpp"
#include "registry/records.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace farshore {

/// Snapshot bounds, for the horizon (promise 12).
struct snapshot_bounds {
  std::uint64_t xmin = 0;
  std::uint64_t xmax = 0;
};

/// Where a record's resource lies, by the row as it is now.
struct resolved_record {
  record_id record = 0;
  bool present = false;
  /// Encoded.
  std::string locator;
  std::optional<checksum> sum;
};

class primary_reader {
public:
  virtual ~primary_reader() = default;

  static result<std::unique_ptr<primary_reader>> open(const std::string& url);

  /// The declarations to join with; call again after a reload.
  virtual void declare(std::span<const replicable_type> types) = 0;

  /// Events behind `after` and below the snapshot's xmin, in (xid, id) order, at most `limit` log
  /// rows; of a record only its highest id. Everything in one snapshot. `after` all zero: the log's
  /// beginning. A row whose own data make an expression of the declaration's fail is present with
  /// an empty locator. The page ends before an event that can't be served yet (its key has no
  /// record id, its table is locked); where that is the first one `more` is false: nothing is won
  /// by asking at once. Fails with ec::position_unknown when the row of `after` is not in the log
  /// with that token; with ec::log_trimmed when the log was trimmed past it. (horizon and waiting
  /// texts are not filled in here; `types` carries name, generation and count.) Of a record outside
  /// of the scope nothing is told but its id; under a scope no key of what is gone, either.
  virtual result<events_page> events(const event_position& after, std::size_t limit,
                                     const site_scope& scope = {}) = 0;

  /// Available records in scope with an id above `after`; `limit` rows of the table at most, in
  /// scope or not. Fails with ec::type_waiting or ec::not_found.
  virtual result<catalogue_page> catalogue(const std::string& type, record_id after,
                                           std::size_t limit, const site_scope& scope = {}) = 0;

  /// Those of the records, in ascending order, that are there and available, as the catalogue names
  /// them, or, out of scope, by their ids. Fails as catalogue() does.
  virtual result<records_page> look_up(const std::string& type, std::span<const record_id> records,
                                       const site_scope& scope = {}) = 0;

  /// The rows' present locators, in the order asked. What is out of scope is not present.
  virtual result<std::vector<resolved_record>> resolve(const std::string& type,
                                                       std::span<const record_id> records,
                                                       const site_scope& scope = {}) = 0;

  /// The key of the available record whose resource lies at the (encoded) locator; of several, one;
  /// nothing where there is none. One look where the table has an index on the locator's
  /// expression (a scanned type's has), else one pass over the whole of it. Fails as catalogue()
  /// does.
  virtual result<std::optional<std::string>> key_at(const std::string& type,
                                                    const std::string& locator) = 0;

  /// Up to where the state table contains the log: from here a new reader begins. What the
  /// catalogue does not contain lies behind this place; behind any later one it would be lost
  /// where the fold has not come to it yet.
  virtual result<event_position> folded_place() = 0;
  /// The place of the newest event below xmin, or all zero on an empty log: who stands elsewhere
  /// has something to read.
  virtual result<event_position> newest_place() = 0;
  virtual result<snapshot_bounds> bounds() = 0;
  /// "<system identifier>-<timeline>-<database oid>-<number in farshore's own schema>".
  virtual result<std::string> identity() = 0;
  /// The oldest transaction that holds xmin back and is older than `age`, if any.
  virtual result<std::optional<horizon_blocker>> blocker(std::chrono::seconds age) = 0;
};

} // namespace farshore
