#include "config/values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <numeric>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace farshore {

namespace {

struct unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array duration_units{
    unit{"ms", 1},
    unit{"s", 1'000},
    unit{"sec", 1'000},
    unit{"second", 1'000},
    unit{"seconds", 1'000},
    unit{"min", 60'000},
    unit{"m", 60'000},
    unit{"minute", 60'000},
    unit{"minutes", 60'000},
    unit{"h", 3'600'000},
    unit{"hour", 3'600'000},
    unit{"hours", 3'600'000},
    unit{"days", 86'400'000},
    unit{"day", 86'400'000},
    unit{"d", 86'400'000},
};

constexpr std::array byte_units{
    unit{"", 1},           unit{"B", 1},      unit{"KiB", 1u << 10}, unit{"MiB", 1u << 20},
    unit{"GiB", 1u << 30}, unit{"KB", 1'000}, unit{"MB", 1'000'000}, unit{"GB", 1'000'000'000},
};

/// A whole number, spaces, one of the units; nothing where the product exceeds `max`.
template <class Units>
std::optional<std::uint64_t> parse_quantity(std::string_view text, const Units& units,
                                            std::uint64_t max) {
  std::uint64_t number = 0;
  auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{})
    return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
  auto name = text.substr(std::min(text.find_first_not_of(' '), text.size()));
  for (const auto& u : units)
    if (u.name == name)
      return number > max / u.factor ? std::nullopt : std::optional{number * u.factor};
  return std::nullopt;
}

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_identifier(std::string_view text) {
  auto is_letter = [](char c) { return is_lower(c) || (c >= 'A' && c <= 'Z') || c == '_'; };
  // PostgreSQL cuts longer names silently.
  return !text.empty() && text.size() <= 63 && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return is_letter(c) || is_digit(c); });
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '.' || c == '-';
  });
}

bool is_ipv6(std::string_view text) {
  in6_addr address;
  return inet_pton(AF_INET6, std::string{text}.c_str(), &address) == 1;
}

/// Where a quoted piece that begins at `at` ends: one past its closing quote, or npos. A quote that
/// is doubled stands for itself.
std::size_t end_of_quoted(std::string_view text, std::size_t at, bool backslash_escapes) {
  const char quote = text[at];
  for (++at; at < text.size(); ++at) {
    if (backslash_escapes && text[at] == '\\')
      ++at;
    else if (text[at] == quote) {
      if (at + 1 == text.size() || text[at + 1] != quote)
        return at + 1;
      ++at;
    }
  }
  return std::string_view::npos;
}

/// Whether the quote at `at` opens an escape string: E'…'.
bool opens_escape_string(std::string_view text, std::size_t at) {
  if (text[at] != '\'' || at == 0 || (text[at - 1] != 'E' && text[at - 1] != 'e'))
    return false;
  auto in_word = [](char c) {
    return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '$' || c < 0;
  };
  return at == 1 || !in_word(text[at - 2]);
}

} // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  constexpr auto max = static_cast<std::uint64_t>(std::chrono::milliseconds::max().count());
  auto parsed = parse_quantity(text, duration_units, max);
  if (!parsed)
    return std::nullopt;
  return std::chrono::milliseconds{static_cast<std::int64_t>(*parsed)};
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  return parse_quantity(text, byte_units, std::numeric_limits<std::uint64_t>::max());
}

std::optional<std::uint32_t> parse_mode(std::string_view text) {
  std::uint32_t mode = 0;
  auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (text.size() < 3 || error != std::errc{} || rest != text.data() + text.size() || mode > 0777)
    return std::nullopt;
  return mode;
}

std::string show_duration(std::chrono::milliseconds value) {
  constexpr std::array shown{unit{" days", 86'400'000}, unit{"h", 3'600'000}, unit{"min", 60'000},
                             unit{"s", 1'000}};
  auto count = static_cast<std::uint64_t>(value.count());
  for (const auto& u : shown)
    if (count != 0 && count % u.factor == 0)
      return std::to_string(count / u.factor) + std::string{u.name};
  return std::to_string(count) + "ms";
}

std::string show_bytes(std::uint64_t value) {
  constexpr std::array shown{unit{" GiB", 1u << 30}, unit{" GB", 1'000'000'000},
                             unit{" MiB", 1u << 20}, unit{" MB", 1'000'000},
                             unit{" KiB", 1u << 10}, unit{" KB", 1'000}};
  for (const auto& u : shown) // the largest first
    if (value != 0 && value % u.factor == 0)
      return std::to_string(value / u.factor) + std::string{u.name};
  return std::to_string(value);
}

std::string readable_bytes(std::uint64_t bytes) {
  constexpr std::array units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024)
    return fmt::format("{} bytes", bytes);
  auto value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit)
    value /= 1024;
  return fmt::format("{:.1f} {}", value, units[unit]);
}

std::optional<endpoint> parse_endpoint(std::string_view text) {
  auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return std::nullopt;
  auto host = text.substr(0, colon);
  auto port_text = text.substr(colon + 1);
  std::uint16_t port = 0;
  auto [rest, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc{} || rest != port_text.data() + port_text.size())
    return std::nullopt;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (!is_ipv6(host))
      return std::nullopt;
  } else if (!is_host_name(host)) {
    return std::nullopt;
  }
  return endpoint{std::string{host}, port};
}

std::optional<site_url> parse_site_url(std::string_view text) {
  constexpr std::string_view plain = "http://";
  constexpr std::string_view tls = "https://";
  const bool is_tls = text.starts_with(tls);
  if (!is_tls && !text.starts_with(plain))
    return std::nullopt;
  text.remove_prefix((is_tls ? tls : plain).size());
  if (text.ends_with('/'))
    text.remove_suffix(1);
  auto where = parse_endpoint(text);
  if (!where || where->port == 0)
    return std::nullopt;
  return site_url{std::move(*where), is_tls};
}

std::string to_string(const endpoint& e) {
  auto host = e.host.find(':') == std::string::npos ? e.host : "[" + e.host + "]";
  return fmt::format("{}:{}", host, e.port);
}

complaint check_site_name(std::string_view text) {
  auto good = [](char c) { return is_lower(c) || is_digit(c) || c == '-'; };
  if (!text.empty() && text.size() <= 63 && text.front() != '-' &&
      std::all_of(text.begin(), text.end(), good))
    return {};
  return "a site's name has 1 to 63 of a-z, 0-9 and \"-\", and does not begin with \"-\", e.g. "
         "\"lisbon\"";
}

complaint check_type_name(std::string_view text) {
  auto good = [](char c) { return is_lower(c) || is_digit(c) || c == '_'; };
  if (!text.empty() && text.size() <= 40 && is_lower(text.front()) &&
      std::all_of(text.begin(), text.end(), good))
    return {};
  return "a type's name has 1 to 40 of a-z, 0-9 and \"_\", and begins with a letter, e.g. "
         "\"package_file\"";
}

complaint check_listen(std::string_view text) {
  if (parse_endpoint(text))
    return {};
  return "write host:port, e.g. \"127.0.0.1:7400\" or \"[::1]:7400\"; port 0 takes a free one";
}

complaint check_primary_url(std::string_view text) {
  if (parse_site_url(text))
    return {};
  return "write http://host:port or https://host:port with nothing behind it, e.g. "
         "\"https://harbour.example.com:7400\"";
}

complaint check_database(std::string_view text) {
  if (text == "managed" || (text.starts_with("postgresql://") && text.size() > 13))
    return {};
  return "write \"managed\" for a database of the node's own, or a URL that begins with "
         "\"postgresql://\"";
}

complaint check_strategy(std::string_view text) {
  if (text == "blob" || text == "repository")
    return "";
  return "there is no such strategy (yet); write strategy = \"blob\" or \"repository\"";
}

complaint check_serve_unsynced(std::string_view text) {
  return text == "refuse" || text == "redirect" ? "" : "write \"refuse\" or \"redirect\"";
}

complaint check_metrics(std::string_view text) {
  return text == "token" || text == "open" ? "" : "write \"token\" or \"open\"";
}

complaint check_log_format(std::string_view text) {
  return text == "text" || text == "json" ? "" : "write \"text\" or \"json\"";
}

complaint check_log_level(std::string_view text) {
  for (std::string_view level : {"debug", "info", "warn", "error"})
    if (text == level)
      return {};
  return "write \"debug\", \"info\", \"warn\" or \"error\"";
}

complaint check_table(std::string_view text) {
  auto dot = text.find('.');
  auto good = dot == std::string_view::npos
                  ? is_identifier(text)
                  : is_identifier(text.substr(0, dot)) && is_identifier(text.substr(dot + 1));
  return good ? ""
              : "write \"table\" or \"schema.table\", each of letters, digits and \"_\", not "
                "beginning with a digit, without quotes";
}

complaint check_column(std::string_view text) {
  return is_identifier(text) ? ""
                             : "write the name of one column: letters, digits and \"_\", not "
                               "beginning with a digit, without quotes";
}

complaint check_sql_expression(std::string_view text) {
  std::vector<char> open;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    auto next = at + 1 < text.size() ? text[at + 1] : '\0';
    switch (c) {
    case '\'':
    case '"':
      at = end_of_quoted(text, at, opens_escape_string(text, at));
      if (at == std::string_view::npos)
        return fmt::format("a {} quote is not closed", c == '"' ? "double" : "single");
      continue;
    case ';':
      return "\";\" does not belong into an expression; write one expression over the table's row";
    case '$':
      return "\"$\" is not allowed outside quotes; write text in single quotes";
    case '(':
    case '[':
      open.push_back(c == '(' ? ')' : ']');
      break;
    case ')':
    case ']':
      if (open.empty() || open.back() != c)
        return fmt::format("\"{}\" closes nothing", c);
      open.pop_back();
      break;
    case '-':
    case '/':
      if ((c == '-' && next == '-') || (c == '/' && next == '*'))
        return "a comment does not belong into an expression; write comments as # lines of this "
               "file";
      break;
    default:
      break;
    }
    ++at;
  }
  if (!open.empty())
    return fmt::format("\"{}\" is missing at its end", open.back());
  return {};
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      auto substituted = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, substituted});
    }
  }
  return row.back();
}

} // namespace farshore
