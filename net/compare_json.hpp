// What the API says of comparisons, as JSON; docs/reference/api.md describes it. Pure.

#pragma once

#include "actors/comparison_report.hpp"
#include "actors/orphan_report.hpp"
#include "registry/range_digests.hpp"

#include <boost/json/value.hpp>

namespace farshore {

boost::json::value to_api_json(const comparison_status& status);
boost::json::value to_api_json(const orphan_status& status);
/// Of one range in one go: what of it was digested, and where to go on.
boost::json::value to_api_json(const digest_page& page);

} // namespace farshore
