// Colours for a terminal: where they are on, and how they are written.

#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include <unistd.h>

namespace farshore {

struct paint {
  bool on = false;

  [[nodiscard]] std::string good(std::string text) const { return in("32", std::move(text)); }
  [[nodiscard]] std::string warning(std::string text) const { return in("33", std::move(text)); }
  [[nodiscard]] std::string bad(std::string text) const { return in("31", std::move(text)); }
  [[nodiscard]] std::string strong(std::string text) const { return in("1", std::move(text)); }

  /// A number of what should not be.
  [[nodiscard]] std::string fault(std::int64_t count) const {
    return count > 0 ? bad(std::to_string(count)) : std::to_string(count);
  }

private:
  [[nodiscard]] std::string in(std::string_view code, std::string text) const {
    return on ? "\x1b[" + std::string{code} + "m" + text + "\x1b[0m" : text;
  }
};

/// On a terminal that has any, unless NO_COLOR is set (https://no-color.org).
inline paint paint_of_terminal() {
  const auto* no_colour = std::getenv("NO_COLOR");
  const auto* terminal = std::getenv("TERM");
  const bool wanted = no_colour == nullptr || *no_colour == '\0';
  const bool able = terminal != nullptr && std::string_view{terminal} != "dumb";
  return {wanted && able && ::isatty(STDOUT_FILENO) == 1};
}

} // namespace farshore
