// Tokens by which people, and the programs that watch for them, use a site's API and its page:
// `farshore token --viewer` and `--operator`. Made with the site's own key, and good at that site
// alone: who holds another site's key can't make one.
//
// Pure functions, thread-safe. Neither a secret nor a token appears in a message.

#pragma once

#include "config/error.hpp"
#include "config/ids.hpp"
#include "net/signing.hpp"

#include <chrono>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace farshore {

/// Each may what the one before it may.
enum class person_level : std::uint8_t {
  /// Sees everything.
  viewer,
  /// Acts as well.
  operating,
};
/// "viewer", "operator".
const char* to_string(person_level level);

/// Whose token it is.
struct person {
  /// As is_reader_name() has it.
  std::string name;
  person_level level = person_level::viewer;
};

/// The longest that such a token may be good for.
inline constexpr std::chrono::days person_token_life_max = read_token_life_max;

/// Empty where `secret` is not the site's.
std::string make_person_token(std::string_view secret, std::string_view site, const person& whose,
                              std::chrono::days life, wall_time now);

/// Whose the token is, and what it is good for at `site`: the token's text alone, without a scheme.
/// Fails with ec::unauthorized and a sentence for the person.
result<person> verify_person(std::span<const std::string> secrets, std::string_view site,
                             std::string_view token, wall_time now);

} // namespace farshore
