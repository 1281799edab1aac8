#include "config/toml_guard.hpp"

#include <algorithm>
#include <string>

namespace farshore {

namespace {

bool beyond_ascii(char c) {
  return static_cast<unsigned char>(c) >= 0x80;
}

struct quoted_text {
  /// One past it; the line's end where a text of one line is not closed.
  std::size_t end = 0;
  /// Where a byte beyond ASCII follows a backslash (and a line's end) of a multi-line text.
  std::optional<std::size_t> stray{};
};

quoted_text read_quoted(std::string_view toml, std::size_t at) {
  const char quote = toml[at];
  const std::string triple(3, quote);
  const bool multi_line = toml.substr(at, 3) == triple;
  const auto closing = multi_line ? std::string_view{triple} : toml.substr(at, 1);
  for (at += closing.size(); at < toml.size(); ++at) {
    if (toml.substr(at, closing.size()) == closing)
      return {at + closing.size()};
    if (!multi_line && toml[at] == '\n')
      return {at};
    if (quote == '"' && toml[at] == '\\') {
      auto next = multi_line ? toml.find_first_not_of(" \t\r\n", at + 1) : at + 1;
      if (multi_line && next < toml.size() && beyond_ascii(toml[next]))
        return {next, next};
      ++at;
    }
  }
  return {toml.size()};
}

} // namespace

std::optional<int> line_of_stray_character(std::string_view toml) {
  auto line_at = [&](std::size_t at) {
    return static_cast<int>(
               std::count(toml.begin(), toml.begin() + static_cast<std::ptrdiff_t>(at), '\n')) +
           1;
  };
  // A byte order mark may open the file.
  for (std::size_t at = toml.starts_with("\xef\xbb\xbf") ? 3 : 0; at < toml.size();) {
    const char c = toml[at];
    if (c == '#') {
      at = std::min(toml.find('\n', at), toml.size());
    } else if (c == '"' || c == '\'') {
      auto text = read_quoted(toml, at);
      if (text.stray)
        return line_at(*text.stray);
      at = text.end;
    } else if (beyond_ascii(c)) {
      return line_at(at);
    } else {
      ++at;
    }
  }
  return std::nullopt;
}

} // namespace farshore
