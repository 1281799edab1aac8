// The registry in memory: what the simulation and the actors' tests run on, and, by its plain code
// over plain maps, the readable form of what `pg_store` says in SQL.
//
// Deterministic: no clock but the injected one, ordered containers only. The tables outlive the
// store that works on them, as a database outlives its client: what was not committed when a store
// was thrown away never happened.

#pragma once

#include "config/clock.hpp"
#include "registry/claim_table.hpp"
#include "registry/registry_row.hpp"
#include "registry/store.hpp"
#include "registry/walk_rules.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace farshore {

/// What is committed.
struct memory_tables {
  struct type_entry {
    store_type declared;
    bool is_declared = false;
    bool paused = false;
    backfill_state backfill;
    std::map<record_id, suspicion> suspects;
    /// A resync of all is under way for records behind `resync_after`, up to `resync_upto`.
    bool resyncing = false;
    record_id resync_after = 0;
    record_id resync_upto = 0;
    /// The latest that was told.
    std::optional<wall_time> recovery_point;
    std::optional<wall_time> verified_point = {};
    /// The primary checksums the type.
    bool verifies = true;
    /// The walk at rest goes on behind it.
    record_id walked_at_rest = record_id_before_all;
    /// A reverify of all is under way for records behind `reverify_after`, up to this one.
    std::optional<record_id> reverify_upto = {};
    record_id reverify_after = 0;
    std::uint64_t reverify_order = 1;
  };

  cursor_state cursor;
  std::map<std::string, type_entry> types;
  std::map<std::string, std::map<record_id, registry_row>> rows;
  std::map<std::string, known_store> stores;
  claim_token last_token = 0;
};

class memory_store final : public registry_store {
public:
  /// Finds what an earlier store on these tables had started due again. `time` must outlive it.
  memory_store(std::shared_ptr<memory_tables> tables, const time_source& time,
               std::chrono::milliseconds lease);

  result<void> begin() override;
  result<void> commit() override;
  result<void> declare_types(std::span<const store_type> types) override;
  [[nodiscard]] result<cursor_state> cursor() override { return work_.cursor; }
  [[nodiscard]] result<std::vector<backfill_state>> backfills() override;
  result<epoch_number> start_epoch(const std::string& identity,
                                   const event_position& place) override;
  result<void> skip_to(const event_position& place) override;
  result<void> set_scope(const scope_digest& scope) override;
  result<applied> apply_events(const events_page& page) override;
  result<applied> apply_catalogue(const catalogue_page& page) override;
  result<std::vector<record_id>> suspects(const std::string& type, std::size_t limit) override;
  result<applied> apply_records(const records_page& page) override;
  [[nodiscard]] result<held_digests> digests(const held_request& asked) override;
  [[nodiscard]] result<std::vector<registry_row>> rows_in(const std::string& type,
                                                          std::span<const record_range> ranges,
                                                          std::size_t limit) override;
  [[nodiscard]] result<std::vector<bool>> named(const std::string& store,
                                                std::span<const std::string> locators) override;
  result<applied> apply_compared(const compared_ranges& compared) override;
  result<std::size_t> approve(const std::string& type) override;
  result<claimed> claim_due(const std::string& type, std::size_t limit, claim_scope scope) override;
  result<std::vector<bool>> finish(std::span<const outcome> outcomes) override;
  result<std::vector<claim_token>> renew(std::span<const claim_token> tokens) override;
  result<std::size_t> resync(const std::string& type, const record_selection& which) override;
  result<bool> continue_resync(std::size_t rows) override;
  result<void> end_resync(const std::string& type) override;
  result<verification_round> claim_verifications(const verification_request& what) override;
  result<std::size_t> finish_verifications(std::span<const verification_outcome> found) override;
  result<std::size_t> reverify(const std::string& type, const record_selection& which) override;
  result<void> end_reverify(const std::string& type) override;
  result<void> set_paused(const std::string& type, bool paused) override;
  [[nodiscard]] result<std::vector<std::string>> paused_types() override;
  [[nodiscard]] result<orders_of_all> orders() override;
  result<void> note_horizon(std::uint64_t covered_xid, std::optional<wall_time> horizon) override;
  [[nodiscard]] result<store_standing> standing_of(const std::string& store) override;
  result<void> note_store(const known_store& store) override;
  result<void> distrust_store(const std::string& store, store_verdict why) override;
  [[nodiscard]] result<registry_counts> counts(const std::string& type) override;
  [[nodiscard]] result<std::vector<recovery_point>> recovery_points() override;

private:
  using type_entry = memory_tables::type_entry;

  [[nodiscard]] wall_time now() const;
  /// Notes that the row is about to be changed, made or erased.
  void touch(const std::string& type, record_id record) { touched_.emplace(type, record); }
  /// An event told of the record: nothing of it is held any more.
  static void release(type_entry& entry, record_id record);
  /// The walk's next step, once its last suspect was asked for.
  void conclude_walk(const std::string& type, type_entry& entry);
  void resync_row(const std::string& type, registry_row& row, wall_time now);
  /// Goes on with the reverify of all that is under way.
  void claim_of_all(memory_tables::type_entry& entry, const verification_request& what,
                    verification_round& got);
  void reverify_row(const std::string& type, registry_row& row, wall_time now);
  void note_verifies(const std::string& type, type_entry& entry, bool verifies);
  void distrust(const std::string& type, type_entry& entry);
  void end_claim(const live_claim& of, const outcome& how, wall_time now);
  /// Another wanted row of a type with this store has that locator.
  [[nodiscard]] bool is_wanted_elsewhere(const std::string& store, const std::string& locator,
                                         const replicable_id& than) const;

  std::shared_ptr<memory_tables> tables_;
  const time_source& time_;
  claim_table claims_;
  /// The tables as this store sees them.
  memory_tables work_;
  /// Stores in which something was placed or removed since they were last noted.
  std::set<std::string> worked_;
  /// Rows in which `work_` and `tables_` differ.
  std::set<std::pair<std::string, record_id>> touched_;
};

} // namespace farshore
