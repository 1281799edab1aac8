// What a secondary wants of its primary's records (selective sync). Plain data, and the digest that
// requests and pages name it by. Pure functions.
//
// A secondary names values and predicates, never SQL: what they mean over a type's rows is the
// primary's to say (registry/scope_sql.hpp).

#pragma once

#include "config/values.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace farshore {

/// Of all columns together.
inline constexpr std::size_t scope_values_max = 10'000;
inline constexpr std::size_t scope_value_bytes_max = 255;
/// Columns; and as many types with a predicate.
inline constexpr std::size_t scope_names_max = 1'000;
/// Of all values together: a scope travels in one request.
inline constexpr std::size_t scope_bytes_max = 384 * 1024;

/// SHA-256 of a scope's canonical text, in lower-case hex; empty: everything is wanted.
using scope_digest = std::string;

struct site_scope {
  /// By the column that types select by: the values that are wanted, sorted, each once. Whole
  /// numbers stand in decimals.
  std::map<std::string, std::vector<std::string>> columns;
  /// By type: the name of one of its predicates.
  std::map<std::string, std::string> predicates;

  [[nodiscard]] bool whole() const { return columns.empty() && predicates.empty(); }
  friend bool operator==(const site_scope&, const site_scope&) = default;
};

/// Sorts, and drops what is there twice: only then do equal scopes have equal digests.
void make_canonical(site_scope& scope);
scope_digest digest_of(const site_scope& scope);
/// 64 lower-case hex digits.
bool is_scope_digest(std::string_view text);

/// Both included.
struct value_range {
  std::int64_t first = 0;
  std::int64_t last = 0;

  friend bool operator==(const value_range&, const value_range&) = default;
};
/// "7", "-3", "10-20", "-5--1". Nothing for other text, and where the range is empty.
std::optional<value_range> parse_range(std::string_view text);
/// Sorted, and none touches another. Nothing, and `bad` set, where a value is no number or range.
std::optional<std::vector<value_range>> ranges_of(std::span<const std::string> values,
                                                  std::string& bad);

/// What is wrong with a value, whatever its column's type.
complaint check_scope_value(std::string_view text);
/// What is wrong with the scope as a whole: names, counts, lengths. It may come from anybody.
complaint check_scope(const site_scope& scope);

} // namespace farshore
