// Counts a secondary's registry again, and compares with the counts that triggers have kept.

#pragma once

#include "config/error.hpp"
#include "registry/count_difference.hpp"

#include <string>
#include <vector>

namespace farshore {

/// Reads every row, in one snapshot: the node may run. Blocks. Fails with ec::database_unavailable.
result<std::vector<count_difference>> check_registry_counts(const std::string& url);

} // namespace farshore
