// How far a secondary is behind, as its primary tells it: shared by status and site list.

#pragma once

#include <string>

#include <boost/json/value.hpp>

namespace farshore {

/// "level", "12 events behind (3.5 s)", "cut off".
std::string lag_of_site(const boost::json::value& site);

} // namespace farshore
