// Pages of the node's registry route, for the commands that show records.

#pragma once

#include "node/commands.hpp"

#include <string>

namespace farshore {

struct registry_page {
  boost::json::array records;
  /// Where the next page begins; null after the last one.
  boost::json::value next;
};

/// At most `limit` records of a type, by as many requests as that takes; `state` empty: of all
/// states.
tl::expected<registry_page, api_failure> read_registry(const site_access& site,
                                                       const std::string& type,
                                                       const std::string& state, std::size_t limit);

} // namespace farshore
