// What the API answers, as JSON; docs/reference/api.md describes it. Pure.

#pragma once

#include "actors/messages.hpp"
#include "config/config.hpp"
#include "net/bandwidth_cap.hpp"
#include "net/record_story.hpp"
#include "registry/checksum_view.hpp"
#include "registry/registry_view.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

namespace farshore {

boost::json::value to_json(const secondary_status& status, const config& settings,
                           const bandwidth_use& bandwidth, wall_time now);
boost::json::value to_json(const primary_status& status, const config& settings,
                           std::string_view identity, wall_time now);
/// The sites that read the primary's log.
boost::json::value to_json(const std::vector<site_standing>& sites);
boost::json::value to_json(const listed_rows& page);
boost::json::value to_json(const registry_row& row, const record_story& story);
boost::json::value to_json(const std::vector<unsupported_file>& files);
/// How the verification of a primary's records stands.
boost::json::value to_json(const listed_checksums& page);
boost::json::value to_json(const checksum_row& row, const record_story& story);

} // namespace farshore
