// /session: a person signs in to the page with a token, asks who is signed in, and signs out.

#pragma once

#include "net/page_sessions.hpp"
#include "net/router.hpp"

#include <memory>
#include <string>

namespace farshore {

/// `sessions` must be those that the server asks; `time` must outlive the routes.
void add_session_routes(router& routes, std::shared_ptr<page_sessions> sessions, std::string site,
                        const time_source& time);

} // namespace farshore
