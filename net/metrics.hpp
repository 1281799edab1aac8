// How a site stands, for Prometheus: GET /metrics. All of it is of kept counts. Pure.

#pragma once

#include "actors/messages.hpp"
#include "config/config.hpp"
#include "net/bandwidth_cap.hpp"

#include <string>

namespace farshore {

/// Prometheus' text format.
std::string metrics_of(const secondary_status& status, const bandwidth_use& bandwidth);
std::string metrics_of(const primary_status& status, const config& settings, wall_time now);

/// Its media type.
inline constexpr const char* metrics_type = "text/plain; version=0.0.4; charset=utf-8";

} // namespace farshore
