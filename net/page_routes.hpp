// GET / and what it loads: the operators' page, which is built into the program.
//
// Anyone may have it: there is nothing in it of the site. What it shows it asks the API for.

#pragma once

#include "net/router.hpp"
#include "web/page_bundle.hpp"

#include <span>

namespace farshore {

/// `files` must outlive the routes. Where there are none, GET / says so.
void add_page_routes(router& routes, std::span<const page_file> files = page_bundle());

} // namespace farshore
