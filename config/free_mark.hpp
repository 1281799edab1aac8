// How much of a file system stays free: the setting `min_free`. Plain values.

#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

namespace farshore {

/// The lesser of a share of the file system and a number of bytes. As a default 5 %, but not more
/// than 10 GiB: a share alone keeps a terabyte of a large disk idle, a number alone fills a small
/// one's whole room.
struct free_mark {
  unsigned percent = 5;
  std::uint64_t bytes = std::uint64_t{10} << 30;

  /// On a file system of so many bytes.
  [[nodiscard]] std::uint64_t of(std::uint64_t total) const {
    return std::min(total / 100 * percent, bytes);
  }

  friend bool operator==(const free_mark&, const free_mark&) = default;
};

/// "5 %" (0 to 90), or bytes as parse_bytes takes them.
std::optional<free_mark> parse_free_mark(std::string_view text);

} // namespace farshore
