#include "net/named_token.hpp"

#include "config/values.hpp"
#include "net/signing.hpp"

#include <algorithm>
#include <cassert>
#include <cstdlib>

namespace farshore {

namespace {

jwt_ptr decode(const std::string& token, const site_key* key) {
  jwt_t* raw = nullptr;
  const int failed = jwt_decode(&raw, token.c_str(), key ? key->bytes.data() : nullptr,
                                key ? static_cast<int>(key->bytes.size()) : 0);
  jwt_ptr decoded{raw};
  return failed ? nullptr : std::move(decoded);
}

} // namespace

jwt_ptr decode_unverified(const std::string& token) {
  return decode(token, nullptr);
}

jwt_ptr verified_by(std::span<const std::string> secrets, const std::string& token,
                    const std::string& site) {
  jwt_ptr verified;
  for (const auto& secret : secrets) {
    if (const auto key = derive_key(secret, site))
      verified = decode(token, &*key);
    if (verified)
      break;
  }
  // libjwt would take any HMAC that the token's header asks for.
  return verified && jwt_get_alg(verified.get()) == JWT_ALG_HS256 ? std::move(verified) : nullptr;
}

std::string_view text_claim(const jwt_ptr& token, const char* name) {
  const char* text = jwt_get_grant(token.get(), name);
  return text ? text : std::string_view{};
}

std::string encoded(jwt_t* token) {
  const std::unique_ptr<char, decltype(&std::free)> text{jwt_encode_str(token), &std::free};
  return text ? text.get() : std::string{};
}

std::int64_t to_seconds(wall_time t) {
  return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
}

tl::unexpected<error> refused(std::string why) {
  return fail(ec::unauthorized, "request refused: " + std::move(why));
}

std::string make_named_token(std::string_view secret, const named_token& what,
                             std::chrono::seconds life, wall_time now) {
  assert(is_reader_name(what.name));
  const auto key = derive_key(secret, what.site);
  jwt_t* raw = nullptr;
  if (!key || jwt_new(&raw) != 0)
    return {};
  const jwt_ptr token{raw};
  const auto issued = to_seconds(now);
  const bool complete =
      jwt_add_grant(raw, "iss", what.site.c_str()) == 0 &&
      jwt_add_grant(raw, "aud", what.use.c_str()) == 0 &&
      jwt_add_grant(raw, "sub", what.name.c_str()) == 0 &&
      (what.place.empty() || jwt_add_grant(raw, "t", what.place.c_str()) == 0) &&
      jwt_add_grant_int(raw, "iat", issued) == 0 &&
      jwt_add_grant_int(raw, "exp", issued + life.count()) == 0 &&
      jwt_set_alg(raw, JWT_ALG_HS256, key->bytes.data(), static_cast<int>(key->bytes.size())) == 0;
  return complete ? encoded(raw) : std::string{};
}

result<named_token> verify_named_token(const token_demand& demand, const std::string& token,
                                       wall_time now) {
  const auto make = "`" + std::string{demand.command} + "`";
  const auto unverified = decode_unverified(token);
  const std::string site{unverified ? text_claim(unverified, "iss") : std::string_view{}};
  if (!check_site_name(site).empty())
    return refused("what it carries is no token; " + make + " makes one");
  const auto verified = verified_by(demand.secrets, token, site);
  if (!verified)
    return refused("its token was made with a secret, or a key, that does not count here (any "
                   "more)");
  named_token what{site, std::string{text_claim(verified, "sub")},
                   std::string{text_claim(verified, "aud")},
                   std::string{text_claim(verified, "t")}};
  const bool good_for =
      std::ranges::any_of(demand.uses, [&](std::string_view use) { return use == what.use; });
  if (!good_for || text_claim(verified, "iss") != site || what.place != demand.place)
    return refused("its token was made for something else than this; " + make + " makes one");
  const auto issued = std::int64_t{jwt_get_grant_int(verified.get(), "iat")};
  const auto expires = std::int64_t{jwt_get_grant_int(verified.get(), "exp")};
  if (!is_reader_name(what.name) || issued <= 0 || issued > token_time_max || expires <= issued ||
      expires - issued > demand.life_max.count())
    return refused("its token is none that `farshore token` makes");
  const auto here = to_seconds(now);
  if (here < issued - clock_tolerance.count())
    return refused("its token is not good yet by this site's clock: set the clocks (NTP)");
  if (here >= expires)
    return refused("its token, \"" + what.name + "\", was good until " +
                   to_rfc3339(wall_time{std::chrono::seconds{expires}}) + "; " + make +
                   " makes another");
  return what;
}

} // namespace farshore
