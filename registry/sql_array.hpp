// Arrays as statement parameters: a column of values that unnest() turns back into rows. libpqxx 6
// has no array parameters of its own; this one knows nulls.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace farshore {

namespace sql_array_detail {

inline void append(std::string& out, std::int64_t number) {
  out += std::to_string(number);
}

inline void append(std::string& out, bool flag) {
  out += flag ? 't' : 'f';
}

inline void append(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
  out += '"';
}

inline void append(std::string& out, const std::string& text) {
  append(out, std::string_view{text});
}

template <class T>
void append(std::string& out, const std::optional<T>& value) {
  if (value)
    append(out, *value);
  else
    out += "NULL";
}

} // namespace sql_array_detail

/// The text of an array with what `value_of` yields for each row: std::int64_t, bool, text, or an
/// optional of these.
template <class Rows, class Projection>
std::string sql_array(const Rows& rows, Projection value_of) {
  std::string out = "{";
  for (const auto& row : rows) {
    if (out.size() > 1)
      out += ',';
    sql_array_detail::append(out, value_of(row));
  }
  return out += '}';
}

} // namespace farshore
