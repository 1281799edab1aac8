#include "registry/claim_round.hpp"

#include "registry/row_rules.hpp"

#include <algorithm>
#include <utility>

namespace farshore {

bool claim_round::is_free(const registry_row& row) {
  const bool is_due = !row.retry_at || *row.retry_at <= terms_.now;
  if (const auto* held = claims_.find({terms_.type, row.record})) {
    // Its claim ends in an outcome; only what came since makes it due beyond that.
    passed_over_ |=
        is_due && (held->voided || held->outdated || held->target != row.target_revision);
    return false;
  }
  if (!is_due) {
    next_due_ = std::chrono::ceil<std::chrono::milliseconds>(*row.retry_at - terms_.now);
    ended_ = true;
    return false;
  }
  const bool is_locked = std::ranges::any_of(locators_to_lock(row), [&](const auto& locator) {
    return claims_.locked(terms_.store, locator);
  });
  passed_over_ |= is_locked;
  return !is_locked;
}

std::optional<claim> claim_round::look_at(const registry_row& row, claim_token token) {
  if (granted_ == terms_.limit || (terms_.scope == claim_scope::live && row.retry_at))
    ended_ = true;
  if (terms_.scope == claim_scope::removals && row.wanted)
    return {};
  if (ended_ || !is_free(row))
    return {};
  ++granted_;
  live_claim held;
  held.token = token;
  held.id = {terms_.type, row.record};
  held.store = terms_.store;
  held.locator = row.locator;
  held.locked = locators_to_lock(row);
  held.target = row.target_revision;
  held.found_state = row.state;
  held.found_retry_at = row.retry_at;
  claim granted;
  granted.token = token;
  granted.id = held.id;
  granted.epoch = terms_.epoch;
  granted.key = row.key;
  granted.target = row.target_revision;
  granted.wanted = row.wanted;
  granted.locator = row.locator;
  granted.stale_settled = row.stale_locators.size();
  granted.expected = row.primary_checksum;
  granted.size = row.size;
  granted.pool = row.pool;
  granted.retry_count = row.retry_count;
  granted.live = !row.retry_at;
  granted.force = row.force_to_redownload;
  claims_.grant(std::move(held), terms_.called);
  return granted;
}

} // namespace farshore
