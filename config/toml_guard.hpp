// What must be known of a TOML text before toml++ 3.3 may see it.

#pragma once

#include <optional>
#include <string_view>

namespace farshore {

/// The line (from 1 on) of the first byte beyond ASCII that stands neither in quotes nor in a
/// comment, or that follows a backslash in a multi-line text. TOML allows none of the former; on
/// both, toml++ 3.3 runs into undefined behaviour instead of reporting it.
std::optional<int> line_of_stray_character(std::string_view toml);

} // namespace farshore
