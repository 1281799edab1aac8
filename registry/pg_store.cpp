#include "registry/pg_store.hpp"

#include "registry/claim_round.hpp"
#include "registry/database.hpp"
#include "registry/held_rows.hpp"
#include "registry/migrations.hpp"
#include "registry/registry_rows.hpp"
#include "registry/row_rules.hpp"
#include "registry/store_rows.hpp"
#include "registry/suspect_rows.hpp"
#include "registry/verification_rows.hpp"
#include "registry/walk_rules.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <map>
#include <set>

namespace farshore {

namespace {

constexpr auto load_cursor_sql = R"(
  SELECT epoch, identity, xid::text AS xid, id, token, covered_xid::text AS covered_xid,
         farshore.microseconds(horizon) AS horizon_us, scope
  FROM farshore.log_cursor
)";

constexpr auto save_cursor = "save cursor";
constexpr auto save_cursor_sql = R"(
  UPDATE farshore.log_cursor SET
    epoch = $1, identity = $2, xid = $3::xid8, id = $4, token = $5, covered_xid = $6::xid8,
    horizon = farshore.at($7), scope = $8
)";

constexpr auto load_types_sql = R"(
  SELECT id, name, plural, store, enabled, declared, paused, generation, backfill_after,
         backfill_complete, resync_after, resync_upto,
         farshore.microseconds(recovery_point) AS recovery_us, walk_stage, walk_seen,
         found_missing, found_gone, held, farshore.microseconds(walk_ended_at) AS walk_ended_us,
         verifies, walked_at_rest, reverify_after, reverify_upto,
         farshore.microseconds(verified_point) AS verified_point_us
  FROM farshore.replicable_type
)";

constexpr auto save_type = "save type";
constexpr auto save_type_sql = R"(
  UPDATE farshore.replicable_type SET
    plural = $2, store = $3, enabled = $4, declared = $5, paused = $6, generation = $7,
    backfill_after = $8, backfill_complete = $9, resync_after = $10, resync_upto = $11,
    recovery_point = farshore.at($12), walk_stage = $13, walk_seen = $14, found_missing = $15,
    found_gone = $16, held = $17, walk_ended_at = farshore.at($18), verifies = $19,
    walked_at_rest = $20, reverify_after = $21, reverify_upto = $22,
    verified_point = farshore.at($23)
  WHERE id = $1
)";

constexpr auto make_type = "make type";
constexpr auto make_type_sql = R"(
  INSERT INTO farshore.replicable_type (name, plural, store, enabled, declared)
  VALUES ($1, '', '', false, false) RETURNING id
)";

constexpr auto read_counts = "registry counts";
constexpr auto read_counts_sql = R"(
  SELECT registry, pending, started, synced, failed, missing_on_primary, removing, never_synced,
         verified, verification_pending, verification_disabled, marked, verification_failed,
         never_verified
  FROM farshore.registry_counts WHERE type_id = $1::integer
)";

/// A row of `replicable_type`.
struct type_entry {
  type_number number = 0;
  store_type declared;
  bool is_declared = false;
  bool paused = false;
  backfill_state backfill;
  record_id resync_after = 0;
  std::optional<record_id> resync_upto;
  std::optional<wall_time> recovery_point;
  /// The primary checksums the type.
  bool verifies = true;
  /// The walk at rest goes on behind it.
  record_id walked_at_rest = record_id_before_all;
  record_id reverify_after = 0;
  std::optional<record_id> reverify_upto;
  /// Of this process: so that what is told of an earlier reverify of all does not count.
  std::uint64_t reverify_order = 1;
  std::optional<wall_time> verified_point;
};

/// How much of the queue one claim looks through when many of its records share their places.
constexpr std::size_t window_factor_max = 64;

class registry_database final : public registry_store {
public:
  registry_database(std::unique_ptr<pqxx::connection> db, const time_source& time,
                    std::chrono::milliseconds lease)
      : db_{std::move(db)}, time_{time}, claims_{lease} {}

  /// Makes sure that it is the only one, then loads what is small.
  result<void> start();

  result<void> begin() override;
  result<void> commit() override;
  result<void> declare_types(std::span<const store_type> types) override;
  [[nodiscard]] result<cursor_state> cursor() override { return cursor_; }
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
  /// The transaction between begin() and commit().
  pqxx::work& tx() {
    assert(tx_);
    return *tx_;
  }
  [[nodiscard]] wall_time now() const { return stored_time(time_.wall()); }
  void load();
  void make_partition(type_entry& entry);
  void save(const type_entry& entry);
  void note_verifies(type_entry& entry, bool verifies);
  void distrust(type_entry& entry);
  void save_position();
  void advance_horizon(std::uint64_t covered_xid, std::optional<wall_time> horizon);
  registry_counts read_counts_of(const type_entry& entry);
  /// Goes on with the reverify of all that is under way.
  void claim_of_all(type_entry& entry, const verification_request& what, verification_round& got);
  /// The walk's next step, once its last suspect was asked for.
  void conclude_walk(type_entry& entry);
  void look_through_queue(const type_entry& entry, claim_round& round, std::size_t limit,
                          claim_scope scope, std::vector<claim>& granted,
                          std::vector<registry_row>& rows);
  void find_removals(const type_entry& entry, std::span<claim> granted,
                     std::span<const registry_row> rows);
  void write_ended(const std::string& type, outcome::kind kind, std::span<const ended_claim> ended);

  std::unique_ptr<pqxx::connection> db_;
  const time_source& time_;
  claim_table claims_;
  std::unique_ptr<pqxx::work> tx_;
  // This connection is the only writer, so what is small and often asked for is kept here; a store
  // whose batch failed is thrown away, and these with it.
  cursor_state cursor_;
  std::map<std::string, type_entry> types_;
  std::map<std::string, known_store> stores_;
  /// Stores in which something was placed or removed since they were last noted.
  std::set<std::string> worked_;
  /// Types whose recovery point was told since it was last saved.
  std::set<std::string> told_;
};

tl::unexpected<error> unknown_type(const std::string& type) {
  return fail(ec::not_found, "the registry knows no type \"" + type + "\"");
}

result<void> registry_database::start() {
  auto locked = be_the_only_node(*db_, claims_.lease());
  if (!locked)
    return locked;
  if (auto migrated = migrate(*db_, secondary_migrations()); !migrated)
    return migrated;
  return guarded("load registry", [&] { load(); });
}

void registry_database::load() {
  prepare_registry_statements(*db_);
  db_->prepare(save_cursor, save_cursor_sql);
  db_->prepare(save_type, save_type_sql);
  db_->prepare(make_type, make_type_sql);
  db_->prepare(read_counts, read_counts_sql);
  prepare_store_statements(*db_);

  pqxx::work first{*db_};
  reset_started(first);
  const auto cursor = first.exec1(load_cursor_sql);
  cursor_.epoch = cursor["epoch"].as<epoch_number>();
  cursor_.identity = cursor["identity"].as<std::string>();
  cursor_.place.xid = cursor["xid"].as<std::uint64_t>();
  cursor_.place.id = cursor["id"].as<std::int64_t>();
  cursor_.place.token = cursor["token"].as<std::int32_t>();
  cursor_.covered_xid = cursor["covered_xid"].as<std::uint64_t>();
  cursor_.horizon = time_of(cursor["horizon_us"]);
  cursor_.scope = cursor["scope"].as<std::string>();
  for (const auto& row : first.exec(load_types_sql)) {
    const auto name = row["name"].as<std::string>();
    auto& entry = types_[name];
    entry.number = row["id"].as<type_number>();
    prepare_registry_statements(*db_, entry.number, name);
    entry.declared = {name, row["plural"].as<std::string>(), row["store"].as<std::string>(),
                      row["enabled"].as<bool>()};
    entry.is_declared = row["declared"].as<bool>();
    entry.paused = row["paused"].as<bool>();
    entry.backfill = {name,
                      row["generation"].as<std::int64_t>(),
                      row["backfill_after"].as<record_id>(),
                      row["backfill_complete"].as<bool>(),
                      static_cast<walk_stage>(row["walk_stage"].as<int>()),
                      row["walk_seen"].as<std::int64_t>(),
                      row["found_missing"].as<std::int64_t>(),
                      row["found_gone"].as<std::int64_t>(),
                      row["held"].as<std::int64_t>(),
                      time_of(row["walk_ended_us"])};
    entry.resync_after = row["resync_after"].as<record_id>(0);
    if (!row["resync_upto"].is_null())
      entry.resync_upto = row["resync_upto"].as<record_id>();
    entry.recovery_point = time_of(row["recovery_us"]);
    entry.verifies = row["verifies"].as<bool>();
    entry.walked_at_rest = row["walked_at_rest"].as<record_id>();
    entry.reverify_after = row["reverify_after"].as<record_id>(0);
    entry.reverify_upto = optional_of<record_id>(row["reverify_upto"]);
    entry.verified_point = time_of(row["verified_point_us"]);
  }
  stores_ = read_stores(first);
  first.commit();
}

result<void> registry_database::begin() {
  claims_.expire(time_.now());
  return guarded("begin", [&] { tx_ = std::make_unique<pqxx::work>(*db_); });
}

result<void> registry_database::commit() {
  return guarded("commit", [&] {
    tx().commit();
    tx_.reset();
  });
}

// -- types and cursor ----------------------------------------------------------------------------

void registry_database::make_partition(type_entry& entry) {
  const auto& name = entry.declared.name;
  entry.number = tx().exec_prepared1(make_type, name).front().as<type_number>();
  tx().exec_params("SELECT farshore.make_partition($1, $2)", partition_of(name), entry.number);
  prepare_registry_statements(*db_, entry.number, name);
}

void registry_database::save(const type_entry& entry) {
  const auto& [name, plural, store, enabled] = entry.declared;
  const auto& walk = entry.backfill;
  tx().exec_prepared0(save_type, entry.number, plural, store, enabled, entry.is_declared,
                      entry.paused, walk.generation, walk.after, walk.complete, entry.resync_after,
                      entry.resync_upto, to_microseconds(entry.recovery_point),
                      static_cast<int>(walk.stage), walk.seen, walk.found_missing, walk.found_gone,
                      walk.held, to_microseconds(walk.ended_at), entry.verifies,
                      entry.walked_at_rest, entry.reverify_after, entry.reverify_upto,
                      to_microseconds(entry.verified_point));
  told_.erase(name);
}

result<void> registry_database::declare_types(std::span<const store_type> types) {
  return guarded("declare types", [&] {
    for (auto& [_, entry] : types_)
      entry.is_declared = false;
    for (const auto& type : types) {
      auto& entry = types_[type.name];
      const bool is_new = entry.number == 0;
      const auto former = std::exchange(entry.declared, type).store;
      entry.is_declared = true;
      entry.backfill.type = type.name;
      if (is_new)
        make_partition(entry);
      else if (former != type.store)
        distrust(entry);
    }
    for (const auto& [_, entry] : types_)
      save(entry);
  });
}

// -- stores --------------------------------------------------------------------------------------

result<store_standing> registry_database::standing_of(const std::string& store) {
  return guarded("standing of a store", [&] {
    store_standing found;
    const auto known = stores_.find(store);
    found.known.path = store;
    if (known != stores_.end())
      found.known = known->second;
    found.worked = worked_.contains(store);
    for (const auto& [_, entry] : types_)
      found.has_rows |= entry.declared.store == store && read_counts_of(entry).registry > 0;
    return found;
  });
}

result<void> registry_database::note_store(const known_store& store) {
  return guarded("note store", [&] {
    write_store(tx(), store);
    stores_[store.path] = store;
    worked_.erase(store.path);
  });
}

void registry_database::distrust(type_entry& entry) {
  write_distrust(tx(), entry.number, now());
  entry.recovery_point.reset();
  entry.verified_point.reset();
  save(entry);
  claims_.void_type(entry.declared.name);
}

result<void> registry_database::distrust_store(const std::string& store, store_verdict why) {
  return guarded("distrust store", [&] {
    for (auto& [_, entry] : types_)
      if (entry.declared.store == store)
        distrust(entry);
    auto& known = stores_[store];
    known.path = store;
    known.mark = {};
    known.pending = false;
    known.noticed = to_string(why);
    known.noticed_at = now();
    write_store(tx(), known);
  });
}

// -- cursor --------------------------------------------------------------------------------------

void registry_database::save_position() {
  const auto& place = cursor_.place;
  tx().exec_prepared0(save_cursor, cursor_.epoch, cursor_.identity, std::to_string(place.xid),
                      place.id, place.token, std::to_string(cursor_.covered_xid),
                      to_microseconds(cursor_.horizon), cursor_.scope);
  for (const auto& type : std::set{told_})
    save(types_.at(type));
}

void registry_database::advance_horizon(std::uint64_t covered_xid,
                                        std::optional<wall_time> horizon) {
  cursor_.covered_xid = std::max(cursor_.covered_xid, covered_xid);
  if (horizon)
    cursor_.horizon = std::max(cursor_.horizon.value_or(since_unknown), stored_time(*horizon));
}

result<void> registry_database::note_horizon(std::uint64_t covered_xid,
                                             std::optional<wall_time> horizon) {
  return guarded("note horizon", [&] {
    advance_horizon(covered_xid, horizon);
    save_position();
  });
}

result<std::vector<backfill_state>> registry_database::backfills() {
  std::vector<backfill_state> all;
  for (const auto& [_, entry] : types_)
    all.push_back(entry.backfill);
  return all;
}

result<epoch_number> registry_database::start_epoch(const std::string& identity,
                                                    const event_position& place) {
  return guarded("start epoch", [&] {
    cursor_ = {cursor_.epoch + 1, identity, place, 0, {}, cursor_.scope};
    save_position();
    for (auto& [name, entry] : types_) {
      entry.backfill = {.type = name};
      entry.resync_upto.reset();
      entry.reverify_upto.reset();
      entry.recovery_point.reset();
      entry.verified_point.reset();
      save(entry);
    }
    write_epoch(tx(), now());
    forget_suspects(tx());
    claims_.void_all();
    return cursor_.epoch;
  });
}

result<void> registry_database::skip_to(const event_position& place) {
  return guarded("skip the log", [&] {
    cursor_.place = place;
    save_position();
    for (auto& [_, entry] : types_) {
      start_over(entry.backfill);
      save(entry);
    }
  });
}

result<void> registry_database::set_scope(const scope_digest& scope) {
  return guarded("set the scope", [&] {
    if (std::exchange(cursor_.scope, scope) == scope)
      return;
    save_position();
    for (auto& [_, entry] : types_) {
      start_over(entry.backfill);
      save(entry);
    }
  });
}

// -- pages ---------------------------------------------------------------------------------------

result<applied> registry_database::apply_events(const events_page& page) {
  return guarded("apply events", [&] {
    applied done;
    if (page.scope != cursor_.scope) {
      done.other_scope = true;
      return done;
    }
    std::set<std::string> due;
    const auto since = cursor_.horizon.value_or(since_unknown);
    const auto note = [&](const std::string& type, const page_effect& effect) {
      done.changed += effect.raised + effect.due;
      if (effect.due > 0)
        due.insert(type);
    };
    for (const auto& stands : page.types)
      if (const auto known = types_.find(stands.name); known != types_.end())
        note_verifies(known->second, stands.verifies);
    for (const auto& [type, events] : newest_events(page)) {
      const auto known = types_.find(type);
      if (known == types_.end())
        continue;
      // Before the backfill is through, a record without a row may be older than its event.
      const auto since_of_new =
          known->second.backfill.complete ? std::optional{since} : std::nullopt;
      note(type, write_events(tx(), known->second.number, events, since, since_of_new, now()));
      if (auto& held = known->second.backfill.held; held > 0) {
        held -= static_cast<std::int64_t>(release_held(tx(), known->second.number, events));
        save(known->second);
      }
    }
    for (const auto& [type, id] : truncations(page)) {
      const auto known = types_.find(type);
      if (known == types_.end())
        continue;
      note(type, {0, write_truncation(tx(), known->second.number, id, since)});
      if (std::exchange(known->second.backfill.held, 0) > 0) {
        release_held(tx(), known->second.number);
        save(known->second);
      }
    }
    auto& place = cursor_.place;
    if (std::pair{place.xid, place.id} < std::pair{page.upto.xid, page.upto.id})
      place = page.upto;
    advance_horizon(page.covered_xid, page.horizon);
    save_position();
    done.due_types.assign(due.begin(), due.end());
    return done;
  });
}

result<applied> registry_database::apply_catalogue(const catalogue_page& page) {
  const auto known = types_.find(page.type);
  if (known == types_.end())
    return unknown_type(page.type);
  return guarded("apply catalogue", [&] {
    auto& entry = known->second;
    applied done;
    done.other_scope = page.scope != cursor_.scope;
    if (!done.other_scope && take_page(entry.backfill, page)) {
      const auto rows = catalogue_rows(page.rows);
      if (!entry.backfill.complete && !rows.empty()) {
        const auto effect = write_catalogue(tx(), entry.number, rows, now());
        done.changed = effect.raised + effect.due;
        if (effect.due > 0)
          done.due_types = {page.type};
      }
      suspect_differing(tx(), entry.number, rows);
      suspect_gone(tx(), entry.number, page.after, page_end(page), rows);
      if (page.last && read_suspects(tx(), entry.number, record_id_before_all, 1).empty())
        end_walk(entry.backfill, now());
      save(entry);
    }
    done.walk = entry.backfill;
    return done;
  });
}

result<std::vector<record_id>> registry_database::suspects(const std::string& type,
                                                           std::size_t limit) {
  const auto known = types_.find(type);
  if (known == types_.end())
    return unknown_type(type);
  return guarded("read suspects", [&]() -> std::vector<record_id> {
    const auto& entry = known->second;
    if (entry.backfill.stage != walk_stage::confirming)
      return {};
    return read_suspects(tx(), entry.number, entry.backfill.after, limit);
  });
}

result<applied> registry_database::apply_records(const records_page& page) {
  const auto known = types_.find(page.type);
  if (known == types_.end())
    return unknown_type(page.type);
  return guarded("apply records", [&] {
    auto& entry = known->second;
    auto& walk = entry.backfill;
    applied done;
    done.other_scope = page.scope != cursor_.scope;
    if (!done.other_scope && takes_records(walk, page)) {
      const auto absent = absent_records(page);
      const auto made = write_catalogue(tx(), entry.number, catalogue_rows(page.rows), now(), true);
      const auto gone = write_gone(tx(), entry.number, absent, now());
      settle_suspects(tx(), entry.number, page.asked, absent, page.outside);
      // What a worker holds stays due when it ends, and has to be looked for again.
      for (const auto record : page.asked)
        if (claims_.outdate({page.type, record}))
          done.due_types = {page.type};
      done.changed = made.raised + made.due + gone;
      if (made.due + gone > 0)
        done.due_types = {page.type};
      walk.found_missing += static_cast<std::int64_t>(made.raised + made.due);
      walk.found_gone += static_cast<std::int64_t>(gone);
      if (!page.asked.empty())
        walk.after = page.asked.back();
      if (read_suspects(tx(), entry.number, walk.after, 1).empty())
        conclude_walk(entry);
      save(entry);
    }
    done.walk = walk;
    return done;
  });
}

void registry_database::conclude_walk(type_entry& entry) {
  const auto counts = read_counts_of(entry);
  const auto next = conclude(entry.backfill, count_suspects(tx(), entry.number),
                             counts.registry - counts.removing, now());
  if (next == verdict::hold)
    set_suspicion(tx(), entry.number, suspicion::held);
  if (next == verdict::hold_gone)
    hold_gone(tx(), entry.number);
  if (next == verdict::let_go)
    set_suspicion(tx(), entry.number, suspicion::approved);
}

result<held_digests> registry_database::digests(const held_request& asked) {
  const auto known = types_.find(asked.type);
  if (known == types_.end())
    return unknown_type(asked.type);
  return guarded("digest rows", [&] { return digest_held(tx(), known->second.number, asked); });
}

result<std::vector<registry_row>> registry_database::rows_in(const std::string& type,
                                                             std::span<const record_range> ranges,
                                                             std::size_t limit) {
  const auto known = types_.find(type);
  if (known == types_.end())
    return unknown_type(type);
  return guarded("read rows in ranges",
                 [&] { return read_held(tx(), known->second.number, ranges, limit); });
}

result<std::vector<bool>> registry_database::named(const std::string& store,
                                                   std::span<const std::string> locators) {
  return guarded("look up locators", [&] {
    std::vector<type_number> sharing;
    for (const auto& [_, entry] : types_)
      if (entry.declared.store == store)
        sharing.push_back(entry.number);
    return find_named(tx(), sharing, locators);
  });
}

result<applied> registry_database::apply_compared(const compared_ranges& compared) {
  const auto known = types_.find(compared.type);
  if (known == types_.end())
    return unknown_type(compared.type);
  return guarded("apply a comparison", [&] {
    auto& entry = known->second;
    applied done;
    if (take_comparison(entry.backfill, compared)) {
      suspect_unequal(tx(), entry.number, compared.unequal);
      if (read_suspects(tx(), entry.number, record_id_before_all, 1).empty())
        end_walk(entry.backfill, now());
      save(entry);
    }
    done.walk = entry.backfill;
    return done;
  });
}

result<std::size_t> registry_database::approve(const std::string& type) {
  const auto known = types_.find(type);
  if (known == types_.end())
    return unknown_type(type);
  return guarded("approve", [&] {
    auto& entry = known->second;
    const auto approved = approve_held(tx(), entry.number);
    if (approved > 0) {
      take_approval(entry.backfill);
      save(entry);
    }
    return approved;
  });
}

// -- claims --------------------------------------------------------------------------------------

void registry_database::look_through_queue(const type_entry& entry, claim_round& round,
                                           std::size_t limit, claim_scope scope,
                                           std::vector<claim>& granted,
                                           std::vector<registry_row>& rows) {
  const auto at = now();
  const auto under_claim = claims_.records(entry.declared.name).size();
  const auto window_min = limit + under_claim;
  std::size_t seen = 0;
  // Usually once: more only where records were passed over because of their places.
  for (auto window = window_min; window <= window_min * window_factor_max; window *= 4) {
    auto due = read_due(tx(), entry.number, window, scope, at);
    for (std::size_t i = seen; i < due.size() && round.goes_on(); ++i)
      if (auto one = round.look_at(due[i].row, due[i].token)) {
        granted.push_back(std::move(*one));
        rows.push_back(std::move(due[i].row));
      }
    if (granted.size() == limit)
      return;
    if (due.size() < window) {
      if (scope != claim_scope::all)
        return;
      for (const auto& row : read_waiting(tx(), entry.number, under_claim + 1, at))
        if (round.goes_on())
          round.look_at(row, 0);
      return;
    }
    seen = due.size();
  }
}

void registry_database::find_removals(const type_entry& entry, std::span<claim> granted,
                                      std::span<const registry_row> rows) {
  std::vector<left_place> left;
  std::vector<claim*> leaving;
  for (std::size_t i = 0; i < granted.size(); ++i)
    for (auto& locator : removal_candidates(rows[i])) {
      left.push_back({rows[i].record, std::move(locator)});
      leaving.push_back(&granted[i]);
    }
  if (left.empty())
    return;
  std::vector<type_number> sharing;
  for (const auto& [_, other] : types_)
    if (other.declared.store == entry.declared.store)
      sharing.push_back(other.number);
  const auto wanted = find_wanted_elsewhere(tx(), entry.number, left, sharing);
  for (std::size_t i = 0; i < left.size(); ++i)
    if (!wanted[i])
      leaving[i]->remove.push_back(std::move(left[i].locator));
}

result<claimed> registry_database::claim_due(const std::string& type, std::size_t limit,
                                             claim_scope scope) {
  const auto called = time_.now();
  claims_.expire(called);
  const auto known = types_.find(type);
  if (known == types_.end())
    return unknown_type(type);
  return guarded("claim due", [&] {
    const auto& entry = known->second;
    claimed got;
    got.lease = claims_.lease();
    if (!entry.is_declared || !entry.declared.enabled || entry.paused || limit == 0)
      return got;
    // They may stand anywhere in the queue, and each look goes through all of it.
    if (scope == claim_scope::removals && read_counts_of(entry).removing == 0)
      return got;
    claim_round round{claims_,
                      {type, entry.declared.store, limit, scope, cursor_.epoch, called, now()}};
    std::vector<registry_row> rows;
    look_through_queue(entry, round, limit, scope, got.claims, rows);
    find_removals(entry, got.claims, rows);
    got.passed_over = round.passed_over();
    got.next_due = round.next_due();
    return got;
  });
}

void registry_database::write_ended(const std::string& type, outcome::kind kind,
                                    std::span<const ended_claim> ended) {
  const auto& [number, verifies] = std::pair{types_.at(type).number, types_.at(type).verifies};
  switch (kind) {
  case outcome::kind::synced:
    return write_synced(tx(), number, ended, verifies, now());
  case outcome::kind::removed:
    return write_removed(tx(), number, ended);
  case outcome::kind::failed:
    return write_failed(tx(), number, ended, now());
  case outcome::kind::given_back:
    return write_given_back(tx(), number, ended);
  }
}

result<std::vector<bool>> registry_database::finish(std::span<const outcome> outcomes) {
  return guarded("finish", [&] {
    claims_.expire(time_.now());
    std::vector<bool> counted;
    std::map<std::pair<std::string, outcome::kind>, std::vector<ended_claim>> ended;
    for (const auto& how : outcomes) {
      auto of = claims_.end(how, cursor_.epoch);
      counted.push_back(of.has_value());
      if (of && changes_disk(how))
        worked_.insert(of->store);
      // Given back, and never written as started: the row is as it was.
      if (of && (how.how != outcome::kind::given_back || of->recorded))
        ended[{how.id.type, how.how}].push_back({how, std::move(*of)});
    }
    for (const auto& [key, some] : ended)
      write_ended(key.first, key.second, some);
    return counted;
  });
}

result<std::vector<claim_token>> registry_database::renew(std::span<const claim_token> tokens) {
  return guarded("renew", [&] {
    const auto called = time_.now();
    claims_.expire(called);
    std::vector<claim_token> valid;
    std::map<std::string, std::vector<record_id>> to_record;
    for (const auto token : tokens) {
      auto* renewed = claims_.renew(token, called);
      if (!renewed)
        continue;
      valid.push_back(token);
      if (!std::exchange(renewed->recorded, true))
        to_record[renewed->id.type].push_back(renewed->id.record);
    }
    for (const auto& [type, records] : to_record)
      write_started(tx(), types_.at(type).number, records, now() + claims_.lease());
    return valid;
  });
}

// -- what operators ask for ----------------------------------------------------------------------

result<std::size_t> registry_database::resync(const std::string& type,
                                              const record_selection& which) {
  const auto known = types_.find(type);
  if (known == types_.end())
    return unknown_type(type);
  auto& entry = known->second;
  return guarded("resync", [&]() -> std::size_t {
    switch (which.which) {
    case record_selection::kind::ids:
      for (const auto record : which.ids)
        claims_.outdate({type, record});
      return resync_records(tx(), entry.number, which.ids, now());
    case record_selection::kind::failed: {
      const auto done = resync_failed(tx(), entry.number, claims_.records(type), now());
      for (const auto record : done.claimed)
        claims_.outdate({type, record});
      return done.count;
    }
    case record_selection::kind::all:
      break;
    }
    const auto last = last_record(tx(), entry.number);
    if (!last)
      return 0;
    entry.resync_after = record_id_before_all;
    entry.resync_upto = last;
    save(entry);
    return static_cast<std::size_t>(read_counts_of(entry).registry);
  });
}

result<bool> registry_database::continue_resync(std::size_t rows) {
  const auto is_open = [](const auto& type) { return type.second.resync_upto.has_value(); };
  const auto open = std::ranges::find_if(types_, is_open);
  if (open == types_.end())
    return false;
  return guarded("continue resync", [&] {
    auto& [type, entry] = *open;
    const auto slice =
        resync_slice(tx(), entry.number, entry.resync_after, *entry.resync_upto, rows, now());
    if (slice.last) {
      claims_.outdate(type, entry.resync_after + 1, *slice.last);
      entry.resync_after = *slice.last;
    }
    if (!slice.more)
      entry.resync_upto.reset();
    save(entry);
    return std::ranges::any_of(types_, is_open);
  });
}

// -- verification at rest ------------------------------------------------------------------------

void registry_database::note_verifies(type_entry& entry, bool verifies) {
  if (std::exchange(entry.verifies, verifies) == verifies)
    return;
  write_verifies(tx(), entry.number, verifies, now());
  save(entry);
}

void registry_database::claim_of_all(type_entry& entry, const verification_request& what,
                                     verification_round& got) {
  const bool known = what.all_order == entry.reverify_order;
  if (known)
    entry.reverify_after = std::max(entry.reverify_after, what.all_told);
  if (entry.reverify_after >= *entry.reverify_upto) {
    entry.reverify_upto.reset();
    return save(entry);
  }
  got.all_order = entry.reverify_order;
  got.all_claimed = known ? std::max(what.all_claimed, entry.reverify_after) : entry.reverify_after;
  const auto limit = what.marked_max - got.marked;
  if (limit > 0) {
    auto slice =
        read_range(tx(), entry.number, what.type, got.all_claimed, *entry.reverify_upto, limit);
    got.all_claimed = slice.last;
    got.all_at_end = slice.at_end;
    std::ranges::move(slice.due, std::back_inserter(got.claims));
    if (!slice.damaged.empty())
      reverify_records(tx(), entry.number, slice.damaged, now());
  }
  save(entry);
}

result<verification_round>
registry_database::claim_verifications(const verification_request& what) {
  const auto known = types_.find(what.type);
  if (known == types_.end())
    return unknown_type(what.type);
  return guarded("claim verifications", [&] {
    auto& entry = known->second;
    verification_round got;
    if (!entry.is_declared || !entry.declared.enabled || entry.paused)
      return got;
    got.rows = read_counts_of(entry).registry;
    if (what.marked_max > 0)
      got.claims = read_marked(tx(), entry.number, what.type, what.marked_after, what.marked_max);
    got.marked = got.claims.size();
    if (entry.reverify_upto)
      claim_of_all(entry, what, got);
    if (what.walk_rows > 0) {
      auto walked = read_walk(tx(), entry.number, what.type, entry.walked_at_rest, what.walk_rows,
                              what.recent, now());
      entry.walked_at_rest = walked.last.value_or(record_id_before_all);
      save(entry);
      std::ranges::move(walked.due, std::back_inserter(got.claims));
    }
    for (auto& one : got.claims)
      one.epoch = cursor_.epoch;
    return got;
  });
}

result<std::size_t>
registry_database::finish_verifications(std::span<const verification_outcome> found) {
  return guarded("finish verifications", [&] {
    std::map<std::string,
             std::pair<std::vector<verification_outcome>, std::vector<verification_outcome>>>
        by_type;
    for (const auto& one : found)
      if (one.of.epoch == cursor_.epoch && types_.contains(one.of.id.type)) {
        auto& [right, wrong] = by_type[one.of.id.type];
        (one.damage ? wrong : right).push_back(one);
      }
    std::size_t damaged = 0;
    for (const auto& [type, outcomes] : by_type) {
      const auto number = types_.at(type).number;
      if (!outcomes.first.empty())
        write_verified(tx(), number, outcomes.first, now());
      if (!outcomes.second.empty())
        damaged += write_damaged(tx(), number, outcomes.second, now());
    }
    return damaged;
  });
}

result<std::size_t> registry_database::reverify(const std::string& type,
                                                const record_selection& which) {
  const auto known = types_.find(type);
  if (known == types_.end())
    return unknown_type(type);
  auto& entry = known->second;
  return guarded("reverify", [&]() -> std::size_t {
    if (which.which == record_selection::kind::ids)
      return reverify_records(tx(), entry.number, which.ids, now());
    if (which.which == record_selection::kind::failed)
      return reverify_failed(tx(), entry.number, now());
    const auto last = last_record(tx(), entry.number);
    if (!last)
      return 0;
    entry.reverify_after = record_id_before_all;
    entry.reverify_upto = last;
    ++entry.reverify_order;
    save(entry);
    return static_cast<std::size_t>(read_counts_of(entry).registry);
  });
}

result<void> registry_database::set_paused(const std::string& type, bool paused) {
  if (!type.empty() && !types_.contains(type))
    return unknown_type(type);
  return guarded("set paused", [&] {
    for (auto& [name, entry] : types_)
      if ((type.empty() || name == type) && std::exchange(entry.paused, paused) != paused)
        save(entry);
  });
}

result<void> registry_database::end_resync(const std::string& type) {
  const auto known = types_.find(type);
  if (known == types_.end())
    return unknown_type(type);
  return guarded("end resync", [&] {
    known->second.resync_upto.reset();
    save(known->second);
  });
}

result<void> registry_database::end_reverify(const std::string& type) {
  const auto known = types_.find(type);
  if (known == types_.end())
    return unknown_type(type);
  return guarded("end reverify", [&] {
    known->second.reverify_upto.reset();
    save(known->second);
  });
}

result<std::vector<std::string>> registry_database::paused_types() {
  std::vector<std::string> paused;
  for (const auto& [name, entry] : types_)
    if (entry.paused)
      paused.push_back(name);
  return paused;
}

result<orders_of_all> registry_database::orders() {
  orders_of_all all;
  for (const auto& [name, entry] : types_) {
    if (entry.resync_upto)
      all.resyncs.push_back(name);
    if (entry.reverify_upto)
      all.reverifies.push_back(name);
  }
  return all;
}

registry_counts registry_database::read_counts_of(const type_entry& entry) {
  const auto row = tx().exec_prepared1(read_counts, entry.number);
  registry_counts counts;
  counts.registry = row["registry"].as<std::int64_t>();
  counts.pending = row["pending"].as<std::int64_t>();
  counts.started = row["started"].as<std::int64_t>();
  counts.synced = row["synced"].as<std::int64_t>();
  counts.failed = row["failed"].as<std::int64_t>();
  counts.missing_on_primary = row["missing_on_primary"].as<std::int64_t>();
  counts.removing = row["removing"].as<std::int64_t>();
  counts.never_synced = row["never_synced"].as<std::int64_t>();
  counts.verified = row["verified"].as<std::int64_t>();
  counts.verification_pending = row["verification_pending"].as<std::int64_t>();
  counts.verification_disabled = row["verification_disabled"].as<std::int64_t>();
  counts.marked = row["marked"].as<std::int64_t>();
  counts.verification_failed = row["verification_failed"].as<std::int64_t>();
  counts.never_verified = row["never_verified"].as<std::int64_t>();
  return counts;
}

result<registry_counts> registry_database::counts(const std::string& type) {
  const auto known = types_.find(type);
  if (known == types_.end())
    return unknown_type(type);
  return guarded("counts", [&] { return read_counts_of(known->second); });
}

result<std::vector<recovery_point>> registry_database::recovery_points() {
  return guarded("recovery points", [&] {
    std::vector<recovery_point> points;
    for (auto& [name, entry] : types_) {
      if (!entry.is_declared)
        continue;
      std::optional<wall_time> synced;
      std::optional<wall_time> verified;
      if (cursor_.horizon && entry.backfill.complete) {
        const auto lag = read_lag(tx(), entry.number);
        if (lag.never_synced == 0)
          synced = std::min(*cursor_.horizon, lag.due_since.value_or(*cursor_.horizon));
        if (synced && lag.never_verified == 0)
          verified = std::min(*synced, lag.unverified_since.value_or(*synced));
      }
      const auto before = std::pair{entry.recovery_point, entry.verified_point};
      points.push_back({name, told_recovery_point(entry.recovery_point, synced),
                        told_recovery_point(entry.verified_point, verified)});
      // Kept with the next change: asking for a status should not cost a write.
      if (before != std::pair{entry.recovery_point, entry.verified_point})
        told_.insert(name);
    }
    return points;
  });
}

} // namespace

result<std::unique_ptr<registry_store>>
pg_store::open(const std::string& url, const time_source& time, std::chrono::milliseconds lease) {
  auto db = connect(url, "registry");
  if (!db)
    return fail(std::move(db).error());
  auto store = std::make_unique<registry_database>(std::move(*db), time, lease);
  if (auto ok = store->start(); !ok)
    return fail(std::move(ok).error());
  return store;
}

} // namespace farshore
