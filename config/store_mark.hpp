// What a store says of itself in `.farshore/identity`, and what a look at it finds: the words that
// strategies (who read and write it), registry (that repeats it) and actors (who compare) share.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace farshore {

struct store_mark {
  /// Drawn at random when the store was made.
  std::string id;
  /// Raised now and then while there is work: of two copies of a store the older has less.
  std::int64_t counter = 0;

  friend bool operator==(const store_mark&, const store_mark&) = default;
};

/// "<id> <counter>"
std::string to_string(const store_mark& mark);
/// Nothing where the text (its first line) is no such pair.
std::optional<store_mark> read_mark(std::string_view text);

/// What lies at a store's path at one moment.
struct store_look {
  /// The folder is there.
  bool there = false;
  /// Of the folder, or of the nearest one above it that is there.
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::optional<store_mark> mark;
};

} // namespace farshore
