// Tokens that are given to people: JWTs, HS256, made with a site's key, for one use, good for days.
// Only for signing.cpp and person.cpp, which say what each use means.
//
// Pure functions, thread-safe. Neither a secret nor a token appears in a message.

#pragma once

#include "config/error.hpp"
#include "config/ids.hpp"

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <jwt.h>

namespace farshore {

struct jwt_deleter {
  void operator()(jwt_t* token) const { jwt_free(token); }
};
using jwt_ptr = std::unique_ptr<jwt_t, jwt_deleter>;

/// What a token says before anything of it was found good; null where it is no JWT.
jwt_ptr decode_unverified(const std::string& token);
/// A token, as the secrets show it to be; null where its signature is not that of the site's key.
jwt_ptr verified_by(std::span<const std::string> secrets, const std::string& token,
                    const std::string& site);
/// Empty where it is not there.
std::string_view text_claim(const jwt_ptr& token, const char* name);
/// Empty where it can't be.
std::string encoded(jwt_t* token);

/// A header block is at most 16 KiB; a token with the longest target fits well.
inline constexpr std::size_t token_bytes_max = 12 * 1024;
/// In 2255, just within wall_time's range.
inline constexpr std::int64_t token_time_max = 9'000'000'000;

std::int64_t to_seconds(wall_time t);
/// An ec::unauthorized: "request refused: …".
tl::unexpected<error> refused(std::string why);

struct named_token {
  /// The site whose key it was made with.
  std::string site;
  /// Whose it is.
  std::string name;
  /// Its audience.
  std::string use;
  /// The one thing that it opens; empty: all that it is used for.
  std::string place = {};
};

/// Empty where `secret` is not the site's.
std::string make_named_token(std::string_view secret, const named_token& what,
                             std::chrono::seconds life, wall_time now);

/// What is asked of a token.
struct token_demand {
  std::span<const std::string> secrets;
  /// Any one of these.
  std::span<const char* const> uses;
  std::string_view place;
  std::chrono::seconds life_max;
  /// How another is made, for the sentences.
  std::string_view command;
};
result<named_token> verify_named_token(const token_demand& demand, const std::string& token,
                                       wall_time now);

} // namespace farshore
