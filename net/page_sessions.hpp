// Who is signed in to the page: a browser keeps a random name in a cookie, and the node, in memory,
// the token that it was signed in with. So a session is never good for longer than its token, or
// for more, and ends with the node.
//
// Used on the server's thread only.

#pragma once

#include "config/clock.hpp"
#include "config/error.hpp"
#include "net/access.hpp"
#include "net/http_message.hpp"

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace farshore {

struct page_session {
  std::string token;
  /// What a request that changes something has to repeat in csrf_header: no other site's page knows
  /// it.
  std::string csrf;
  wall_time expires;
  wall_time used;
};

inline constexpr const char* csrf_header = "Farshore-CSRF";
/// A shift, and some more.
inline constexpr std::chrono::hours page_session_life{12};
inline constexpr std::size_t page_sessions_max = 256;
/// Wrong tokens from one address within a minute.
inline constexpr std::size_t sign_ins_refused_max = 10;

class page_sessions {
public:
  /// A browser's cookies are of a host, whatever the port: sites on one machine need names of their
  /// own.
  explicit page_sessions(std::string_view site);

  struct begun {
    std::string name;
    const page_session* session;
  };
  /// Where there are too many, the one that was unused longest makes room.
  begun begin(std::string token, wall_time now);
  void end(const http_request& request);
  /// The Set-Cookie header that makes a browser keep a session's name, or (empty) forget it.
  [[nodiscard]] std::string cookie(std::string_view name, bool over_tls) const;

  /// The session whose cookie the request carries; nullptr where it is none, or over.
  const page_session* find(const http_request& request, wall_time now);

  /// As access.hpp's refuse_access, for requests with a session's cookie, too. One that changes
  /// something has to come from the page itself. Who signs in with many wrong tokens has to wait.
  std::optional<http_answer> refuse_access(const site_keys& keys, route_access access,
                                           std::string_view authorization, wall_time now,
                                           http_request& request);

private:
  /// What the request's cookie stands for, as a header "Authorization"; empty where it stands for
  /// nothing. Fails where another site's page may have sent it.
  result<std::string> authorization_of(const http_request& request, wall_time now);
  [[nodiscard]] bool must_wait(const http_request& request, wall_time now) const;
  void count_refusal(const http_request& request, wall_time now);

  struct refusals {
    wall_time since;
    std::size_t count = 0;
  };
  std::string cookie_name_;
  /// By name.
  std::map<std::string, page_session, std::less<>> sessions_;
  /// By address; of the last minute.
  std::map<std::string, refusals, std::less<>> refused_;
};

/// Fails where the browser says that another site's page sent the request.
result<void> check_same_origin(const http_request& request);

} // namespace farshore
