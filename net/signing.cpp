#include "net/signing.hpp"

#include "config/values.hpp"

#include <cassert>
#include <cstdlib>
#include <memory>

#include <jwt.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace farshore {

namespace {

constexpr std::string_view scheme = "Bearer ";
constexpr const char* audience = "farshore";
/// A header block is at most 16 KiB; a token with the longest target fits well.
constexpr std::size_t token_bytes_max = 12 * 1024;

struct jwt_deleter {
  void operator()(jwt_t* token) const { jwt_free(token); }
};
using jwt_ptr = std::unique_ptr<jwt_t, jwt_deleter>;

std::int64_t to_seconds(wall_time t) {
  return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
}

tl::unexpected<error> refused(std::string why) {
  return fail(ec::unauthorized, "request refused: " + std::move(why));
}

jwt_ptr decode(const std::string& token, const site_key* key) {
  jwt_t* raw = nullptr;
  const int failed = jwt_decode(&raw, token.c_str(), key ? key->bytes.data() : nullptr,
                                key ? static_cast<int>(key->bytes.size()) : 0);
  jwt_ptr decoded{raw};
  return failed ? nullptr : std::move(decoded);
}

std::string_view text_claim(const jwt_ptr& token, const char* name) {
  const char* text = jwt_get_grant(token.get(), name);
  return text ? text : std::string_view{};
}

} // namespace

std::optional<site_key> derive_key(std::string_view secret, std::string_view site) {
  if (auto key = parse_site_key(secret))
    return key->site == site ? std::move(key) : std::nullopt;
  site_key key{std::string{site}, {}};
  const std::string purpose = "farshore/site/" + key.site;
  unsigned length = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(purpose.data()), purpose.size(), key.bytes.data(),
       &length);
  assert(length == key.bytes.size());
  return key;
}

std::string sign_request(std::string_view secret, std::string_view site, std::string_view method,
                         std::string_view target, wall_time now) {
  const auto key = derive_key(secret, site);
  jwt_t* raw = nullptr;
  if (!key || jwt_new(&raw) != 0)
    return {};
  const jwt_ptr token{raw};
  const auto issued = to_seconds(now);
  const bool complete =
      jwt_add_grant(raw, "iss", std::string{site}.c_str()) == 0 &&
      jwt_add_grant(raw, "aud", audience) == 0 && jwt_add_grant_int(raw, "iat", issued) == 0 &&
      jwt_add_grant_int(raw, "exp", issued + signature_life.count()) == 0 &&
      jwt_add_grant(raw, "m", std::string{method}.c_str()) == 0 &&
      jwt_add_grant(raw, "t", std::string{target}.c_str()) == 0 &&
      jwt_set_alg(raw, JWT_ALG_HS256, key->bytes.data(), static_cast<int>(key->bytes.size())) == 0;
  assert(complete && "a target is ASCII");
  if (!complete)
    return {};
  const std::unique_ptr<char, decltype(&std::free)> text{jwt_encode_str(raw), &std::free};
  return text ? std::string{scheme} + text.get() : std::string{};
}

result<std::string> verify_request(std::span<const std::string> secrets,
                                   std::string_view authorization, std::string_view method,
                                   std::string_view target, wall_time now) {
  if (!authorization.starts_with(scheme))
    return refused("it carries no signature (Authorization: Bearer …)");
  if (authorization.size() > token_bytes_max)
    return refused("its signature is longer than any of Farshore's");
  const std::string token{authorization.substr(scheme.size())};
  const auto unverified = decode(token, nullptr);
  if (!unverified)
    return refused("its signature is not a JSON web token");
  const std::string site{text_claim(unverified, "iss")};
  if (!check_site_name(site).empty())
    return refused("its signature names no site");

  jwt_ptr verified;
  for (const auto& secret : secrets) {
    if (const auto key = derive_key(secret, site))
      verified = decode(token, &*key);
    if (verified)
      break;
  }
  // libjwt would take any HMAC that the token's header asks for.
  if (!verified || jwt_get_alg(verified.get()) != JWT_ALG_HS256)
    return refused("the signature of site \"" + site +
                   "\" does not fit: the secret files of the two sites differ");

  if (text_claim(verified, "aud") != audience || text_claim(verified, "iss") != site)
    return refused("its signature was made for something else than Farshore");
  if (text_claim(verified, "m") != method || text_claim(verified, "t") != target)
    return refused("its signature was made for another request");
  const auto issued = std::int64_t{jwt_get_grant_int(verified.get(), "iat")};
  const auto expires = std::int64_t{jwt_get_grant_int(verified.get(), "exp")};
  constexpr std::int64_t issued_max = 9'000'000'000; // in 2255, just within wall_time's range
  if (issued <= 0 || issued > issued_max || expires <= issued ||
      expires - issued > signature_life.count())
    return refused("its signature claims to be good for longer than a minute");
  const auto here = to_seconds(now);
  if (here < issued - clock_tolerance.count() || here > expires + clock_tolerance.count()) {
    const auto clock = [](std::int64_t t) {
      return to_rfc3339(wall_time{std::chrono::seconds{t}});
    };
    return refused("this site's clock says " + clock(here) + ", the request's " + clock(issued) +
                   ": they differ by " + std::to_string(std::abs(here - issued)) +
                   " s; set the clocks (NTP)");
  }
  return site;
}

} // namespace farshore
