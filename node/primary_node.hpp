// A primary's parts, put together.

#pragma once

#include "node/site_node.hpp"

namespace farshore {

/// Blocks until it listens. Main thread only.
result<std::unique_ptr<site_node>>
start_primary(const config& settings, const std::string& database_url, failure_handler on_failure);

} // namespace farshore
