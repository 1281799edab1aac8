// Compares what lies in a scanned folder with the rows of its table. Plain objects; no actor, no
// database, one pass over both in the order of the paths, nothing kept of what is equal.

#pragma once

#include "registry/scanned_rows.hpp"
#include "strategies/folder/folder_walk.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace farshore {

/// A file younger than this (by its ctime) when it was looked at is looked at again.
inline constexpr std::chrono::seconds young_age{2};

/// What a comparison came to so far; whoever takes a part of it empties that part.
struct scan_findings {
  scan_differences differences;
  /// To be looked at again once they are older.
  std::vector<std::string> young;
  /// What can't be replicated, with what it is; and folders that could not be looked into.
  std::vector<folder_entry> unsupported;
  std::vector<folder_entry> closed;
};

/// Compares one path: `seen` is what lies there (nothing, or anything), `row` what the table says
/// (nullptr: nothing). `exact_times`: the folder's times are this machine's.
void compare_place(const std::optional<folder_entry>& seen, const scanned_row* row,
                   bool exact_times, scan_findings& into);

class scan_merge {
public:
  /// The next entry of a walk.
  using source = std::function<std::optional<folder_entry>()>;

  enum class pause : std::uint8_t { needs_rows, interrupted, done };

  scan_merge(source walk, bool exact_times) : walk_{std::move(walk)}, exact_times_{exact_times} {}

  /// The rows that follow those before.
  void add(scanned_page page);
  /// Goes on, over `steps` entries and rows at most.
  pause run(std::size_t steps, scan_findings& into);
  /// Rows compared so far.
  [[nodiscard]] std::size_t rows() const { return rows_seen_; }

private:
  source walk_;
  bool exact_times_;
  std::optional<folder_entry> entry_;
  bool walk_ended_ = false;
  scanned_page page_;
  std::size_t at_ = 0;
  std::size_t rows_seen_ = 0;
  /// What begins so lies in a closed folder: nothing is known of it.
  std::optional<std::string> closed_;
};

} // namespace farshore
