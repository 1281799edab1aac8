// The primary of a simulation: an application's rows in transactions that commit out of order, its
// files, and the log, as the real database would show them. One thread; no clock; no randomness but
// the tokens.

#pragma once

#include "config/clock.hpp"
#include "registry/records.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace farshore::simulation {

struct sim_row {
  /// Plain bytes (they need no encoding in a simulation).
  std::string locator;
  /// The column that types select by.
  int project = 0;
};
/// Whether a site with that scope wants the row.
bool in_scope(const site_scope& scope, const sim_row& row);

class sim_primary {
public:
  using key = std::pair<std::string, record_id>;

  explicit sim_primary(std::uint64_t seed) : random_{seed} {}

  // -- the application -------------------------------------------------------------------------

  /// Begins a transaction; it has its id from now on, as one that has written before.
  std::uint64_t begin();
  /// The row, as the last commit left it.
  [[nodiscard]] const sim_row* row(const key& which) const;
  /// Some open transaction has changed the row.
  [[nodiscard]] bool locked(const key& which) const { return locks_.contains(which); }
  void put(std::uint64_t xid, const key& which, sim_row row);
  void erase(std::uint64_t xid, const key& which);
  void commit(std::uint64_t xid);
  void rollback(std::uint64_t xid);
  /// Rows come and go that no event tells of: a restored dump, a detached partition.
  void appear(const key& which, sim_row row) { rows_[which] = std::move(row); }
  void vanish(const key& which) { rows_.erase(which); }
  [[nodiscard]] const std::map<key, sim_row>& rows() const { return rows_; }
  [[nodiscard]] std::vector<std::uint64_t> open() const;

  /// Files by locator; all types of the simulation share one store.
  std::map<std::string, std::string> files;

  // -- what the primary node does --------------------------------------------------------------

  /// Takes the log, as far as it is visible, into the state table.
  void fold();
  /// Hashes what has no checksum yet; an event tells of each.
  void checksum_all();
  /// The database is put back to an earlier state, or replaced: another identity, no log.
  void restore() { ++incarnation_, log_.clear(), revisions_.clear(), sums_.clear(), folded_ = {}; }

  [[nodiscard]] result<events_page> events(const event_position& after, std::size_t limit,
                                           const site_scope& scope) const;
  /// `limit` rows, in scope or not.
  [[nodiscard]] result<catalogue_page> catalogue(const std::string& type, record_id after,
                                                 std::size_t limit, const site_scope& scope) const;
  [[nodiscard]] records_page records(const std::string& type, const std::vector<record_id>& asked,
                                     const site_scope& scope) const;
  [[nodiscard]] primary_position position() const;

  std::vector<std::string> types;

private:
  struct event {
    event_position place;
    key which;
    operation op;
  };
  struct change {
    event what;
    std::optional<sim_row> row;
  };

  [[nodiscard]] catalogue_row listed(const key& which, const sim_row& row) const;
  void note(std::uint64_t xid, const key& which, operation op, std::optional<sim_row> row);
  [[nodiscard]] bool untold_of(const key& which) const;
  [[nodiscard]] std::optional<checksum> sum_of(const key& which) const;
  [[nodiscard]] revision revision_of(const key& which) const;
  [[nodiscard]] std::uint64_t xmin() const;
  [[nodiscard]] std::vector<event> visible() const;

  random_source random_;
  std::uint64_t next_xid_ = 100;
  std::int64_t next_id_ = 1;
  int incarnation_ = 1;
  std::map<std::uint64_t, std::vector<change>> open_;
  std::map<key, std::uint64_t> locks_;
  std::map<key, sim_row> rows_;
  /// In commit order, as heap order would be.
  std::vector<event> log_;
  std::map<key, revision> revisions_;
  /// Of what is there at that revision.
  std::map<key, checksum> sums_;
  event_position folded_;
};

} // namespace farshore::simulation
