#include "config/free_mark.hpp"

#include "config/values.hpp"

#include <charconv>

namespace farshore {

std::optional<free_mark> parse_free_mark(std::string_view text) {
  if (!text.ends_with('%')) {
    const auto bytes = parse_bytes(text);
    return bytes ? std::optional{free_mark{100, *bytes}} : std::nullopt;
  }
  unsigned percent = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), percent);
  const std::string_view rest{end, static_cast<std::size_t>(text.data() + text.size() - end)};
  if (failed != std::errc{} || (rest != "%" && rest != " %") || percent > 90)
    return {};
  return free_mark{percent, UINT64_MAX};
}

} // namespace farshore
