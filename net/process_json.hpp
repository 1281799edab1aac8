// What only the node itself knows of its process, for `farshore doctor`.

#pragma once

#include <boost/json/value.hpp>

namespace farshore {

/// {"pid", "user_id", "open_files": {"used", "limit"}}
boost::json::value process_json();

} // namespace farshore
