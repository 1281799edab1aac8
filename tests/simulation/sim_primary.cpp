#include "tests/simulation/sim_primary.hpp"

#include "config/locator.hpp"
#include "strategies/sha256.hpp"

#include <algorithm>
#include <cassert>
#include <span>
#include <tuple>

namespace farshore::simulation {

namespace {

auto order(const event_position& place) {
  return std::tuple{place.xid, place.id};
}

} // namespace

bool in_scope(const site_scope& scope, const sim_row& row) {
  const auto wanted = scope.columns.find("project");
  if (wanted == scope.columns.end())
    return true;
  std::string bad;
  const auto ranges = ranges_of(wanted->second, bad);
  return ranges && std::ranges::any_of(*ranges, [&](const value_range& range) {
           return range.first <= row.project && row.project <= range.last;
         });
}

std::uint64_t sim_primary::begin() {
  open_.emplace(next_xid_, std::vector<change>{});
  return next_xid_++;
}

const sim_row* sim_primary::row(const key& which) const {
  const auto it = rows_.find(which);
  return it == rows_.end() ? nullptr : &it->second;
}

void sim_primary::note(std::uint64_t xid, const key& which, operation op,
                       std::optional<sim_row> row) {
  assert(!locks_.contains(which) || locks_.at(which) == xid);
  locks_[which] = xid;
  // The id is drawn under the row's lock, whenever the transaction will commit.
  const event_position place{xid, next_id_++, static_cast<std::int32_t>(random_.below(1u << 30))};
  open_.at(xid).push_back({{place, which, op}, std::move(row)});
}

void sim_primary::put(std::uint64_t xid, const key& which, sim_row row) {
  note(xid, which, rows_.contains(which) ? operation::updated : operation::created, std::move(row));
}

void sim_primary::erase(std::uint64_t xid, const key& which) {
  note(xid, which, operation::deleted, std::nullopt);
}

void sim_primary::commit(std::uint64_t xid) {
  for (auto& one : open_.at(xid)) {
    log_.push_back(one.what);
    if (one.row)
      rows_[one.what.which] = *one.row;
    else
      rows_.erase(one.what.which);
  }
  rollback(xid);
}

void sim_primary::rollback(std::uint64_t xid) {
  open_.erase(xid);
  std::erase_if(locks_, [xid](const auto& lock) { return lock.second == xid; });
}

std::vector<std::uint64_t> sim_primary::open() const {
  std::vector<std::uint64_t> all;
  for (const auto& [xid, _] : open_)
    all.push_back(xid);
  return all;
}

std::uint64_t sim_primary::xmin() const {
  return open_.empty() ? next_xid_ : open_.begin()->first;
}

std::vector<sim_primary::event> sim_primary::visible() const {
  std::vector<event> below;
  std::ranges::copy_if(log_, std::back_inserter(below),
                       [this](const event& one) { return one.place.xid < xmin(); });
  std::ranges::sort(below, {}, [](const event& one) { return order(one.place); });
  return below;
}

void sim_primary::fold() {
  for (const auto& one : visible()) {
    if (order(one.place) <= order(folded_))
      continue;
    folded_ = one.place;
    auto& newest = revisions_[one.which];
    newest = std::max(newest, one.place.id);
    if (one.op != operation::checksum_succeeded)
      sums_.erase(one.which);
  }
}

void sim_primary::checksum_all() {
  fold(); // what it does not know yet would be taken for what was hashed
  for (const auto& [which, row] : rows_) {
    const auto file = files.find(row.locator);
    if (file == files.end() || sums_.contains(which) || locked(which) || untold_of(which))
      continue;
    sha256 hash;
    hash.update(std::as_bytes(std::span{file->second}));
    sums_[which] = hash.value();
    const auto xid = begin();
    note(xid, which, operation::checksum_succeeded, row);
    commit(xid);
    // With the event, not with the fold: else it would be served without the checksum.
    revisions_[which] = log_.back().place.id;
  }
}

/// An event of the record is in the log that is not visible yet.
bool sim_primary::untold_of(const key& which) const {
  return std::ranges::any_of(log_, [&](const event& one) {
    return one.which == which && order(one.place) > order(folded_);
  });
}

std::optional<checksum> sim_primary::sum_of(const key& which) const {
  const auto known = sums_.find(which);
  return known == sums_.end() ? std::nullopt : std::optional{known->second};
}

revision sim_primary::revision_of(const key& which) const {
  const auto known = revisions_.find(which);
  return known == revisions_.end() ? 0 : known->second;
}

result<events_page> sim_primary::events(const event_position& after, std::size_t limit,
                                        const site_scope& scope) const {
  const auto all = visible();
  if (after != event_position{} && std::ranges::find(all, after, &event::place) == all.end())
    return fail(ec::position_unknown, "not in the log");
  events_page page;
  page.scope = digest_of(scope);
  page.upto = after;
  page.identity = "simulation-" + std::to_string(incarnation_);
  page.covered_xid = xmin();
  for (const auto& type : types)
    page.types.push_back({type, 1, {}});
  std::map<key, event> newest;
  std::size_t taken = 0;
  for (const auto& one : all) {
    if (order(one.place) <= order(after))
      continue;
    if (taken++ == limit) {
      page.more = true;
      page.covered_xid = page.upto.xid;
      break;
    }
    page.upto = one.place;
    auto& kept = newest[one.which];
    if (kept.place.id < one.place.id)
      kept = one;
  }
  for (const auto& [which, one] : newest) {
    served_event served;
    served.id = one.place.id;
    served.type = which.first;
    served.record = which.second;
    served.op = one.op;
    if (const auto* now = row(which); now && !in_scope(scope, *now)) {
      served.outside = true;
    } else if (now) {
      served.key = std::to_string(which.second);
      served.present = true;
      served.locator = encode_locator(now->locator);
      if (revision_of(which) >= served.id)
        served.sum = sum_of(which);
    }
    page.events.push_back(std::move(served));
  }
  return page;
}

catalogue_row sim_primary::listed(const key& which, const sim_row& row) const {
  return {which.second, std::to_string(which.second), encode_locator(row.locator),
          {},           revision_of(which),           sum_of(which)};
}

records_page sim_primary::records(const std::string& type, const std::vector<record_id>& asked,
                                  const site_scope& scope) const {
  records_page page{type, 1, asked, {}, {}, digest_of(scope)};
  for (const auto record : asked)
    if (const auto* there = row({type, record}); there && in_scope(scope, *there))
      page.rows.push_back(listed({type, record}, *there));
    else if (there)
      page.outside.push_back(record);
  return page;
}

result<catalogue_page> sim_primary::catalogue(const std::string& type, record_id after,
                                              std::size_t limit, const site_scope& scope) const {
  catalogue_page page;
  page.scope = digest_of(scope);
  std::size_t seen = 0;
  page.type = type;
  page.generation = 1;
  page.next_after = after;
  page.last = true;
  for (const auto& [which, row] : rows_) {
    if (which.first != type || which.second <= after)
      continue;
    if (seen++ == limit) {
      page.last = false;
      break;
    }
    if (in_scope(scope, row))
      page.rows.push_back(listed(which, row));
    page.next_after = which.second;
  }
  return page;
}

primary_position sim_primary::position() const {
  primary_position now;
  now.identity = "simulation-" + std::to_string(incarnation_);
  const auto all = visible();
  if (!all.empty())
    now.place = all.back().place;
  now.mark_xid = next_xid_;
  return now;
}

} // namespace farshore::simulation
