#include "registry/walk_rules.hpp"

#include <algorithm>
#include <iterator>
#include <set>

namespace farshore {

namespace {

constexpr std::int64_t wave_rows_min = 10;
constexpr std::int64_t wave_percent = 5;

void ask_again(backfill_state& walk) {
  walk.stage = walk_stage::confirming;
  walk.after = record_id_before_all;
}

} // namespace

std::string_view to_string(walk_stage stage) {
  switch (stage) {
  case walk_stage::none:
    return "none";
  case walk_stage::reading:
    return "reading";
  case walk_stage::confirming:
    return "confirming";
  }
  return "unknown";
}

bool take_page(backfill_state& walk, const catalogue_page& page) {
  if (page.after == record_id_before_all) {
    walk.complete = walk.complete && walk.generation == page.generation;
    walk.generation = page.generation;
    walk.stage = walk_stage::reading;
    walk.seen = 0;
    walk.found_missing = 0;
    walk.found_gone = 0;
  } else if (walk.stage != walk_stage::reading || walk.generation != page.generation ||
             walk.after != page.after) {
    return false;
  }
  walk.seen += static_cast<std::int64_t>(page.rows.size());
  walk.after = page.next_after;
  if (page.last)
    ask_again(walk);
  return true;
}

bool take_comparison(backfill_state& walk, const compared_ranges& compared) {
  if (!walk.complete || walk.stage != walk_stage::none || walk.generation != compared.generation)
    return false;
  walk.seen = compared.records;
  walk.found_missing = 0;
  walk.found_gone = 0;
  ask_again(walk);
  return true;
}

record_id page_end(const catalogue_page& page) {
  return page.last ? INT64_MAX : page.next_after;
}

bool takes_records(const backfill_state& walk, const records_page& page) {
  return walk.stage == walk_stage::confirming && walk.generation == page.generation;
}

std::vector<record_id> absent_records(const records_page& page) {
  std::set<record_id> present;
  for (const auto& row : page.rows)
    present.insert(row.record);
  std::vector<record_id> absent;
  std::ranges::copy_if(page.asked, std::back_inserter(absent),
                       [&](record_id record) { return !present.contains(record); });
  return absent;
}

verdict conclude(backfill_state& walk, const suspect_counts& suspects, std::int64_t rows,
                 wall_time now) {
  if (suspects.approved > 0) {
    ask_again(walk);
    return verdict::ask_approved;
  }
  const auto leaving = suspects.gone + suspects.outside;
  if (leaving == 0) {
    walk.held = 0;
    end_walk(walk, now);
    return verdict::end;
  }
  // A scope with a slip of the pen in it selects nothing at all, as a rule.
  if (leaving >= rows || (suspects.outside == 0 && is_wave(suspects.gone, rows))) {
    walk.held = leaving;
    end_walk(walk, now);
    return verdict::hold;
  }
  const bool hold_gone = suspects.gone > 0 && is_wave(suspects.gone, rows);
  walk.held = hold_gone ? suspects.gone : 0;
  ask_again(walk);
  return hold_gone ? verdict::hold_gone : verdict::let_go;
}

suspicion after_answer(suspicion before, bool outside) {
  if (outside)
    return suspicion::outside; // what was held as gone, too: now it is known where it is
  return before == suspicion::held ? before : suspicion::confirmed;
}

void end_walk(backfill_state& walk, wall_time now) {
  walk.complete = true;
  walk.stage = walk_stage::none;
  walk.after = record_id_before_all;
  walk.ended_at = now;
}

void take_approval(backfill_state& walk) {
  walk.held = 0;
  if (walk.stage == walk_stage::none)
    ask_again(walk);
}

void start_over(backfill_state& walk) {
  walk.complete = false;
  walk.stage = walk_stage::none;
  walk.after = record_id_before_all;
}

bool is_wave(std::int64_t gone, std::int64_t rows) {
  return gone >= rows || (gone >= wave_rows_min && gone * 100 > rows * wave_percent);
}

} // namespace farshore
