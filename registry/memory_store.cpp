#include "registry/memory_store.hpp"

#include "registry/claim_round.hpp"
#include "registry/row_comparison.hpp"
#include "registry/row_rules.hpp"

#include <algorithm>
#include <utility>

namespace farshore {

namespace {

tl::unexpected<error> unknown_type(const std::string& type) {
  return fail(ec::not_found, "the registry knows no type \"" + type + "\"");
}

/// The order in which due records are claimed.
bool comes_before(const registry_row* a, const registry_row* b) {
  return std::pair{a->retry_at.value_or(wall_time::min()), a->record} <
         std::pair{b->retry_at.value_or(wall_time::min()), b->record};
}

} // namespace

memory_store::memory_store(std::shared_ptr<memory_tables> tables, const time_source& time,
                           std::chrono::milliseconds lease)
    : tables_{std::move(tables)}, time_{time}, claims_{lease} {
  for (auto& [_, rows] : tables_->rows)
    for (auto& [id, row] : rows)
      if (row.state == sync_state::started) {
        row.state = sync_state::pending;
        row.retry_at.reset();
      }
  work_ = *tables_;
}

wall_time memory_store::now() const {
  return stored_time(time_.wall());
}

result<void> memory_store::begin() {
  claims_.expire(time_.now());
  return {};
}

result<void> memory_store::commit() {
  for (const auto& [type, record] : touched_) {
    const auto& rows = work_.rows[type];
    const auto it = rows.find(record);
    if (it == rows.end())
      tables_->rows[type].erase(record);
    else
      tables_->rows[type][record] = it->second;
  }
  touched_.clear();
  tables_->cursor = work_.cursor;
  tables_->types = work_.types;
  tables_->stores = work_.stores;
  tables_->last_token = work_.last_token;
  return {};
}

result<void> memory_store::declare_types(std::span<const store_type> types) {
  for (auto& [_, entry] : work_.types)
    entry.is_declared = false;
  for (const auto& type : types) {
    const bool is_new = !work_.types.contains(type.name);
    auto& entry = work_.types[type.name];
    const auto former = std::exchange(entry.declared, type).store;
    entry.is_declared = true;
    entry.backfill.type = type.name;
    work_.rows.try_emplace(type.name);
    if (!is_new && former != type.store)
      distrust(type.name, entry);
  }
  return {};
}

// -- stores

result<store_standing> memory_store::standing_of(const std::string& store) {
  store_standing found;
  const auto known = work_.stores.find(store);
  found.known.path = store;
  if (known != work_.stores.end())
    found.known = known->second;
  found.worked = worked_.contains(store);
  for (const auto& [type, entry] : work_.types)
    found.has_rows |= entry.declared.store == store && !work_.rows[type].empty();
  return found;
}

result<void> memory_store::note_store(const known_store& store) {
  work_.stores[store.path] = store;
  worked_.erase(store.path);
  return {};
}

void memory_store::distrust(const std::string& type, type_entry& entry) {
  const auto at = now();
  for (auto& [record, row] : work_.rows[type]) {
    touch(type, record);
    apply_distrust(row, at);
  }
  entry.recovery_point.reset();
  entry.verified_point.reset();
  claims_.void_type(type);
}

result<void> memory_store::distrust_store(const std::string& store, store_verdict why) {
  for (auto& [type, entry] : work_.types)
    if (entry.declared.store == store)
      distrust(type, entry);
  auto& known = work_.stores[store];
  known.path = store;
  known.mark = {};
  known.pending = false;
  known.noticed = to_string(why);
  known.noticed_at = now();
  return {};
}

// -- cursor, pages, claims

result<std::vector<backfill_state>> memory_store::backfills() {
  std::vector<backfill_state> all;
  for (const auto& [_, entry] : work_.types)
    all.push_back(entry.backfill);
  return all;
}

result<epoch_number> memory_store::start_epoch(const std::string& identity,
                                               const event_position& place) {
  const auto next = work_.cursor.epoch + 1;
  work_.cursor = {next, identity, place, 0, {}, work_.cursor.scope};
  for (auto& [name, entry] : work_.types) {
    entry.backfill = {.type = name};
    entry.suspects.clear();
    entry.resyncing = false;
    entry.reverify_upto.reset();
    entry.recovery_point.reset();
    entry.verified_point.reset();
  }
  const auto at = now();
  for (auto& [type, rows] : work_.rows)
    for (auto& [record, row] : rows) {
      touch(type, record);
      apply_epoch(row, at);
    }
  claims_.void_all();
  return next;
}

result<void> memory_store::skip_to(const event_position& place) {
  work_.cursor.place = place;
  for (auto& [_, entry] : work_.types)
    start_over(entry.backfill);
  return {};
}

result<void> memory_store::set_scope(const scope_digest& scope) {
  if (std::exchange(work_.cursor.scope, scope) == scope)
    return {};
  for (auto& [_, entry] : work_.types)
    start_over(entry.backfill);
  return {};
}

void memory_store::release(type_entry& entry, record_id record) {
  const auto it = entry.suspects.find(record);
  if (it == entry.suspects.end() || it->second != suspicion::held)
    return;
  entry.suspects.erase(it);
  --entry.backfill.held;
}

result<applied> memory_store::apply_events(const events_page& page) {
  applied done;
  if (page.scope != work_.cursor.scope) {
    done.other_scope = true;
    return done;
  }
  std::set<std::string> due;
  const auto at = now();
  const auto since = work_.cursor.horizon.value_or(since_unknown);
  const auto note = [&](const std::string& type, record_id record, change what) {
    if (what == change::none)
      return;
    touch(type, record);
    ++done.changed;
    if (what == change::due)
      due.insert(type);
  };
  for (const auto& stands : page.types)
    if (const auto known = work_.types.find(stands.name); known != work_.types.end())
      note_verifies(stands.name, known->second, stands.verifies);
  for (const auto& [type, events] : newest_events(page)) {
    const auto known = work_.types.find(type);
    if (known == work_.types.end())
      continue;
    auto& rows = work_.rows[type];
    // Before the backfill is through, a record without a row may be older than its event.
    const auto since_of_new = known->second.backfill.complete ? std::optional{since} : std::nullopt;
    for (const auto& e : events) {
      release(known->second, e.record);
      const auto it = rows.find(e.record);
      if (it != rows.end()) {
        note(type, e.record, apply_event(it->second, e, since, at));
      } else if (e.present) {
        rows.emplace(e.record, row_of(e, since_of_new, at));
        note(type, e.record, change::due);
      }
    }
  }
  for (const auto& [type, id] : truncations(page)) {
    const auto known = work_.types.find(type);
    if (known == work_.types.end())
      continue;
    std::erase_if(known->second.suspects,
                  [](const auto& one) { return one.second == suspicion::held; });
    known->second.backfill.held = 0;
    for (auto& [record, row] : work_.rows[type])
      note(type, record, apply_truncation(row, id, since));
  }
  auto& cursor = work_.cursor;
  if (std::pair{cursor.place.xid, cursor.place.id} < std::pair{page.upto.xid, page.upto.id})
    cursor.place = page.upto;
  done.due_types.assign(due.begin(), due.end());
  if (auto ok = note_horizon(page.covered_xid, page.horizon); !ok)
    return fail(std::move(ok).error());
  return done;
}

result<applied> memory_store::apply_catalogue(const catalogue_page& page) {
  const auto known = work_.types.find(page.type);
  if (known == work_.types.end())
    return unknown_type(page.type);
  auto& entry = known->second;
  applied done;
  done.other_scope = page.scope != work_.cursor.scope;
  if (done.other_scope || !take_page(entry.backfill, page)) {
    done.walk = entry.backfill;
    return done;
  }
  auto& rows = work_.rows[page.type];
  const auto at = now();
  std::set<record_id> listed;
  for (const auto& found : catalogue_rows(page.rows)) {
    listed.insert(found.record);
    auto it = rows.find(found.record);
    if (!entry.backfill.complete) {
      const bool is_new = it == rows.end();
      if (is_new)
        it = rows.emplace(found.record, row_of(found, at)).first;
      const auto what = is_new ? change::due : farshore::apply_catalogue(it->second, found, at);
      if (what != change::none) {
        touch(page.type, found.record);
        ++done.changed;
      }
      if (what == change::due)
        done.due_types = {page.type};
    }
    if (differs(it == rows.end() ? nullptr : &it->second, found))
      entry.suspects.try_emplace(found.record, suspicion::seen);
  }
  for (auto it = rows.upper_bound(page.after); it != rows.end() && it->first <= page_end(page);
       ++it)
    if (it->second.wanted && !listed.contains(it->first))
      entry.suspects.try_emplace(it->first, suspicion::seen);
  if (page.last && entry.suspects.empty())
    end_walk(entry.backfill, at);
  done.walk = entry.backfill;
  return done;
}

result<std::vector<record_id>> memory_store::suspects(const std::string& type, std::size_t limit) {
  const auto known = work_.types.find(type);
  if (known == work_.types.end())
    return unknown_type(type);
  const auto& entry = known->second;
  std::vector<record_id> next;
  if (entry.backfill.stage != walk_stage::confirming)
    return next;
  auto it = entry.suspects.upper_bound(entry.backfill.after);
  for (; it != entry.suspects.end() && next.size() < limit; ++it)
    next.push_back(it->first);
  return next;
}

result<applied> memory_store::apply_records(const records_page& page) {
  const auto known = work_.types.find(page.type);
  if (known == work_.types.end())
    return unknown_type(page.type);
  auto& entry = known->second;
  auto& walk = entry.backfill;
  applied done;
  done.walk = walk;
  done.other_scope = page.scope != work_.cursor.scope;
  if (done.other_scope || !takes_records(walk, page))
    return done;
  auto& rows = work_.rows[page.type];
  const auto at = now();
  const auto note = [&](record_id record, change what) {
    if (what == change::none)
      return;
    touch(page.type, record);
    ++done.changed;
    if (what == change::due)
      done.due_types = {page.type};
  };
  for (const auto& found : catalogue_rows(page.rows)) {
    const auto it = rows.find(found.record);
    const auto what =
        it == rows.end() ? change::due : farshore::apply_catalogue(it->second, found, at, true);
    if (it == rows.end())
      rows.emplace(found.record, row_of(found, at));
    note(found.record, what);
    walk.found_missing += what != change::none;
    entry.suspects.erase(found.record);
  }
  for (const auto record : absent_records(page)) {
    const auto row = rows.find(record);
    const auto suspect = entry.suspects.find(record);
    if (suspect == entry.suspects.end())
      continue;
    const bool is_wanted = row != rows.end() && row->second.wanted;
    if (is_wanted && suspect->second == suspicion::approved) {
      apply_gone(row->second, at);
      note(record, change::due);
      ++walk.found_gone;
    }
    if (!is_wanted || suspect->second == suspicion::approved)
      entry.suspects.erase(suspect);
    else
      suspect->second =
          after_answer(suspect->second, std::ranges::binary_search(page.outside, record));
  }
  // What a worker holds stays due when it ends, and has to be looked for again.
  for (const auto record : page.asked)
    if (claims_.outdate({page.type, record}))
      done.due_types = {page.type};
  if (!page.asked.empty())
    walk.after = page.asked.back();
  if (entry.suspects.upper_bound(walk.after) == entry.suspects.end())
    conclude_walk(page.type, entry);
  done.walk = walk;
  return done;
}

void memory_store::conclude_walk(const std::string& type, type_entry& entry) {
  suspect_counts counts;
  for (const auto& [_, suspect] : entry.suspects) {
    counts.gone += suspect == suspicion::confirmed || suspect == suspicion::held;
    counts.approved += suspect == suspicion::approved;
    counts.outside += suspect == suspicion::outside;
  }
  const auto wanted =
      std::ranges::count_if(work_.rows[type], [](const auto& row) { return row.second.wanted; });
  const auto next = conclude(entry.backfill, counts, wanted, now());
  if (next == verdict::let_go || next == verdict::hold)
    for (auto& [_, suspect] : entry.suspects)
      suspect = next == verdict::hold ? suspicion::held : suspicion::approved;
  if (next == verdict::hold_gone)
    for (auto& [_, suspect] : entry.suspects)
      suspect = suspect == suspicion::outside ? suspicion::approved : suspicion::held;
}

result<held_digests> memory_store::digests(const held_request& asked) {
  if (!work_.types.contains(asked.type))
    return unknown_type(asked.type);
  const auto& rows = work_.rows[asked.type];
  const auto upto = asked.bounds.empty() ? asked.after : asked.bounds.back();
  std::vector<registry_row> read;
  for (auto it = rows.upper_bound(asked.after);
       it != rows.end() && it->first <= upto && read.size() < asked.rows_max; ++it)
    read.push_back(it->second);
  return digest_rows(asked, read, read.size() == asked.rows_max);
}

result<std::vector<registry_row>> memory_store::rows_in(const std::string& type,
                                                        std::span<const record_range> ranges,
                                                        std::size_t limit) {
  if (!work_.types.contains(type))
    return unknown_type(type);
  const auto& rows = work_.rows[type];
  std::vector<registry_row> found;
  for (const auto& range : ranges)
    for (auto it = rows.upper_bound(range.after);
         it != rows.end() && it->first <= range.upto && found.size() < limit; ++it)
      found.push_back(it->second);
  return found;
}

result<std::vector<bool>> memory_store::named(const std::string& store,
                                              std::span<const std::string> locators) {
  std::set<std::string> all;
  for (const auto& [type, entry] : work_.types)
    if (entry.declared.store == store)
      for (const auto& [_, row] : work_.rows[type]) {
        all.insert(row.locator);
        all.insert(row.stale_locators.begin(), row.stale_locators.end());
      }
  std::vector<bool> found;
  for (const auto& locator : locators)
    found.push_back(all.contains(locator));
  return found;
}

result<applied> memory_store::apply_compared(const compared_ranges& compared) {
  const auto known = work_.types.find(compared.type);
  if (known == work_.types.end())
    return unknown_type(compared.type);
  auto& entry = known->second;
  applied done;
  if (take_comparison(entry.backfill, compared)) {
    const auto& rows = work_.rows[compared.type];
    for (const auto& [range, on_primary] : compared.unequal) {
      if (on_primary)
        entry.suspects.try_emplace(range.upto, suspicion::seen);
      for (auto it = rows.upper_bound(range.after); it != rows.end() && it->first <= range.upto;
           ++it)
        if (it->second.wanted)
          entry.suspects.try_emplace(it->first, suspicion::seen);
    }
    if (entry.suspects.empty())
      end_walk(entry.backfill, now());
  }
  done.walk = entry.backfill;
  return done;
}

result<std::size_t> memory_store::approve(const std::string& type) {
  const auto known = work_.types.find(type);
  if (known == work_.types.end())
    return unknown_type(type);
  std::size_t approved = 0;
  for (auto& [_, suspect] : known->second.suspects)
    if (suspect == suspicion::held) {
      suspect = suspicion::approved;
      ++approved;
    }
  if (approved > 0)
    take_approval(known->second.backfill);
  return approved;
}

bool memory_store::is_wanted_elsewhere(const std::string& store, const std::string& locator,
                                       const replicable_id& than) const {
  for (const auto& [type, entry] : work_.types) {
    if (entry.declared.store != store)
      continue;
    for (const auto& [record, row] : work_.rows.at(type))
      if (row.wanted && row.locator == locator && replicable_id{type, record} != than)
        return true;
  }
  return false;
}

result<claimed> memory_store::claim_due(const std::string& type, std::size_t limit,
                                        claim_scope scope) {
  const auto called = time_.now();
  claims_.expire(called);
  const auto known = work_.types.find(type);
  if (known == work_.types.end())
    return unknown_type(type);
  const auto& entry = known->second;
  claimed got;
  got.lease = claims_.lease();
  if (!entry.is_declared || !entry.declared.enabled || entry.paused || limit == 0)
    return got;
  std::vector<const registry_row*> open;
  for (const auto& [_, row] : work_.rows[type])
    if (row.state != sync_state::synced)
      open.push_back(&row);
  std::ranges::sort(open, comes_before);
  const auto& store = entry.declared.store;
  claim_round round{claims_, {type, store, limit, scope, work_.cursor.epoch, called, now()}};
  for (const auto* row : open) {
    auto granted = round.look_at(*row, work_.last_token + 1);
    if (!round.goes_on())
      break;
    if (!granted)
      continue;
    ++work_.last_token;
    for (auto& locator : removal_candidates(*row))
      if (!is_wanted_elsewhere(store, locator, granted->id))
        granted->remove.push_back(std::move(locator));
    got.claims.push_back(std::move(*granted));
  }
  got.passed_over = round.passed_over();
  got.next_due = round.next_due();
  return got;
}

void memory_store::end_claim(const live_claim& of, const outcome& how, wall_time at) {
  auto& rows = work_.rows[how.id.type];
  const auto it = rows.find(how.id.record);
  if (it == rows.end())
    return;
  touch(how.id.type, how.id.record);
  switch (how.how) {
  case outcome::kind::synced:
    return apply_synced(it->second, how, of, at, work_.types.at(how.id.type).verifies);
  case outcome::kind::removed:
    if (!apply_removed(it->second, how))
      rows.erase(it);
    return;
  case outcome::kind::failed:
    return apply_failed(it->second, how, of, at);
  case outcome::kind::given_back:
    return apply_given_back(it->second, of);
  }
}

result<std::vector<bool>> memory_store::finish(std::span<const outcome> outcomes) {
  claims_.expire(time_.now());
  const auto at = now();
  std::vector<bool> counted;
  for (const auto& how : outcomes) {
    const auto of = claims_.end(how, work_.cursor.epoch);
    counted.push_back(of.has_value());
    if (of && changes_disk(how))
      worked_.insert(of->store);
    if (of)
      end_claim(*of, how, at);
  }
  return counted;
}

result<std::vector<claim_token>> memory_store::renew(std::span<const claim_token> tokens) {
  const auto called = time_.now();
  const auto lease_end = now() + claims_.lease();
  claims_.expire(called);
  std::vector<claim_token> valid;
  for (const auto token : tokens) {
    auto* renewed = claims_.renew(token, called);
    if (!renewed)
      continue;
    valid.push_back(token);
    if (std::exchange(renewed->recorded, true))
      continue;
    touch(renewed->id.type, renewed->id.record);
    apply_started(work_.rows[renewed->id.type].at(renewed->id.record), lease_end);
  }
  return valid;
}

void memory_store::resync_row(const std::string& type, registry_row& row, wall_time at) {
  claims_.outdate({type, row.record});
  if (!resync_changes(row, at))
    return;
  touch(type, row.record);
  apply_resync(row, at);
}

result<std::size_t> memory_store::resync(const std::string& type, const record_selection& which) {
  const auto known = work_.types.find(type);
  if (known == work_.types.end())
    return unknown_type(type);
  auto& rows = work_.rows[type];
  const auto at = now();
  std::size_t count = 0;
  switch (which.which) {
  case record_selection::kind::ids:
    for (const auto record : std::set<record_id>{which.ids.begin(), which.ids.end()})
      if (const auto it = rows.find(record); it != rows.end()) {
        resync_row(type, it->second, at);
        ++count;
      }
    break;
  case record_selection::kind::failed:
    for (auto& [_, row] : rows)
      if (row.state == sync_state::failed) {
        resync_row(type, row, at);
        ++count;
      }
    break;
  case record_selection::kind::all:
    count = rows.size();
    if (count > 0) {
      known->second.resyncing = true;
      known->second.resync_after = record_id_before_all;
      known->second.resync_upto = rows.rbegin()->first;
    }
    break;
  }
  return count;
}

result<bool> memory_store::continue_resync(std::size_t rows_max) {
  const auto is_open = [](const auto& type) { return type.second.resyncing; };
  const auto open = std::ranges::find_if(work_.types, is_open);
  if (open == work_.types.end())
    return false;
  auto& [type, entry] = *open;
  auto& rows = work_.rows[type];
  const auto at = now();
  const auto end = rows.upper_bound(entry.resync_upto);
  auto it = rows.upper_bound(entry.resync_after);
  for (std::size_t n = 0; it != end && n < rows_max; ++it, ++n) {
    resync_row(type, it->second, at);
    entry.resync_after = it->first;
  }
  entry.resyncing = it != end;
  return std::ranges::any_of(work_.types, is_open);
}

// -- verification at rest

void memory_store::note_verifies(const std::string& type, type_entry& entry, bool verifies) {
  if (std::exchange(entry.verifies, verifies) == verifies)
    return;
  const auto at = now();
  for (auto& [record, row] : work_.rows[type])
    if (apply_verifies(row, verifies, at))
      touch(type, record);
}

void memory_store::claim_of_all(memory_tables::type_entry& entry, const verification_request& what,
                                verification_round& got) {
  const bool is_known = what.all_order == entry.reverify_order;
  if (is_known)
    entry.reverify_after = std::max(entry.reverify_after, what.all_told);
  if (entry.reverify_after >= *entry.reverify_upto)
    return entry.reverify_upto.reset();
  got.all_order = entry.reverify_order;
  got.all_claimed =
      is_known ? std::max(what.all_claimed, entry.reverify_after) : entry.reverify_after;
  const auto limit = what.marked_max - got.marked;
  if (limit == 0)
    return;
  auto& rows = work_.rows[what.type];
  const auto end = rows.upper_bound(*entry.reverify_upto);
  auto it = rows.upper_bound(got.all_claimed);
  std::size_t n = 0;
  for (; it != end && n < limit; ++it, ++n) {
    auto& row = it->second;
    got.all_claimed = row.record;
    if (row.verification == verification_state::failed)
      reverify_row(what.type, row, now());
    else if (row.state == sync_state::synced && row.verified_at)
      got.claims.push_back(verification_of(row, what.type, work_.cursor.epoch));
  }
  got.all_at_end = n < limit;
  if (got.all_at_end)
    got.all_claimed = *entry.reverify_upto;
}

result<verification_round> memory_store::claim_verifications(const verification_request& what) {
  const auto known = work_.types.find(what.type);
  if (known == work_.types.end())
    return unknown_type(what.type);
  auto& entry = known->second;
  verification_round got;
  if (!entry.is_declared || !entry.declared.enabled || entry.paused)
    return got;
  const auto& rows = work_.rows[what.type];
  got.rows = static_cast<std::int64_t>(rows.size());
  const auto add = [&](const registry_row& row) {
    got.claims.push_back(verification_of(row, what.type, work_.cursor.epoch));
  };
  for (auto it = rows.upper_bound(what.marked_after);
       it != rows.end() && got.claims.size() < what.marked_max; ++it)
    if (is_marked(it->second))
      add(it->second);
  got.marked = got.claims.size();
  if (entry.reverify_upto)
    claim_of_all(entry, what, got);
  if (what.walk_rows == 0)
    return got;
  auto it = rows.upper_bound(entry.walked_at_rest);
  entry.walked_at_rest = record_id_before_all;
  for (std::size_t n = 0; it != rows.end() && n < what.walk_rows; ++it, ++n) {
    entry.walked_at_rest = it->first;
    if (is_due_for_walk(it->second, now(), what.recent))
      add(it->second);
  }
  return got;
}

result<std::size_t>
memory_store::finish_verifications(std::span<const verification_outcome> found) {
  std::size_t damaged = 0;
  for (const auto& one : found) {
    const auto type = work_.rows.find(one.of.id.type);
    if (one.of.epoch != work_.cursor.epoch || type == work_.rows.end())
      continue;
    const auto row = type->second.find(one.of.id.record);
    if (row == type->second.end() || !still_is(row->second, one.of))
      continue;
    touch(type->first, row->first);
    if (one.damage) {
      apply_damaged(row->second, one, now());
      ++damaged;
    } else {
      apply_verified(row->second, one, now());
    }
  }
  return damaged;
}

void memory_store::reverify_row(const std::string& type, registry_row& row, wall_time at) {
  if (apply_reverify(row, at))
    touch(type, row.record);
}

result<std::size_t> memory_store::reverify(const std::string& type, const record_selection& which) {
  const auto known = work_.types.find(type);
  if (known == work_.types.end())
    return unknown_type(type);
  auto& rows = work_.rows[type];
  const auto at = now();
  std::size_t count = 0;
  if (which.which == record_selection::kind::all) {
    if (rows.empty())
      return count;
    known->second.reverify_after = record_id_before_all;
    known->second.reverify_upto = rows.rbegin()->first;
    ++known->second.reverify_order;
    return rows.size();
  }
  const std::set<record_id> ids{which.ids.begin(), which.ids.end()};
  const bool failed = which.which == record_selection::kind::failed;
  for (auto& [record, row] : rows)
    if (failed ? row.verification == verification_state::failed : ids.contains(record)) {
      reverify_row(type, row, at);
      ++count;
    }
  return count;
}

result<void> memory_store::set_paused(const std::string& type, bool paused) {
  if (type.empty()) {
    for (auto& [_, entry] : work_.types)
      entry.paused = paused;
    return {};
  }
  const auto known = work_.types.find(type);
  if (known == work_.types.end())
    return unknown_type(type);
  known->second.paused = paused;
  return {};
}

result<void> memory_store::end_resync(const std::string& type) {
  const auto known = work_.types.find(type);
  if (known == work_.types.end())
    return unknown_type(type);
  known->second.resyncing = false;
  return {};
}

result<void> memory_store::end_reverify(const std::string& type) {
  const auto known = work_.types.find(type);
  if (known == work_.types.end())
    return unknown_type(type);
  known->second.reverify_upto.reset();
  return {};
}

result<std::vector<std::string>> memory_store::paused_types() {
  std::vector<std::string> paused;
  for (const auto& [name, entry] : work_.types)
    if (entry.paused)
      paused.push_back(name);
  return paused;
}

result<orders_of_all> memory_store::orders() {
  orders_of_all all;
  for (const auto& [name, entry] : work_.types) {
    if (entry.resyncing)
      all.resyncs.push_back(name);
    if (entry.reverify_upto)
      all.reverifies.push_back(name);
  }
  return all;
}

result<void> memory_store::note_horizon(std::uint64_t covered_xid,
                                        std::optional<wall_time> horizon) {
  auto& cursor = work_.cursor;
  cursor.covered_xid = std::max(cursor.covered_xid, covered_xid);
  if (horizon)
    cursor.horizon = std::max(cursor.horizon.value_or(since_unknown), stored_time(*horizon));
  return {};
}

result<registry_counts> memory_store::counts(const std::string& type) {
  if (!work_.types.contains(type))
    return unknown_type(type);
  registry_counts counts;
  for (const auto& [_, row] : work_.rows[type]) {
    ++counts.registry;
    counts.pending += row.state == sync_state::pending;
    counts.started += row.state == sync_state::started;
    counts.synced += row.state == sync_state::synced;
    counts.failed += row.state == sync_state::failed;
    counts.missing_on_primary += row.state == sync_state::failed && row.missing_on_primary;
    counts.removing += !row.wanted;
    counts.never_synced += !row.synced_revision && !row.due_since && !row.missing_on_primary;
    const bool synced = row.state == sync_state::synced;
    counts.verified += synced && row.verification == verification_state::succeeded;
    counts.verification_pending += synced && row.verification == verification_state::pending;
    counts.verification_disabled += synced && row.verification == verification_state::disabled;
    counts.marked += is_marked(row);
    counts.verification_failed += row.verification == verification_state::failed;
    counts.never_verified += !row.verified_at && !row.unverified_since && !row.missing_on_primary;
  }
  return counts;
}

result<std::vector<recovery_point>> memory_store::recovery_points() {
  std::vector<recovery_point> points;
  for (auto& [name, entry] : work_.types) {
    if (!entry.is_declared)
      continue;
    auto synced = entry.backfill.complete ? work_.cursor.horizon : std::nullopt;
    auto verified = synced;
    const auto bound = [](std::optional<wall_time>& point, bool is_known,
                          const std::optional<wall_time>& since) {
      if (!is_known)
        point.reset();
      if (point && since)
        point = std::min(*point, *since);
    };
    for (const auto& [_, row] : work_.rows[name]) {
      if (row.missing_on_primary)
        continue;
      bound(synced, row.synced_revision || row.due_since, row.due_since);
      bound(verified, row.verified_at || row.unverified_since, row.unverified_since);
    }
    bound(verified, synced.has_value(), synced);
    points.push_back({name, told_recovery_point(entry.recovery_point, synced),
                      told_recovery_point(entry.verified_point, verified)});
  }
  return points;
}

} // namespace farshore
