#include "actors/walk_plan.hpp"

#include <algorithm>
#include <utility>

namespace farshore {

void walk_plan::want(std::vector<std::string> types) {
  if (std::exchange(told_, true)) // at first all of them are compared anyway
    for (const auto& type : types)
      if (!wants(type))
        recheck(type);
  wanted_ = std::move(types);
}

bool walk_plan::wants(const std::string& type) const {
  return std::ranges::find(wanted_, type) != wanted_.end();
}

void walk_plan::know(std::vector<backfill_state> walks) {
  walks_ = std::move(walks);
  marks_.clear();
}

void walk_plan::know(const backfill_state& walk) {
  if (walk.stage != walk_stage::confirming)
    marks_.erase(walk.type);
  const auto it = std::ranges::find(walks_, walk.type, &backfill_state::type);
  if (it == walks_.end())
    walks_.push_back(walk);
  else
    *it = walk;
}

bool walk_plan::forget(const std::string& type) {
  const auto* walk = find(type);
  if (!walk || !walk->complete || walk->stage != walk_stage::none || ordered_.erase(type) == 0)
    return false;
  rechecks_.erase(type);
  comparing_.erase(type);
  by_pages_.erase(type);
  return true;
}

const backfill_state* walk_plan::find(const std::string& type) const {
  const auto it = std::ranges::find(walks_, type, &backfill_state::type);
  return it == walks_.end() ? nullptr : &*it;
}

bool walk_plan::all_complete() const {
  return std::ranges::all_of(
      walks_, [this](const auto& walk) { return walk.complete || !wants(walk.type); });
}

walk_step walk_plan::next(std::span<const type_status> types, std::uint64_t covered_xid) const {
  for (const auto& type : types)
    if (type.generation != 0 && type.waiting.empty() && wants(type.name))
      if (auto step = next_of(type, covered_xid); step.what != walk_step::kind::none)
        return step;
  return {};
}

walk_step walk_plan::next_of(const type_status& type, std::uint64_t covered_xid) const {
  using kind = walk_step::kind;
  const walk_step first_page{kind::page, type.name, type.generation, record_id_before_all};
  const auto* walk = find(type.name);
  if (!walk || walk->generation != type.generation)
    return first_page;
  switch (walk->stage) {
  case walk_stage::reading:
    return {kind::page, type.name, type.generation, walk->after};
  case walk_stage::confirming: {
    const auto mark = marks_.find(type.name);
    if (mark == marks_.end())
      return {kind::position, type.name, type.generation, walk->after};
    if (covered_xid >= mark->second)
      return {kind::suspects, type.name, type.generation, walk->after};
    return {};
  }
  case walk_stage::none:
    break;
  }
  if (!walk->complete)
    return first_page;
  if (!rechecks_.contains(type.name) && !comparing_.contains(type.name))
    return {};
  if (by_pages_.contains(type.name))
    return first_page;
  return {kind::compare, type.name, type.generation, record_id_before_all};
}

} // namespace farshore
