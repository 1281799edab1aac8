// Signatures of requests between sites (and from the command line): a JWT, HS256, with a key of its
// own for each site, bound to one method and target, good for a minute. And the tokens that people
// read repositories with: made with the same keys, for another audience, good for days.
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

/// Whether the header carries what is meant for verify_request, good or not.
bool is_request_signature(std::string_view authorization);

/// The longest that a token for readers may be good for.
inline constexpr std::chrono::days read_token_life_max{3650};

/// A token for readers, named `name` (checked by is_reader_name), made with the key of `site`. Good
/// at that site, and at each that holds the secret, for cloning and for nothing else. Empty where
/// `secret` is not this site's.
std::string make_read_token(std::string_view secret, std::string_view site, std::string_view name,
                            std::chrono::days life, wall_time now);

/// How long a link is good for.
inline constexpr std::chrono::seconds read_link_life{600};
/// A token of the kind that stands within an address: it opens one repository, `place`
/// ("TYPE/LOCATOR", the locator encoded), to the reader, and soon nothing any more. Empty where
/// `secret` is not this site's.
std::string make_read_link(std::string_view secret, std::string_view site, std::string_view name,
                           std::string_view place, wall_time now);
/// The reader's name. Fails as verify_reader does.
result<std::string> verify_read_link(std::span<const std::string> secrets, std::string_view token,
                                     std::string_view place, wall_time now);

/// What a reader may be called: 1 to 64 of [A-Za-z0-9 ._@+-].
bool is_reader_name(std::string_view name);

/// The name of the reader whose token the header carries: as a password ("Basic …", under any user
/// name), or alone ("Bearer …"). Fails with ec::unauthorized and a sentence for the person.
result<std::string> verify_reader(std::span<const std::string> secrets,
                                  std::string_view authorization, wall_time now);

} // namespace farshore
