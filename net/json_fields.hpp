// Reading fields of JSON that nobody has checked yet. The readers throw `broken_json` or what
// Boost.JSON throws; `parse_json` turns either into an ec::protocol error, so none leaves net/.

#pragma once

#include "config/error.hpp"
#include "config/ids.hpp"
#include "config/locator.hpp"
#include "config/values.hpp"

#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <boost/json.hpp>

namespace farshore {

namespace json = boost::json;

/// A text key is at most what fits into an index of PostgreSQL.
inline constexpr std::size_t key_bytes_max = 8'192;
inline constexpr std::size_t locator_text_bytes_max = 3 * 4'095;

struct broken_json : std::runtime_error {
  explicit broken_json(std::string_view name)
      : std::runtime_error{"\"" + std::string{name} + "\" has no such value"} {}
};

inline bool has(const json::value& from, std::string_view name) {
  return from.as_object().contains(name);
}

inline const json::value& field(const json::value& from, std::string_view name) {
  const auto* found = from.as_object().if_contains(name);
  if (!found)
    throw broken_json{name};
  return *found;
}

/// Exact: neither a fraction nor out of T's range. `name` is the field that it belongs to.
template <class T>
T whole_number(const json::value& found, std::string_view name) {
  boost::system::error_code failed;
  const T value = found.is_double() ? T{} : found.to_number<T>(failed);
  if (found.is_double() || failed)
    throw broken_json{name};
  return value;
}

template <class T>
T number(const json::value& from, std::string_view name) {
  return whole_number<T>(field(from, name), name);
}

template <class T>
std::optional<T> optional_number(const json::value& from, std::string_view name) {
  if (!has(from, name))
    return std::nullopt;
  return number<T>(from, name);
}

inline bool flag(const json::value& from, std::string_view name) {
  return field(from, name).as_bool();
}

inline std::string_view text(const json::value& from, std::string_view name,
                             std::size_t bytes_max) {
  const auto& found = field(from, name).as_string();
  if (found.size() > bytes_max)
    throw broken_json{name};
  return {found.data(), found.size()};
}

inline const json::array& array(const json::value& from, std::string_view name, std::size_t max) {
  const auto& found = field(from, name).as_array();
  if (found.size() > max)
    throw broken_json{name};
  return found;
}

inline std::string type_name(const json::value& from, std::string_view name) {
  const auto found = text(from, name, 100);
  if (!check_type_name(found).empty())
    throw broken_json{name};
  return std::string{found};
}

/// Empty, or in the encoding of config/locator.hpp.
inline std::string encoded_locator(const json::value& from, std::string_view name) {
  const auto found = text(from, name, locator_text_bytes_max);
  if (!found.empty() && !decode_locator(found))
    throw broken_json{name};
  return std::string{found};
}

inline std::optional<checksum> optional_checksum(const json::value& from, std::string_view name) {
  if (!has(from, name))
    return std::nullopt;
  checksum sum;
  if (!from_hex(text(from, name, 64), sum))
    throw broken_json{name};
  return sum;
}

/// `read` makes a T of the parsed text.
template <class T, class Read>
result<T> parse_json(std::string_view what, std::string_view input, Read read) {
  try {
    return read(json::parse(input));
  } catch (const std::exception& e) {
    return fail(ec::protocol,
                "the JSON of \"" + std::string{what} + "\" is broken: " + std::string{e.what()});
  }
}

} // namespace farshore
