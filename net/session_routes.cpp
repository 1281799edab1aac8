#include "net/session_routes.hpp"

#include "config/values.hpp"
#include "net/audit.hpp"

#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace farshore {

namespace json = boost::json;
using boost::asio::awaitable;

namespace {

http_answer describe(const page_session& session, const person& who, const std::string& site) {
  return {200, json::serialize(json::object{{"name", who.name},
                                            {"level", to_string(who.level)},
                                            {"site", site},
                                            {"csrf", session.csrf},
                                            {"expires_at", to_rfc3339(session.expires)}})};
}

} // namespace

void add_session_routes(router& routes, std::shared_ptr<page_sessions> sessions, std::string site,
                        const time_source& time) {
  routes.add(
      "POST", "/session",
      [sessions, site, &time](const http_request& request) -> awaitable<result<http_answer>> {
        if (!request.who)
          co_return fail(ec::unauthorized, "to sign in takes a token");
        if (auto ok = check_same_origin(request); !ok)
          co_return fail(std::move(ok).error());
        sessions->end(request);
        const auto begun = sessions->begin(request.token, time.wall());
        audit(request, {"sign-in", "the page", std::nullopt}, {});
        auto answer = describe(*begun.session, *request.who, site);
        answer.fields.emplace_back("Set-Cookie", sessions->cookie(begun.name, request.over_tls));
        co_return answer;
      },
      route_access::sign_in);

  routes.add(
      "GET", "/session",
      [sessions, site, &time](const http_request& request) -> awaitable<result<http_answer>> {
        const auto* session = sessions->find(request, time.wall());
        if (!session || !request.who)
          co_return fail(ec::unauthorized, "nobody is signed in");
        co_return describe(*session, *request.who, site);
      },
      route_access::viewer);

  routes.add(
      "DELETE", "/session",
      [sessions](const http_request& request) -> awaitable<result<http_answer>> {
        sessions->end(request);
        http_answer answer{200, "{}"};
        answer.fields.emplace_back("Set-Cookie", sessions->cookie("", request.over_tls));
        co_return answer;
      },
      route_access::viewer);
}

} // namespace farshore
