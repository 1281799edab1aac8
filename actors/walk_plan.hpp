// Which type's walk through the catalogue goes on next, and with what: the plan that the log cursor
// follows. A plain object; no clock, no actors.

#pragma once

#include "registry/records.hpp"
#include "registry/store.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace farshore {

struct walk_step {
  enum class kind {
    /// Nothing to do, or nothing before the log has been read further.
    none,
    /// Read the catalogue's page behind `after`.
    page,
    /// Compare digests with the primary's: what is equal is not read.
    compare,
    /// Ask where the primary stands: the log must be read as far before suspects are asked for.
    position,
    /// Ask again for suspects, by id.
    suspects,
  };
  kind what = kind::none;
  std::string type;
  std::int64_t generation = 0;
  record_id after = record_id_before_all;
};

class walk_plan {
public:
  /// These types are wanted here. One that was not wanted before is compared anew: what happened to
  /// it meanwhile may have been missed.
  void want(std::vector<std::string> types);
  [[nodiscard]] const std::vector<std::string>& wanted() const { return wanted_; }
  [[nodiscard]] bool wants(const std::string& type) const;

  /// Every walk, as the registry has it.
  void know(std::vector<backfill_state> walks);
  /// One walk, as the registry has committed it.
  void know(const backfill_state& walk);
  [[nodiscard]] const std::vector<backfill_state>& walks() const { return walks_; }
  [[nodiscard]] const backfill_state* find(const std::string& type) const;

  /// Every wanted type that the registry knows was walked through.
  [[nodiscard]] bool all_complete() const;

  /// Begins another walk of the type, after the one that is under way.
  void recheck(const std::string& type) {
    rechecks_.insert(type);
    ordered_.erase(type); // now it has to be
  }
  /// The same, because a person wants it: forget() may take that back, as long as nothing else asks
  /// for it.
  void order(const std::string& type) {
    const bool under_way = comparing_.contains(type) && !ordered_.contains(type);
    if (rechecks_.insert(type).second && !under_way)
      ordered_.insert(type);
  }
  /// Takes an order back. False where there is none, or where its pages are being read already.
  bool forget(const std::string& type);
  /// A comparison begins: it is the walk that recheck() asked for.
  void comparing(const std::string& type) {
    rechecks_.erase(type);
    comparing_.insert(type);
  }
  /// It is about to be applied.
  void compared(const std::string& type) {
    comparing_.erase(type);
    if (!rechecks_.contains(type))
      ordered_.erase(type);
  }
  /// Instead of a comparison the catalogue is read, since digests can't be had, or would not help.
  void read_pages(const std::string& type) {
    compared(type);
    recheck(type);
    by_pages_.insert(type);
  }
  /// A first page is about to be applied: this is the walk that recheck() asked for.
  void begun(const std::string& type) {
    rechecks_.erase(type);
    by_pages_.erase(type);
    ordered_.erase(type);
  }
  /// Since the walk's last page the primary stood at that transaction.
  void stands(const std::string& type, std::uint64_t mark_xid) { marks_[type] = mark_xid; }

  /// The next step. `types` as the primary names them; all transactions below `covered_xid` are
  /// applied.
  [[nodiscard]] walk_step next(std::span<const type_status> types, std::uint64_t covered_xid) const;

private:
  [[nodiscard]] walk_step next_of(const type_status& type, std::uint64_t covered_xid) const;

  std::vector<std::string> wanted_;
  bool told_ = false;
  std::vector<backfill_state> walks_;
  std::set<std::string> rechecks_;
  std::set<std::string> ordered_;
  std::set<std::string> by_pages_;
  std::set<std::string> comparing_;
  std::map<std::string, std::uint64_t> marks_;
};

} // namespace farshore
