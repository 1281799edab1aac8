#include "net/compare_json.hpp"

#include <map>
#include <string_view>

#include <boost/json.hpp>

namespace farshore {

namespace json = boost::json;

namespace {

template <class Stage>
std::string_view stage_text(Stage stage) {
  switch (stage) {
  case Stage::none:
    return "none";
  case Stage::running:
    return "running";
  case Stage::done:
    return "done";
  }
  return "unknown";
}

json::value side(const std::string& locator, revision rev, const std::optional<checksum>& sum) {
  return {{"locator", locator},
          {"revision", rev},
          {"checksum", sum ? json::value(to_hex(*sum)) : nullptr}};
}

json::value difference_json(const record_difference& one) {
  json::object to{{"record_id", one.record}, {"what", to_string(one.what)}};
  to["key"] = one.there ? one.there->key : one.here ? one.here->key : "";
  to["there"] = one.there ? side(one.there->locator, one.there->rev, one.there->sum) : nullptr;
  to["here"] = one.here
                   ? side(one.here->locator, one.here->target_revision, one.here->primary_checksum)
                   : nullptr;
  to["fault"] = nullptr;
  if (one.here)
    if (const auto fault = fault_of(*one.here); !fault.empty())
      to["fault"] = fault;
  return to;
}

json::value type_json(const type_comparison& type) {
  json::array differences;
  for (const auto& one : type.differences)
    differences.push_back(difference_json(one));
  return {{"name", type.type},
          {"equal", type.equal()},
          {"trouble", type.trouble.empty() ? json::value{} : json::value(type.trouble)},
          {"records_here", type.here.records},
          {"records_there", type.there.records},
          {"digest_here", spoken_digest(type.here)},
          {"digest_there", spoken_digest(type.there)},
          {"checksums_unknown", type.checksums_unknown},
          {"more", type.more},
          {"differences", std::move(differences)}};
}

} // namespace

json::value to_api_json(const comparison_status& status) {
  json::array types;
  std::map<std::string, record_digest> here;
  std::map<std::string, record_digest> there;
  for (const auto& type : status.types) {
    types.push_back(type_json(type));
    here.emplace(type.type, type.here);
    there.emplace(type.type, type.there);
  }
  return {{"state", stage_text(status.now)},
          {"number", status.number},
          {"began_at", status.began_at ? json::value(to_rfc3339(*status.began_at)) : nullptr},
          {"at", status.at},
          {"types", std::move(types)},
          {"digest_here", spoken_digest(here)},
          {"digest_there", spoken_digest(there)}};
}

json::value to_api_json(const orphan_status& status) {
  return {{"state", stage_text(status.now)},
          {"type", status.type},
          {"files", status.files},
          {"found", status.found},
          {"removed", status.removed},
          {"held", status.held},
          {"trouble", status.trouble.empty() ? json::value{} : json::value(status.trouble)},
          {"orphans", json::array(status.first.begin(), status.first.end())}};
}

json::value to_api_json(const digest_page& page) {
  record_digest all;
  record_id upto = record_id_before_all;
  for (const auto& slices : page.ranges)
    for (const auto& slice : slices) {
      all += slice.digest;
      upto = slice.upto;
    }
  return {{"type", page.type},
          {"records", all.records},
          {"sum", sum_text(all)},
          {"next", upto == INT64_MAX ? json::value{} : json::value(upto)}};
}

} // namespace farshore
