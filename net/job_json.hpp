// Jobs as the API tells of them; docs/reference/api.md describes it. Pure.

#pragma once

#include "actors/job.hpp"

#include <vector>

#include <boost/json/value.hpp>

namespace farshore {

boost::json::value to_json(const job& one);
boost::json::value to_json(const std::vector<job>& jobs);

} // namespace farshore
