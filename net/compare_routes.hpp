// The API's routes for comparisons and orphans, below /api/v1: how a secondary's stand, and what
// orders them; and a primary's own digests.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/job.hpp"
#include "net/router.hpp"

#include <functional>

#include <boost/json/object.hpp>
#include <caf/actor.hpp>

namespace farshore {

/// What an order's body says.
result<void> read_comparison_order(const boost::json::object& body, site_order& order);
result<void> read_orphan_order(const boost::json::object& body, site_order& order);

/// How comparisons, and searches for files that no record names, stand.
void add_compare_routes(router& routes, caf::actor asker, secondary_site_actor site);

/// `digests` blocks; it is called on a thread of the routes' own.
void add_digest_route(router& routes,
                      std::function<result<digest_page>(const digest_request&)> digests);

} // namespace farshore
