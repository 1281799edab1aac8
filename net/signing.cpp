#include "net/signing.hpp"

#include "config/values.hpp"
#include "net/named_token.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdlib>

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
  const auto unverified = decode_unverified(token);
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
  if (issued <= 0 || issued > token_time_max || expires <= issued ||
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

bool is_request_signature(std::string_view authorization) {
  if (!authorization.starts_with(scheme) || authorization.size() > token_bytes_max)
    return false;
  const auto token = decode_unverified(std::string{authorization.substr(scheme.size())});
  return token && text_claim(token, "aud") == audience;
}

// -- readers

bool is_reader_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{" ._@+-"}.find(c) != std::string_view::npos;
  });
}

namespace {

result<std::string> verify_reading(std::span<const std::string> secrets, const std::string& token,
                                   const char* use, std::string_view place,
                                   std::chrono::seconds life_max, wall_time now) {
  const std::array uses{use};
  return verify_named_token({secrets, uses, place, life_max, "farshore token --read"}, token, now)
      .map([](named_token&& what) { return std::move(what.name); });
}

} // namespace

std::string make_read_token(std::string_view secret, std::string_view site, std::string_view name,
                            std::chrono::days life, wall_time now) {
  assert(life.count() > 0 && life <= read_token_life_max);
  return make_named_token(secret, {std::string{site}, std::string{name}, reader_audience}, life,
                          now);
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
  return make_named_token(secret,
                          {std::string{site}, std::string{name}, link_audience, std::string{place}},
                          read_link_life, now);
}

result<std::string> verify_read_link(std::span<const std::string> secrets, std::string_view token,
                                     std::string_view place, wall_time now) {
  // What it is for is never empty, so a token for everything is no link, whatever it says.
  if (token.size() > token_bytes_max || place.empty())
    return refused("its address holds no token of Farshore's");
  return verify_reading(secrets, std::string{token}, link_audience, place, read_link_life, now);
}

} // namespace farshore
