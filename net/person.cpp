#include "net/person.hpp"

#include "net/named_token.hpp"

#include <array>
#include <cassert>

namespace farshore {

namespace {

constexpr const char* viewer_audience = "farshore-viewer";
constexpr const char* operator_audience = "farshore-operator";
constexpr const char* commands = "farshore token --viewer (or --operator)";

const char* audience_of(person_level level) {
  return level == person_level::operating ? operator_audience : viewer_audience;
}

} // namespace

const char* to_string(person_level level) {
  return level == person_level::operating ? "operator" : "viewer";
}

std::string make_person_token(std::string_view secret, std::string_view site, const person& whose,
                              std::chrono::days life, wall_time now) {
  assert(life.count() > 0 && life <= person_token_life_max);
  return make_named_token(secret, {std::string{site}, whose.name, audience_of(whose.level)}, life,
                          now);
}

result<person> verify_person(std::span<const std::string> secrets, std::string_view site,
                             std::string_view token, wall_time now) {
  if (token.size() > token_bytes_max)
    return refused("its token is longer than any of Farshore's");
  const std::array uses{viewer_audience, operator_audience};
  auto what = verify_named_token({secrets, uses, {}, person_token_life_max, commands},
                                 std::string{token}, now);
  if (!what)
    return fail(std::move(what).error());
  // A primary's secret makes the keys of all sites, and each of them its holder's tokens.
  if (what->site != site)
    return refused("its token was made at site \"" + what->site +
                   "\", and each site goes by its own: `" + commands + "` makes one there");
  return person{std::move(what->name),
                what->use == operator_audience ? person_level::operating : person_level::viewer};
}

} // namespace farshore
