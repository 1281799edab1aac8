// Who may do what: the one place where a request's signature or token is looked at. Routes name
// their route_access, and check nothing themselves.
//
// Pure, except for a line in the audit log where somebody known is refused an action.

#pragma once

#include "config/ids.hpp"
#include "net/http_message.hpp"
#include "net/router.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace farshore {

/// What tells the site's friends from others.
struct site_keys {
  /// The site's own name.
  std::string site;
  /// Those that count; two during a rotation.
  std::vector<std::string> secrets;
};

/// Lets the request through, with who sent it filled in (`site`, `reader`, `who`); or gives the
/// answer that refuses it. `authorization`: the header of that name. Method, target and what is
/// captured must be filled in; of a link's token that is taken out.
std::optional<http_answer> refuse_access(const site_keys& keys, route_access access,
                                         std::string_view authorization, wall_time now,
                                         http_request& request);

} // namespace farshore
