#include "net/job_json.hpp"

#include "config/ids.hpp"

#include <boost/json.hpp>

namespace farshore {

namespace json = boost::json;

namespace {

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

/// Empty where it is about a type as a whole.
const char* which_of(const site_order& order) {
  if (order.what != site_action::resync && order.what != site_action::reverify)
    return "";
  switch (order.which.which) {
  case record_selection::kind::ids:
    return "ids";
  case record_selection::kind::failed:
    return "failed";
  case record_selection::kind::all:
    return "all";
  }
  return "";
}

/// The member that tells how many records an order is about, as it was called before jobs.
const char* counted_name(site_action action) {
  return action == site_action::approve ? "approved" : "marked";
}

} // namespace

json::value to_json(const job& one) {
  json::object out{
      {"id", one.id},
      {"action", to_string(one.order.what)},
      {"type", text_or_null(one.order.type)},
      {"which", which_of(one.order)},
      {"by", one.order.by},
      {"state", to_string(one.now)},
      {"began_at", to_rfc3339(one.began_at)},
      {"ended_at", one.ended_at ? json::value(to_rfc3339(*one.ended_at)) : nullptr},
      {"done", one.through},
      {"total", one.total ? json::value(*one.total) : nullptr},
      {"at", text_or_null(one.at)},
      {"error", text_or_null(one.trouble)},
      {"can_be_cancelled", one.can_be_cancelled},
  };
  if (one.counted)
    out[counted_name(one.order.what)] = *one.counted;
  return out;
}

json::value to_json(const std::vector<job>& jobs) {
  json::array all;
  for (const auto& one : jobs)
    all.push_back(to_json(one));
  return {{"jobs", std::move(all)}};
}

} // namespace farshore
