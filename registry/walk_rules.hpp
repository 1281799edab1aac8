// What a walk through the catalogue decides, as plain functions: said here once, and followed by
// both implementations of registry_store.

#pragma once

#include "registry/registry_row.hpp"
#include "registry/store.hpp"

#include <cstdint>
#include <vector>

namespace farshore {

/// What is known of a suspect, a record that the walk saw differ. Numbers are in the database.
enum class suspicion : std::uint8_t {
  /// It differed from a page of the catalogue.
  seen = 0,
  /// Asked for by id it was not there, and its row is wanted.
  confirmed = 1,
  /// As confirmed; its row waits for the operator's word.
  held = 2,
  /// Its row may go, if it is still not there when it is asked for once more.
  approved = 3,
  /// Asked for by id it was there, and not for this site, and its row is wanted.
  outside = 4,
};
/// What is known of a suspect that was asked for, is not in the answer's rows, and whose row is
/// wanted and was not approved to go.
suspicion after_answer(suspicion before, bool outside);

/// Moves the walk on by the page, or begins a new one. False, and unchanged: the page is of another
/// walk.
bool take_page(backfill_state& walk, const catalogue_page& page);

/// Begins a walk whose pages a comparison by digests has taken the place of: only its suspects are
/// left to be asked for. False, and unchanged: a walk is under way, or the rows are not all made.
bool take_comparison(backfill_state& walk, const compared_ranges& compared);

/// The record ids above `page.after` of which the page knows everything go up to this one.
record_id page_end(const catalogue_page& page);

/// The page belongs to the confirming that is under way.
bool takes_records(const backfill_state& walk, const records_page& page);

/// What was asked for and is not there.
std::vector<record_id> absent_records(const records_page& page);

/// How many suspects of a type there are, after all of them were asked for.
struct suspect_counts {
  /// Confirmed or held.
  std::int64_t gone = 0;
  std::int64_t approved = 0;
  std::int64_t outside = 0;
};
/// What comes next.
enum class verdict {
  /// All of the approved ones are to be asked for once more.
  ask_approved,
  /// All of them are approved, and asked for once more.
  let_go,
  /// Those that are gone are so many that they are held; those outside are approved, and asked for
  /// once more.
  hold_gone,
  /// They are so many that they are held, and the walk ends.
  hold,
  /// None is left, and the walk ends.
  end,
};
/// `rows`: how many wanted rows the type has. Updates the walk.
verdict conclude(backfill_state& walk, const suspect_counts& suspects, std::int64_t rows,
                 wall_time now);
/// The walk of a type without suspects ends.
void end_walk(backfill_state& walk, wall_time now);

/// What is held was approved: it is asked for once more, at the end of the walk that is under way
/// or at once.
void take_approval(backfill_state& walk);

/// The log up to some place is lost: nothing is complete, and the next walk begins anew.
void start_over(backfill_state& walk);

/// So many removals at once need the operator's word (promise 11).
bool is_wave(std::int64_t gone, std::int64_t rows);

} // namespace farshore
