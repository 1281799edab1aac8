#include "config/error.hpp"

namespace farshore {

std::string_view to_string(ec code) {
  switch (code) { // no default: -Wswitch must name a forgotten code
  case ec::invalid_config:
    return "invalid_config";
  case ec::database_unavailable:
    return "database_unavailable";
  case ec::database_in_doubt:
    return "database_in_doubt";
  case ec::database_rejected:
    return "database_rejected";
  case ec::primary_unreachable:
    return "primary_unreachable";
  case ec::unauthorized:
    return "unauthorized";
  case ec::position_unknown:
    return "position_unknown";
  case ec::type_waiting:
    return "type_waiting";
  case ec::not_found:
    return "not_found";
  case ec::missing_on_primary:
    return "missing_on_primary";
  case ec::moved_on:
    return "moved_on";
  case ec::changed:
    return "changed";
  case ec::checksum_mismatch:
    return "checksum_mismatch";
  case ec::unreadable_on_primary:
    return "unreadable_on_primary";
  case ec::bad_locator:
    return "bad_locator";
  case ec::disk:
    return "disk";
  case ec::lease_lost:
    return "lease_lost";
  case ec::no_progress:
    return "no_progress";
  case ec::overloaded:
    return "overloaded";
  case ec::protocol:
    return "protocol";
  case ec::stopping:
    return "stopping";
  case ec::internal:
    return "internal";
  case ec::no_space:
    return "no_space";
  case ec::log_trimmed:
    return "log_trimmed";
  case ec::scope_unknown:
    return "scope_unknown";
  case ec::pool_missing:
    return "pool_missing";
  }
  return "unknown";
}

} // namespace farshore
