#include "net/page_sessions.hpp"

#include "net/http_error.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace farshore {

namespace {

const std::string bearer = "Bearer ";
constexpr std::string_view cookie_prefix = "farshore-";
constexpr std::chrono::minutes refusals_kept{1};
constexpr std::size_t addresses_max = 1024;

/// 256 bits from the operating system.
std::string random_name() {
  return fmt::format("{:016x}{:016x}{:016x}{:016x}", random_seed(), random_seed(), random_seed(),
                     random_seed());
}

/// The cookie's value; empty where the header has none of that name.
std::string_view value_of(std::string_view cookie_name, std::string_view header) {
  while (!header.empty()) {
    const auto end = header.find(';');
    auto one = header.substr(0, end);
    header = end == std::string_view::npos ? std::string_view{} : header.substr(end + 1);
    while (one.starts_with(' '))
      one.remove_prefix(1);
    if (one.starts_with(cookie_name) && one.substr(cookie_name.size()).starts_with('='))
      return one.substr(cookie_name.size() + 1);
  }
  return {};
}

/// "http://host:port" without the scheme, which a proxy may change.
std::string_view authority_of(std::string_view origin) {
  const auto scheme = origin.find("://");
  return scheme == std::string_view::npos ? origin : origin.substr(scheme + 3);
}

std::string_view address_of(std::string_view remote) {
  return remote.substr(0, remote.rfind(':'));
}

bool same_text(std::string_view one, std::string_view other) {
  if (one.size() != other.size())
    return false;
  unsigned differing = 0; // as long, wherever they differ
  for (std::size_t i = 0; i < one.size(); ++i)
    differing |= static_cast<unsigned char>(one[i]) ^ static_cast<unsigned char>(other[i]);
  return differing == 0;
}

} // namespace

page_sessions::page_sessions(std::string_view site) : cookie_name_{cookie_prefix} {
  cookie_name_ += site;
}

page_sessions::begun page_sessions::begin(std::string token, wall_time now) {
  std::erase_if(sessions_, [&](const auto& one) { return one.second.expires <= now; });
  if (sessions_.size() >= page_sessions_max)
    sessions_.erase(
        std::ranges::min_element(sessions_, {}, [](const auto& one) { return one.second.used; }));
  auto name = random_name();
  const auto [at, fresh] = sessions_.insert_or_assign(
      name, page_session{std::move(token), random_name(), now + page_session_life, now});
  return {std::move(name), &at->second};
}

void page_sessions::end(const http_request& request) {
  if (const auto found = sessions_.find(value_of(cookie_name_, request.browser.cookie));
      found != sessions_.end())
    sessions_.erase(found);
}

const page_session* page_sessions::find(const http_request& request, wall_time now) {
  const auto found = sessions_.find(value_of(cookie_name_, request.browser.cookie));
  if (found == sessions_.end())
    return nullptr;
  if (found->second.expires <= now) {
    sessions_.erase(found);
    return nullptr;
  }
  found->second.used = now;
  return &found->second;
}

std::optional<http_answer> page_sessions::refuse_access(const site_keys& keys, route_access access,
                                                        std::string_view authorization,
                                                        wall_time now, http_request& request) {
  if (access == route_access::sign_in) {
    if (must_wait(request, now))
      return problem_answer(429, {ec::overloaded, "too many wrong tokens came from this address; "
                                                  "try again in a minute"});
    auto refusal = farshore::refuse_access(keys, access, authorization, now, request);
    if (refusal)
      count_refusal(request, now);
    else
      request.token = authorization.substr(std::min(bearer.size(), authorization.size()));
    return refusal;
  }
  const bool of_person = access == route_access::viewer || access == route_access::operating;
  if (!of_person || !authorization.empty())
    return farshore::refuse_access(keys, access, authorization, now, request);
  const auto stands_for = authorization_of(request, now);
  if (!stands_for)
    return problem_answer(403, stands_for.error());
  return farshore::refuse_access(keys, access, *stands_for, now, request);
}

result<std::string> page_sessions::authorization_of(const http_request& request, wall_time now) {
  const auto* session = find(request, now);
  if (!session)
    return std::string{};
  if (auto ok = check_same_origin(request); !ok)
    return fail(std::move(ok).error());
  if (request.method != "GET" && !same_text(request.browser.csrf, session->csrf))
    return fail(ec::unauthorized, "the request does not carry its session's " +
                                      std::string{csrf_header} +
                                      "; load the page again, and repeat it there");
  return bearer + session->token;
}

bool page_sessions::must_wait(const http_request& request, wall_time now) const {
  const auto found = refused_.find(address_of(request.remote));
  return found != refused_.end() && now - found->second.since < refusals_kept &&
         found->second.count >= sign_ins_refused_max;
}

void page_sessions::count_refusal(const http_request& request, wall_time now) {
  std::erase_if(refused_, [&](const auto& one) { return now - one.second.since >= refusals_kept; });
  if (refused_.size() >= addresses_max)
    refused_.erase(
        std::ranges::min_element(refused_, {}, [](const auto& one) { return one.second.since; }));
  auto& counted = refused_[std::string{address_of(request.remote)}];
  if (counted.count++ == 0)
    counted.since = now;
}

std::string page_sessions::cookie(std::string_view name, bool over_tls) const {
  auto cookie = cookie_name_ + "=";
  cookie += name;
  cookie += "; Path=/; HttpOnly; SameSite=Strict";
  if (over_tls)
    cookie += "; Secure";
  cookie += "; Max-Age=";
  cookie += name.empty() ? "0" : std::to_string(std::chrono::seconds{page_session_life}.count());
  return cookie;
}

result<void> check_same_origin(const http_request& request) {
  const auto& said = request.browser;
  const bool from_here = said.fetch_site.empty() || said.fetch_site == "same-origin" ||
                         (said.fetch_site == "none" && request.method == "GET");
  const bool origin_is_here = said.origin.empty() || authority_of(said.origin) == said.host;
  if (from_here && origin_is_here)
    return {};
  return fail(ec::unauthorized, "the request comes from another site's page");
}

} // namespace farshore
