#include "net/signing.hpp"

#include "config/values.hpp"

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <memory>

#include <jwt.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace farshore {

namespace {

constexpr std::string_view scheme = "Bearer ";
constexpr std::string_view basic_scheme = "Basic ";
constexpr const char* audience = "farshore";
constexpr const char* reader_audience = "farshore-git";
constexpr const char* link_audience = "farshore-git-link";
/// A header block is at most 16 KiB; a token with the longest target fits well.
constexpr std::size_t token_bytes_max = 12 * 1024;
/// In 2255, just within wall_time's range.
constexpr std::int64_t time_max = 9'000'000'000;

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

/// A token, as the secrets show it to be; null where its signature is not that of a site's key.
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

std::string encoded(jwt_t* token) {
  const std::unique_ptr<char, decltype(&std::free)> text{jwt_encode_str(token), &std::free};
  return text ? text.get() : std::string{};
}

/// Of "user:password" in base64 the password; empty where it is no such thing.
std::string password_of(std::string_view credentials) {
  if (credentials.size() % 4 != 0)
    return {};
  std::string plain(credentials.size() / 4 * 3, '\0');
  const int decoded = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(plain.data()),
                                      reinterpret_cast<const unsigned char*>(credentials.data()),
                                      static_cast<int>(credentials.size()));
  if (decoded < 0)
    return {};
  while (!plain.empty() && plain.back() == '\0') // what the padding stands for
    plain.pop_back();
  const auto colon = plain.find(':');
  return colon == std::string::npos ? std::string{} : plain.substr(colon + 1);
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
  const auto text = encoded(raw);
  return text.empty() ? text : std::string{scheme} + text;
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

  const auto verified = verified_by(secrets, token, site);
  if (!verified)
    return refused("the signature of site \"" + site +
                   "\" does not fit: the secret files of the two sites differ");

  if (text_claim(verified, "aud") != audience || text_claim(verified, "iss") != site)
    return refused("its signature was made for something else than Farshore");
  if (text_claim(verified, "m") != method || text_claim(verified, "t") != target)
    return refused("its signature was made for another request");
  const auto issued = std::int64_t{jwt_get_grant_int(verified.get(), "iat")};
  const auto expires = std::int64_t{jwt_get_grant_int(verified.get(), "exp")};
  if (issued <= 0 || issued > time_max || expires <= issued ||
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

// -- readers

bool is_reader_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{" ._@+-"}.find(c) != std::string_view::npos;
  });
}

namespace {

/// `place`: of a link only; else empty.
std::string reading_token(std::string_view secret, std::string_view site, std::string_view name,
                          const char* use, std::string_view place, std::chrono::seconds life,
                          wall_time now) {
  assert(is_reader_name(name));
  const auto key = derive_key(secret, site);
  jwt_t* raw = nullptr;
  if (!key || jwt_new(&raw) != 0)
    return {};
  const jwt_ptr token{raw};
  const auto issued = to_seconds(now);
  const bool complete =
      jwt_add_grant(raw, "iss", std::string{site}.c_str()) == 0 &&
      jwt_add_grant(raw, "aud", use) == 0 &&
      jwt_add_grant(raw, "sub", std::string{name}.c_str()) == 0 &&
      (place.empty() || jwt_add_grant(raw, "t", std::string{place}.c_str()) == 0) &&
      jwt_add_grant_int(raw, "iat", issued) == 0 &&
      jwt_add_grant_int(raw, "exp", issued + life.count()) == 0 &&
      jwt_set_alg(raw, JWT_ALG_HS256, key->bytes.data(), static_cast<int>(key->bytes.size())) == 0;
  return complete ? encoded(raw) : std::string{};
}

result<std::string> verify_reading(std::span<const std::string> secrets, const std::string& token,
                                   const char* use, std::string_view place,
                                   std::chrono::seconds life_max, wall_time now) {
  const auto unverified = decode(token, nullptr);
  const std::string site{unverified ? text_claim(unverified, "iss") : std::string_view{}};
  if (!check_site_name(site).empty())
    return refused("its password is no token; `farshore token --read` makes one");
  const auto verified = verified_by(secrets, token, site);
  if (!verified)
    return refused("its token was made with a secret, or a key, that does not count here (any "
                   "more)");
  if (text_claim(verified, "aud") != use || text_claim(verified, "iss") != site ||
      text_claim(verified, "t") != place)
    return refused("its token was made for something else than reading this");
  const std::string name{text_claim(verified, "sub")};
  const auto issued = std::int64_t{jwt_get_grant_int(verified.get(), "iat")};
  const auto expires = std::int64_t{jwt_get_grant_int(verified.get(), "exp")};
  if (!is_reader_name(name) || issued <= 0 || issued > time_max || expires <= issued ||
      expires - issued > life_max.count())
    return refused("its token is none that `farshore token` makes");
  const auto here = to_seconds(now);
  if (here < issued - clock_tolerance.count())
    return refused("its token is not good yet by this site's clock: set the clocks (NTP)");
  if (here >= expires)
    return refused("its token, \"" + name + "\", was good until " +
                   to_rfc3339(wall_time{std::chrono::seconds{expires}}) +
                   "; `farshore token --read` makes another");
  return name;
}

} // namespace

std::string make_read_token(std::string_view secret, std::string_view site, std::string_view name,
                            std::chrono::days life, wall_time now) {
  assert(life.count() > 0 && life <= read_token_life_max);
  return reading_token(secret, site, name, reader_audience, {}, life, now);
}

result<std::string> verify_reader(std::span<const std::string> secrets,
                                  std::string_view authorization, wall_time now) {
  if (authorization.size() > token_bytes_max)
    return refused("its token is longer than any of Farshore's");
  std::string token;
  if (authorization.starts_with(scheme))
    token = authorization.substr(scheme.size());
  else if (authorization.starts_with(basic_scheme))
    token = password_of(authorization.substr(basic_scheme.size()));
  if (token.empty())
    return refused("give a token of this site as the password, under any user name; `farshore "
                   "token --read` makes one");
  return verify_reading(secrets, token, reader_audience, {}, read_token_life_max, now);
}

std::string make_read_link(std::string_view secret, std::string_view site, std::string_view name,
                           std::string_view place, wall_time now) {
  return reading_token(secret, site, name, link_audience, place, read_link_life, now);
}

result<std::string> verify_read_link(std::span<const std::string> secrets, std::string_view token,
                                     std::string_view place, wall_time now) {
  // What it is for is never empty, so a token for everything is no link, whatever it says.
  if (token.size() > token_bytes_max || place.empty())
    return refused("its address holds no token of Farshore's");
  return verify_reading(secrets, std::string{token}, link_audience, place, read_link_life, now);
}

} // namespace farshore
