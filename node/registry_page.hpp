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

/// Of which records; empty: of all states.
struct registry_filter {
  std::string state{};
  std::string verification{};
  bool findings = false;
};

/// At most `limit` records of a type, by as many requests as that takes.
tl::expected<registry_page, api_failure> read_registry(const site_access& site,
                                                       const std::string& type,
                                                       const registry_filter& filter,
                                                       std::size_t limit);

/// The same of any route that answers with `records` and `next`; `only`: further parameters, each
/// with its "&".
tl::expected<registry_page, api_failure> read_records(const site_access& site,
                                                      const std::string& route,
                                                      const std::string& only, std::size_t limit);

} // namespace farshore
