#include "config/store_mark.hpp"

#include <charconv>

namespace farshore {

std::string to_string(const store_mark& mark) {
  return mark.id + ' ' + std::to_string(mark.counter);
}

std::optional<store_mark> read_mark(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  const auto space = text.find(' ');
  if (space == 0 || space == std::string_view::npos)
    return std::nullopt;
  store_mark mark{std::string{text.substr(0, space)}, 0};
  const auto* const end = text.data() + text.size();
  const auto [stopped, failed] = std::from_chars(text.data() + space + 1, end, mark.counter);
  if (failed != std::errc{} || stopped != end || mark.counter < 0)
    return std::nullopt;
  return mark;
}

} // namespace farshore
