// What a comparison of a secondary with its primary is asked for, and what it has found. Plain
// data.

#pragma once

#include "config/error.hpp"
#include "registry/record_digest.hpp"
#include "registry/records.hpp"
#include "registry/registry_row.hpp"
#include "registry/row_comparison.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace farshore {

struct comparison_order {
  /// Those to be compared, one after the other.
  std::vector<std::string> types;
  /// Differing records that are named, of each type.
  std::size_t limit = 100;
  /// How long to wait for the log to be read, and for what is under way, before each round.
  std::chrono::milliseconds patience{10'000};
};

/// A record that differed in every round.
struct record_difference {
  difference_kind what = difference_kind::none;
  record_id record = 0;
  /// Where a side has nothing: nothing.
  std::optional<catalogue_row> there;
  std::optional<registry_row> here;
};

/// What came of one type.
struct type_comparison {
  std::string type;
  /// As they were compared first; changes under way make them differ for a while.
  record_digest there;
  record_digest here;
  /// In order of record id.
  std::vector<record_difference> differences;
  /// There are more than these.
  bool more = false;
  /// Records that are equal, but of which one side alone knows a checksum.
  std::int64_t checksums_unknown = 0;
  /// Why it could not be compared; empty when it was.
  std::string trouble;

  [[nodiscard]] bool equal() const { return trouble.empty() && differences.empty() && !more; }
};

/// How the last comparison stands.
struct comparison_status {
  enum class stage : std::uint8_t { none, running, done };
  stage now = stage::none;
  /// Counts comparisons since the node started.
  std::uint64_t number = 0;
  std::optional<wall_time> began_at;
  /// What it is at: "reading package_file", for people.
  std::string at;
  /// In the order of the names; those that are through.
  std::vector<type_comparison> types;
};

} // namespace farshore
