// Signatures of requests between sites (and from the command line): a JWT, HS256, with a key of its
// own for each site, bound to one method and target, good for a minute.
//
// A secret here is what config/secret.hpp reads: the one that the sites share, of which every
// site's key follows, or the text of one site's key, by which nobody else's can be known.
//
// Pure functions, thread-safe. A secret never appears in a result, a message or a log.

#pragma once

#include "config/error.hpp"
#include "config/ids.hpp"
#include "config/secret.hpp"

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace farshore {

/// How long a signature is good for.
inline constexpr std::chrono::seconds signature_life{60};
/// How far the clocks of two sites may be apart.
inline constexpr std::chrono::seconds clock_tolerance{60};

/// The key of `site`. Nothing where `secret` is only another site's key.
std::optional<site_key> derive_key(std::string_view secret, std::string_view site);

/// The value of the Authorization header ("Bearer …") for one request of `site`. `target` is the
/// request's target as it is sent: path and query, ASCII. Empty where `secret` is not this site's.
std::string sign_request(std::string_view secret, std::string_view site, std::string_view method,
                         std::string_view target, wall_time now);

/// The name of the site that signed the request with one of `secrets` (two during a rotation).
/// Fails with ec::unauthorized and a sentence for the operator of that site. Nothing is said about
/// the clock, or anything else in the token, before the signature was found good.
result<std::string> verify_request(std::span<const std::string> secrets,
                                   std::string_view authorization, std::string_view method,
                                   std::string_view target, wall_time now);

} // namespace farshore
