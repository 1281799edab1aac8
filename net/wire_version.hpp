// Versions of what sites say to each other (docs/wire.md, "Versions"): which this program speaks,
// how they are written, and what is said where two programs have none in common. Pure.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace farshore {

/// This program speaks the newest, and works with every one down to the oldest.
inline constexpr int wire_newest = 3;
inline constexpr int wire_oldest = 1;
/// Names the version that a request or an answer is written in.
inline constexpr const char* wire_header = "Farshore-Wire";

/// A version that this program speaks.
inline constexpr bool wire_known(int version) {
  return version >= wire_oldest && version <= wire_newest;
}

/// What the header says; any version, known here or not.
std::optional<int> parse_wire(std::string_view text);

/// "farshore/0.1.0": in the headers Server and User-Agent.
std::string program_name();

/// Which versions and programs there are on both sides, and where to upgrade. `their_wire` and
/// `their_program` come from the other side's headers, as they are.
std::string no_wire_in_common(std::string_view their_wire, std::string_view their_program);

} // namespace farshore
