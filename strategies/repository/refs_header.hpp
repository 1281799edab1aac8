// What comes before the pack when a repository travels: its refs, as lines of text (docs/wire.md,
// "Repositories"). Pure.

#pragma once

#include "config/error.hpp"
#include "strategies/repository/refs.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace farshore {

/// More than any repository has.
inline constexpr std::size_t refs_header_bytes_max = 256u << 20;
/// Ends with an empty line, the only one.
inline constexpr std::string_view refs_header_end = "\n\n";

std::string to_refs_header(const repository_refs& refs);

/// Fails with ec::protocol: a line that no header has, a name or an object's name that git would
/// not take, names out of order or twice, one that lies beneath another, a sum that is another.
result<repository_refs> parse_refs_header(std::string_view text);

} // namespace farshore
