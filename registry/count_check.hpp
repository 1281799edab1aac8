// Counts a primary's records anew, and compares: what status shows is kept by triggers, and must
// never differ. Reads the whole state table; for `farshore check --counts` and tests.

#pragma once

#include "config/error.hpp"
#include "registry/count_difference.hpp"

#include <string>
#include <vector>

namespace farshore {

/// `url` is the primary's database. Both are read in one snapshot.
result<std::vector<count_difference>> check_primary_counts(const std::string& url);

} // namespace farshore
