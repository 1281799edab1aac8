#include "net/access.hpp"

#include "config/locator.hpp"
#include "net/audit.hpp"
#include "net/http_error.hpp"
#include "net/signing.hpp"

#include <utility>

namespace farshore {

namespace {

constexpr std::string_view bearer = "Bearer ";

/// So that git asks the person for a password.
http_answer ask_for_token(const error& why) {
  http_answer answer{401, why.message + "\n", "text/plain; charset=utf-8"}; // which git shows
  answer.fields.emplace_back("WWW-Authenticate", "Basic realm=\"Farshore\"");
  return answer;
}

std::optional<http_answer> check_link(const site_keys& keys, wall_time now, http_request& request) {
  const auto token = request.captured.at(0);
  request.captured.erase(request.captured.begin());
  const auto place = request.captured.at(0) + "/" + encode_locator(request.captured.at(1));
  auto reader = verify_read_link(keys.secrets, token, place, now);
  if (!reader) // no password would help
    return http_answer{403, reader.error().message + "\n", "text/plain; charset=utf-8"};
  request.reader = std::move(*reader);
  return std::nullopt;
}

std::optional<http_answer> check_reader(const site_keys& keys, std::string_view authorization,
                                        wall_time now, http_request& request) {
  auto reader = verify_reader(keys.secrets, authorization, now);
  auto site =
      reader ? result<std::string>{}
             : verify_request(keys.secrets, authorization, request.method, request.target, now);
  if (!reader && !site)
    return ask_for_token(reader.error());
  (reader ? request.reader : request.site) = std::move(reader ? *reader : *site);
  return std::nullopt;
}

std::optional<http_answer> check_signature(const site_keys& keys, std::string_view authorization,
                                           wall_time now, http_request& request) {
  auto site = verify_request(keys.secrets, authorization, request.method, request.target, now);
  if (!site)
    return error_answer(site.error());
  request.site = std::move(*site);
  return std::nullopt;
}

/// An action that somebody known may not take is a matter of record, too.
http_answer refuse_known(const http_request& request, route_access access, const error& why) {
  if (access == route_access::operating) {
    const auto path = std::string_view{request.target}.substr(0, request.target.find('?'));
    audit(request, {path, "what was not looked at", std::nullopt}, fail(why));
  }
  return problem_answer(403, why);
}

/// The site's own command line, or a person's token.
std::optional<http_answer> check_person(const site_keys& keys, route_access access,
                                        std::string_view authorization, wall_time now,
                                        http_request& request) {
  auto site = verify_request(keys.secrets, authorization, request.method, request.target, now);
  if (site) {
    request.site = std::move(*site);
    if (request.site == keys.site)
      return std::nullopt;
    return refuse_known(request, access,
                        {ec::unauthorized, "the API of site \"" + keys.site +
                                               "\" answers that site's own command line and its "
                                               "tokens, and the request is signed by \"" +
                                               request.site + "\""});
  }
  if (!authorization.starts_with(bearer))
    return error_answer(site.error());
  auto who = verify_person(keys.secrets, keys.site, authorization.substr(bearer.size()), now);
  if (!who) // what fits neither is told of as what it looks like
    return error_answer(is_request_signature(authorization) ? site.error() : who.error());
  request.who = std::move(*who);
  if (access == route_access::operating && request.who->level != person_level::operating)
    return refuse_known(request, access,
                        {ec::unauthorized, "the token \"" + request.who->name +
                                               "\" is for looking; to act takes one of `farshore "
                                               "token --operator`"});
  return std::nullopt;
}

} // namespace

std::optional<http_answer> refuse_access(const site_keys& keys, route_access access,
                                         std::string_view authorization, wall_time now,
                                         http_request& request) {
  switch (access) {
  case route_access::anyone:
    return std::nullopt;
  case route_access::link:
    return check_link(keys, now, request);
  case route_access::reader:
    return check_reader(keys, authorization, now, request);
  case route_access::viewer:
  case route_access::operating:
  case route_access::sign_in:
    return check_person(keys, access, authorization, now, request);
  case route_access::signed_only:
    break;
  }
  return check_signature(keys, authorization, now, request);
}

} // namespace farshore
