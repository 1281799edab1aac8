#include "net/wire_version.hpp"

#include "config/version.hpp"

#include <charconv>

#include <fmt/format.h>

namespace farshore {

namespace {

constexpr std::size_t shown_bytes_max = 40;

/// From the other side, and shown to an operator: short, and nothing but printable ASCII.
std::string shown(std::string_view text, std::string_view if_empty) {
  std::string out;
  for (const char c : text.substr(0, shown_bytes_max))
    out += c >= ' ' && c <= '~' ? c : '?';
  return out.empty() ? std::string{if_empty} : out;
}

} // namespace

std::optional<int> parse_wire(std::string_view text) {
  int version = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (failed != std::errc{} || end != text.data() + text.size() || version < 0)
    return std::nullopt;
  return version;
}

std::string program_name() {
  return fmt::format("farshore/{}", program_version());
}

std::string no_wire_in_common(std::string_view their_wire, std::string_view their_program) {
  const auto theirs = parse_wire(their_wire);
  return fmt::format(
      "this site ({}) speaks versions {} to {} of Farshore's protocol, the other one "
      "({}) version {}: {}",
      program_name(), wire_oldest, wire_newest,
      shown(their_program, "a program that does not say its name"), shown(their_wire, "none"),
      !theirs                 ? "is it a Farshore node?"
      : *theirs > wire_newest ? "upgrade Farshore at this site"
                              : "upgrade Farshore at the other site");
}

} // namespace farshore
