// What RESYNC and REVERIFY have in common: the order that names records.

#pragma once

#include "node/commands.hpp"

#include <cstdint>

#include <boost/json.hpp>

namespace farshore {

inline boost::json::object marking_order(const marking_options& options) {
  boost::json::object body{{"type", options.type}};
  if (options.all)
    body["all"] = true;
  else if (options.failed)
    body["failed"] = true;
  else
    body["ids"] = boost::json::array(options.ids.begin(), options.ids.end());
  return body;
}

/// How many of the records that were named the node does not know, where it marked so many.
inline std::int64_t unknown_records(const marking_options& options, std::int64_t marked) {
  if (options.all || options.failed)
    return 0;
  return static_cast<std::int64_t>(options.ids.size()) - marked;
}

} // namespace farshore
