// The API's routes for comparisons, below /api/v1: a secondary's with its primary, and a primary's
// own digests.

#pragma once

#include "actors/interfaces.hpp"
#include "net/router.hpp"

#include <functional>

#include <caf/actor.hpp>

namespace farshore {

/// Whether the request may ask this at all.
using request_check = std::function<result<void>(const http_request&)>;

void add_compare_routes(router& routes, request_check check, caf::actor asker,
                        secondary_site_actor site);

/// Files that no record names.
void add_orphan_routes(router& routes, request_check check, caf::actor asker,
                       secondary_site_actor site);

/// `digests` blocks; it is called on a thread of the routes' own.
void add_digest_route(router& routes, request_check check,
                      std::function<result<digest_page>(const digest_request&)> digests);

} // namespace farshore
