// The notations that a configuration uses: durations, sizes, addresses, names. Pure functions.
//
// A `complaint` is empty where a value is good, else it says what is wrong and what to write
// instead, to be read after `key = value: `.

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace farshore {

using complaint = std::string;

/// "500ms", "10s", "5 min", "1h", "7 days": a whole number and its unit. Nothing for other text, or
/// where it does not fit.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// "65536", "64 KiB", "1 MiB", "2GiB" (also KB, MB, GB by thousands): bytes.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

/// "0644": permission bits in octal, up to 0777.
std::optional<std::uint32_t> parse_mode(std::string_view text);

/// Shortest text that parse_duration reads back: "10s", "1h", "1500ms".
std::string show_duration(std::chrono::milliseconds value);
/// Shortest text that parse_bytes reads back: "1 MiB", "1500".
std::string show_bytes(std::uint64_t value);

/// For people: "1.5 KiB", "17 bytes".
std::string readable_bytes(std::uint64_t bytes);

struct endpoint {
  /// A name or an address; IPv6 without its brackets.
  std::string host;
  std::uint16_t port = 0;

  friend bool operator==(const endpoint&, const endpoint&) = default;
};

/// "host:port", "[::1]:port".
std::optional<endpoint> parse_endpoint(std::string_view text);
struct site_url {
  endpoint where;
  /// https://
  bool tls = false;

  friend bool operator==(const site_url&, const site_url&) = default;
};

/// "http://host:port" or "https://host:port", with nothing behind it but perhaps a slash.
std::optional<site_url> parse_site_url(std::string_view text);
/// "host:port", with brackets where needed.
std::string to_string(const endpoint& e);

complaint check_site_name(std::string_view text);
complaint check_type_name(std::string_view text);
complaint check_listen(std::string_view text);
complaint check_primary_url(std::string_view text);
/// Never repeats the text: it may hold a password.
complaint check_database(std::string_view text);
complaint check_strategy(std::string_view text);
complaint check_serve_unsynced(std::string_view text);
complaint check_metrics(std::string_view text);
complaint check_log_format(std::string_view text);
complaint check_log_level(std::string_view text);
/// "table" or "schema.table", plain identifiers.
complaint check_table(std::string_view text);
complaint check_column(std::string_view text);
/// An expression over the table's row goes into statements of Farshore's as it is: it must end
/// where it says it does (no `;`, no comment, quotes and brackets closed).
complaint check_sql_expression(std::string_view text);

/// Insertions, deletions and substitutions between the two.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The name among `known` that `text` most likely meant, or empty where none is near.
template <class Names>
std::string_view nearest(std::string_view text, const Names& known) {
  std::string_view best;
  auto best_distance = text.size() / 3 + 2;
  for (std::string_view name : known)
    if (auto distance = edit_distance(text, name); distance < best_distance) {
      best = name;
      best_distance = distance;
    }
  return best;
}

} // namespace farshore
