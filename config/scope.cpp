#include "config/scope.hpp"

#include "config/ids.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include <fmt/format.h>
#include <openssl/evp.h>

namespace farshore {

namespace {

void append(std::string& text, std::string_view what, std::string_view value) {
  text += fmt::format("{} {}:{}\n", what, value.size(), value);
}

std::optional<std::int64_t> leading_number(std::string_view& text) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{})
    return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

} // namespace

void make_canonical(site_scope& scope) {
  for (auto& [_, values] : scope.columns) {
    std::ranges::sort(values);
    const auto again = std::ranges::unique(values);
    values.erase(again.begin(), again.end());
  }
}

scope_digest digest_of(const site_scope& scope) {
  if (scope.whole())
    return {};
  // Each part with its length: no two scopes have one text.
  std::string text = "farshore scope 1\n";
  for (const auto& [column, values] : scope.columns) {
    append(text, "column", column);
    for (const auto& value : values)
      append(text, "value", value);
  }
  for (const auto& [type, predicate] : scope.predicates) {
    append(text, "type", type);
    append(text, "predicate", predicate);
  }
  checksum sum{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), sum.data(), &size, EVP_sha256(), nullptr);
  return to_hex(sum);
}

bool is_scope_digest(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::optional<value_range> parse_range(std::string_view text) {
  const auto first = leading_number(text);
  if (!first)
    return std::nullopt;
  if (text.empty())
    return value_range{*first, *first};
  if (!text.starts_with('-'))
    return std::nullopt;
  text.remove_prefix(1);
  const auto last = leading_number(text);
  if (!last || !text.empty() || *last < *first)
    return std::nullopt;
  return value_range{*first, *last};
}

std::optional<std::vector<value_range>> ranges_of(std::span<const std::string> values,
                                                  std::string& bad) {
  std::vector<value_range> all;
  all.reserve(values.size());
  for (const auto& value : values) {
    const auto range = parse_range(value);
    if (!range) {
      bad = value;
      return std::nullopt;
    }
    all.push_back(*range);
  }
  std::ranges::sort(all, {}, &value_range::first);
  std::vector<value_range> merged;
  for (const auto& range : all)
    // Not last + 1: it may be the largest number there is.
    if (!merged.empty() &&
        (range.first <= merged.back().last || range.first - 1 == merged.back().last))
      merged.back().last = std::max(merged.back().last, range.last);
    else
      merged.push_back(range);
  return merged;
}

complaint check_scope_value(std::string_view text) {
  if (text.empty())
    return "an empty text selects nothing";
  if (text.size() > scope_value_bytes_max)
    return fmt::format("a value has at most {} bytes", scope_value_bytes_max);
  if (std::ranges::any_of(text, [](char c) { return c >= 0 && c < ' '; }))
    return "control characters are not allowed in a value";
  return {};
}

complaint check_scope(const site_scope& scope) {
  if (scope.columns.size() > scope_names_max || scope.predicates.size() > scope_names_max)
    return fmt::format("it has more than {} columns or predicates", scope_names_max);
  std::size_t values_count = 0;
  std::size_t bytes = 0;
  for (const auto& [column, values] : scope.columns) {
    if (auto wrong = check_column(column); !wrong.empty())
      return "column \"" + column.substr(0, 80) + "\": " + wrong;
    if (values.empty())
      return column + ": the list is empty";
    values_count += values.size();
    for (const auto& value : values) {
      bytes += value.size();
      if (auto wrong = check_scope_value(value); !wrong.empty())
        return column + ": " + wrong;
    }
  }
  if (values_count > scope_values_max)
    return fmt::format("it has {} values; {} are the most", values_count, scope_values_max);
  if (bytes > scope_bytes_max)
    return fmt::format("its values have {} bytes; {} are the most", bytes, scope_bytes_max);
  for (const auto& [type, predicate] : scope.predicates)
    if (!check_type_name(type).empty() || !check_type_name(predicate).empty())
      return "a predicate has no good name";
  return {};
}

} // namespace farshore
