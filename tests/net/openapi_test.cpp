// The API's table, the document that is made of it, and whether what is answered is what it says.

#include "net/openapi.hpp"

#include "net/api_json.hpp"
#include "net/compare_json.hpp"
#include "net/feed_json.hpp"
#include "net/http_error.hpp"
#include "net/job_json.hpp"
#include "net/process_json.hpp"
#include "schema_check.hpp"

#include <set>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

using wrong = std::vector<std::string>;

std::string base_of(std::string_view type) {
  if (type.starts_with("[]"))
    type.remove_prefix(2);
  if (type.ends_with('?'))
    type.remove_suffix(1);
  return std::string{type};
}

struct document_fixture {
  schema_check check{openapi_document(api_role::secondary)};

  wrong of(std::string_view object, const boost::json::value& value) {
    return check(check.object(object), value);
  }

  static replicable_type file_type() {
    replicable_type file;
    file.name = "file";
    file.plural = "files";
    return file;
  }
};

} // namespace

TEST_CASE("the table names nothing twice, and no object that is not there", "[openapi]") {
  const std::set<std::string> plain{"text", "time", "integer", "number", "flag", "any"};
  std::set<std::string> objects;
  for (const auto& one : api_objects())
    CHECK(objects.insert(std::string{one.name}).second);
  const auto known = [&](std::string_view type) {
    const auto base = base_of(type);
    return plain.contains(base) || objects.contains(base) || base.find('|') != std::string::npos;
  };
  for (const auto& one : api_objects())
    for (const auto& field : one.fields) {
      CAPTURE(one.name, field.name);
      CHECK(known(field.type));
    }
  std::set<std::string> routes;
  for (const auto& one : api_endpoints()) {
    CAPTURE(one.path);
    CHECK(routes.insert(std::string{one.method} + " " + std::string{one.path}).second);
    CHECK((one.body.empty() || objects.contains(std::string{one.body})));
    CHECK(known(one.answer));
    CHECK((one.access == route_access::viewer || one.access == route_access::operating));
    CHECK((one.method == "GET" || one.method == "POST"));
    CHECK((one.method != "GET" || one.access == route_access::viewer));
    for (const auto& field : one.parameters)
      CHECK(known(field.type));
  }
}

TEST_CASE("the document has what its site has, and says who may", "[openapi]") {
  const auto primary = openapi_document(api_role::primary);
  const auto secondary = openapi_document(api_role::secondary);
  CHECK(primary.at("openapi") == "3.1.0");
  CHECK(primary.at("paths").as_object().contains("/api/v1/sites"));
  CHECK_FALSE(secondary.at("paths").as_object().contains("/api/v1/sites"));
  const auto& resync = secondary.at("paths").at("/api/v1/resync").at("post");
  CHECK(resync.at("security").at(0).as_object().contains("operator"));
  CHECK(resync.at("responses").as_object().contains("202"));
  CHECK(resync.at("requestBody").at("content").at("application/json").at("schema").at("$ref") ==
        "#/components/schemas/records_order");
  const auto& list = secondary.at("paths").at("/api/v1/registry/{type}").at("get");
  CHECK(list.at("security").at(0).as_object().contains("viewer"));
  CHECK(list.at("parameters").at(0).at("in") == "path");
}

TEST_CASE_METHOD(document_fixture, "a secondary's status is what the document says", "[openapi]") {
  secondary_status status;
  secondary_status::type_line line;
  line.declared = file_type();
  line.registry.type = "file";
  line.registry.counts.registry = 10;
  line.registry.counts.synced = 9;
  line.registry.counts.failed = 1;
  line.registry.counts.verified = 8;
  line.registry.recovery_point = wall_time{} + 500'000h;
  status.types = {line};
  status.log.blocker = horizon_blocker{4711, 33s};
  config settings;
  settings.site_name = "lisbon";
  const auto json = to_json(status, settings, {}, wall_time{} + 500'001h);
  CHECK(of("status", json) == wrong{});
  CHECK(json.as_object().begin()->key() == "recovery_point");
  CHECK(json.at("files_count") == 10);
  CHECK(json.at("files_registry_count") == 10);
  CHECK(json.at("files_synced_count") == 9);
  CHECK(json.at("files_failed_count") == 1);
  CHECK(json.at("files_verified_count") == 8);
  CHECK(json.at("files_synced_in_percentage") == 90.0);
  CHECK(json.at("files_checksummed_count").is_null());
  CHECK(json.at("files_oldest_unsynced_time") == json.at("recovery_point"));
}

TEST_CASE_METHOD(document_fixture, "what is all here has no oldest change that is not",
                 "[openapi]") {
  secondary_status status;
  secondary_status::type_line line;
  line.declared = file_type();
  line.registry.counts.registry = 2;
  line.registry.counts.synced = 2;
  line.registry.recovery_point = wall_time{} + 500'000h;
  status.types = {line};
  const auto json = to_json(status, config{}, {}, wall_time{} + 500'001h);
  CHECK(json.at("files_oldest_unsynced_time").is_null());
  CHECK(json.at("files_synced_in_percentage") == 100.0);
}

TEST_CASE_METHOD(document_fixture, "a primary's status is what the document says", "[openapi]") {
  primary_status status;
  primary_counts counts;
  counts.type = "file";
  counts.records = 10;
  counts.checksummed = 6;
  counts.checksum_failed = 1;
  counts.disabled = 3;
  status.counts = {counts};
  site_standing site;
  site.last.name = "lisbon";
  status.sites = {site};
  config settings;
  settings.types = {file_type()};
  const auto json = to_json(status, settings, "who", wall_time{} + 500'000h);
  CHECK(of("status", json) == wrong{});
  CHECK(json.at("files_count") == 10);
  CHECK(json.at("files_checksum_total_count") == 7);
  CHECK(json.at("files_checksummed_count") == 6);
  CHECK(json.at("files_checksum_failed_count") == 1);
  CHECK(json.at("files_synced_count").is_null());
}

TEST_CASE_METHOD(document_fixture, "lists, stories, jobs and reports are what the document says",
                 "[openapi]") {
  registry_row row;
  row.record = 7;
  row.key = "7";
  row.created_at = wall_time{} + 500'000h;
  CHECK(of("registry_page", to_json(listed_rows{{row}, 7})) == wrong{});
  CHECK(of("registry_page", to_json(listed_rows{})) == wrong{});
  const auto now = wall_time{} + 500'001h;
  CHECK(of("registry_story", to_json(row, story_of("file", row, {}, now))) == wrong{});
  checksum_row checked;
  checked.record = 7;
  CHECK(of("verification_page", to_json(listed_checksums{{checked}, {}})) == wrong{});
  CHECK(of("verification_story", to_json(checked, story_of("file", checked, now))) == wrong{});
  job one;
  one.counted = 3;
  CHECK(of("job", to_json(one)) == wrong{});
  one.order.what = site_action::approve;
  one.ended_at = now;
  one.total = 3;
  CHECK(of("jobs", to_json(std::vector{one})) == wrong{});
  CHECK(of("process", process_json()) == wrong{});
  CHECK(of("comparison", to_api_json(comparison_status{})) == wrong{});
  comparison_status compared;
  compared.types.emplace_back().differences.push_back({difference_kind::missing_here, 7, {}, row});
  CHECK(of("comparison", to_api_json(compared)) == wrong{});
  CHECK(of("orphans", to_api_json(orphan_status{})) == wrong{});
  CHECK(of("unsupported", to_json(std::vector<unsupported_file>{{"a", "a socket"}})) == wrong{});
  const auto problem = boost::json::parse(error_answer({ec::not_found, "no"}).body);
  auto without = problem.as_object();
  without.erase("error"); // for older sites
  CHECK(of("problem", without) == wrong{});
}

TEST_CASE_METHOD(document_fixture, "the check notices what is not so", "[openapi]") {
  auto json = to_json(job{}).as_object();
  json["done"] = "three";
  CHECK(of("job", json) == wrong{"/done is no integer"});
  json["done"] = 3;
  json["state"] = "asleep";
  CHECK_THAT(of("job", json).at(0), Contains("/state is none of"));
  json["state"] = "done";
  json.erase("by");
  CHECK(of("job", json) == wrong{" has no by"});
  json["by"] = "ada";
  json["secret"] = 1;
  CHECK(of("job", json) == wrong{"/secret is not in the schema"});
}
