// Ranges of record ids and the digests of what lies in them, as the two sites tell each other.
// Plain data.

#pragma once

#include "config/scope.hpp"
#include "registry/record_digest.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace farshore {

/// Records with `after` < id <= `upto`.
struct record_range {
  record_id after = record_id_before_all;
  record_id upto = INT64_MAX;

  friend bool operator==(const record_range&, const record_range&) = default;
};

/// A part of a range: from where the part before it ended, up to `upto`.
struct digest_slice {
  record_id upto = 0;
  record_digest digest;

  friend bool operator==(const digest_slice&, const digest_slice&) = default;
};

/// Asks the primary for the digests of ranges, each cut into slices of `slice_records` records. The
/// ranges ascend, and have nothing in common.
struct digest_request {
  std::string type;
  /// With 1 every slice with a record in it ends at that very record.
  std::size_t slice_records = 1;
  std::vector<record_range> ranges;
  scope_digest scope = {};
};
inline constexpr std::size_t digest_ranges_max = 256;
inline constexpr std::size_t slice_records_max = 8'192;

/// The slices of the first ranges that were asked for. The last slice of a range ends where the
/// range does; only the page's very last range may be broken off before, and is then asked for
/// again from there.
struct digest_page {
  std::string type;
  std::int64_t generation = 0;
  std::vector<std::vector<digest_slice>> ranges;
  /// The scope that it was asked, and read, under.
  scope_digest scope = {};
};

/// In which respect a secondary's rows are digested.
enum class digest_view : std::uint8_t {
  /// What should be here: a wanted row's target, whatever has become of it yet.
  target,
  /// What is here: also rows on their way out; and whatever is not synced and sound counts as
  /// something that no primary has.
  held,
};

/// Asks a secondary's registry for the digests of adjoining slices: from `after` up to each of the
/// bounds, which ascend.
struct held_request {
  std::string type;
  digest_view view = digest_view::target;
  record_id after = record_id_before_all;
  std::vector<record_id> bounds;
  /// Looks at so many rows at most.
  std::size_t rows_max = 8'192;
};

struct held_digests {
  /// One for each bound, as far as the rows were looked at.
  std::vector<record_digest> slices;
  /// Everything up to here was looked at: the last bound, or less.
  record_id upto = 0;
};

/// A range in which the two sites differ, and in which the primary has one record at most: then it
/// is `range.upto`.
struct unequal_range {
  record_range range;
  bool on_primary = false;

  friend bool operator==(const unequal_range&, const unequal_range&) = default;
};

/// What a comparison of all of a type came to.
struct compared_ranges {
  std::string type;
  std::int64_t generation = 0;
  /// Records of the primary's that were compared.
  std::int64_t records = 0;
  std::vector<unequal_range> unequal;
};

} // namespace farshore
