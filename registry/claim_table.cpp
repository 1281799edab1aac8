#include "registry/claim_table.hpp"

#include <algorithm>
#include <cassert>

namespace farshore {

void claim_table::release(claims::iterator it) {
  for (const auto& locator : it->second.locked)
    locks_.erase({it->second.store, locator});
  by_record_.erase(it->second.id);
  claims_.erase(it);
}

void claim_table::expire(steady_time now) {
  for (auto it = claims_.begin(); it != claims_.end();) {
    const auto next = std::next(it);
    if (it->second.until <= now)
      release(it);
    it = next;
  }
}

const live_claim* claim_table::find(const replicable_id& id) const {
  const auto it = by_record_.find(id);
  return it == by_record_.end() ? nullptr : &claims_.at(it->second);
}

const live_claim* claim_table::find(claim_token token) const {
  const auto it = claims_.find(token);
  return it == claims_.end() ? nullptr : &it->second;
}

bool claim_table::locked(const std::string& store, const std::string& locator) const {
  return locks_.contains({store, locator});
}

std::vector<record_id> claim_table::records(const std::string& type) const {
  std::vector<record_id> found;
  const auto end = by_record_.upper_bound({type, INT64_MAX});
  for (auto it = by_record_.lower_bound({type, record_id_before_all}); it != end; ++it)
    found.push_back(it->first.record);
  return found;
}

void claim_table::grant(live_claim granted, steady_time now) {
  granted.until = now + lease_;
  [[maybe_unused]] const bool is_first = by_record_.emplace(granted.id, granted.token).second;
  assert(is_first);
  for (const auto& locator : granted.locked)
    locks_.emplace(granted.store, locator);
  claims_.emplace(granted.token, std::move(granted));
}

std::optional<live_claim> claim_table::end(const outcome& how, epoch_number epoch) {
  const auto it = claims_.find(how.token);
  if (it == claims_.end() || it->second.id != how.id)
    return {};
  if (it->second.voided) {
    release(it); // its worker is through: nothing to wait for any more
    return {};
  }
  if (how.epoch != epoch)
    return {};
  auto ended = it->second;
  release(it);
  return ended;
}

live_claim* claim_table::renew(claim_token token, steady_time now) {
  const auto it = claims_.find(token);
  if (it == claims_.end() || it->second.voided)
    return nullptr;
  it->second.until = now + lease_;
  return &it->second;
}

bool claim_table::outdate(const replicable_id& id) {
  return outdate(id.type, id.record, id.record);
}

bool claim_table::outdate(const std::string& type, record_id first, record_id last) {
  const auto begin = by_record_.lower_bound({type, first});
  const auto end = by_record_.upper_bound({type, last});
  for (auto it = begin; it != end; ++it)
    claims_.at(it->second).outdated = true;
  return begin != end;
}

void claim_table::void_all() {
  for (auto& [_, one] : claims_)
    one.voided = true;
}

void claim_table::void_type(const std::string& type) {
  for (auto& [_, one] : claims_)
    if (one.id.type == type)
      one.voided = true;
}

} // namespace farshore
