// A secondary's scope on its way: made known when it is asked for, and again whenever the primary
// has forgotten it; everything that is asked goes by it.

#include "net/scope_json.hpp"
#include "net/site_scopes.hpp"
#include "wire_fixture.hpp"

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

site_scope of(std::vector<std::string> values) {
  site_scope scope;
  scope.columns["project_id"] = std::move(values);
  make_canonical(scope);
  return scope;
}

struct scope_fixture : wire_fixture {
  scope_fixture() {
    for (const auto record : {1, 2, 3})
      add_blob(record, "at" + std::to_string(record), {to_bytes("blob")});
  }

  /// The widget type's catalogue as the scope has it.
  std::vector<record_id> listed(const site_scope& scope) {
    answer<catalogue_page> page;
    link().catalogue({"widget", record_id_before_all, 100, digest_of(scope)}, page.taker());
    const auto got = page.get();
    if (!got)
      FAIL(got.error().message);
    CHECK(got->scope == digest_of(scope));
    std::vector<record_id> records;
    for (const auto& row : got->rows)
      records.push_back(row.record);
    return records;
  }

  ec fetched(record_id record) {
    auto job = job_for(record, "at" + std::to_string(record));
    auto into = std::make_shared<memory_receiver>(job);
    answer<void> ended;
    link().fetch(job, into, ended.taker());
    const auto how = ended.get();
    return how ? ec{} : how.error().code;
  }

  /// As after a restart of the primary, or a reload.
  void forget() {
    replicable_type widget;
    widget.name = "widget";
    widget.model.emplace().select_column = "project_id";
    routes->configure({widget}, {{"widget", store}});
  }

  http_client::answer_type told(const std::string& body) {
    http_client client{url().substr(7)};
    auto got = client.ask(http_client::signed_request("POST", "/v1/scope", body));
    REQUIRE(got);
    return *got;
  }
};

} // namespace

TEST_CASE_METHOD(scope_fixture,
                 "a primary that does not know the scope is told it, and asked again", "[scopes]") {
  const auto scope = of({"1", "3"});
  link().set_scope(scope);
  CHECK(listed(scope) == std::vector<record_id>{1, 3});
  CHECK(listed({}) == std::vector<record_id>{1, 2, 3});
  forget();
  CHECK(listed(scope) == std::vector<record_id>{1, 3});
  forget();
  const auto page = events({{}, 100, 0ms, digest_of(scope)});
  REQUIRE(page);
  CHECK(page->scope == digest_of(scope));
  forget();
  answer<records_page> found;
  link().records({"widget", {1, 2, 4}, digest_of(scope)}, found.taker());
  const auto records = found.get();
  REQUIRE(records);
  CHECK(records->rows.size() == 1);
  CHECK(records->outside == std::vector<record_id>{2});
}

TEST_CASE_METHOD(scope_fixture, "a blob outside of the scope is refused like one that is not there",
                 "[scopes]") {
  CHECK(fetched(2) == ec{});
  link().set_scope(of({"1"}));
  CHECK(fetched(1) == ec{});
  CHECK(fetched(2) == ec::moved_on);
  CHECK(fetched(9) == ec::moved_on);
  forget();
  CHECK(fetched(1) == ec{});
  CHECK(fetched(2) == ec::moved_on);
  link().set_scope({});
  CHECK(fetched(2) == ec{});
}

TEST_CASE_METHOD(scope_fixture,
                 "a question about a scope that has changed meanwhile is not asked again",
                 "[scopes]") {
  link().set_scope(of({"1"}));
  answer<events_page> page;
  link().events({{}, 100, 0ms, digest_of(of({"2"}))}, page.taker());
  const auto got = page.get();
  REQUIRE_FALSE(got);
  CHECK(got.error().code == ec::scope_unknown);
}

TEST_CASE_METHOD(scope_fixture, "a scope that the primary can't apply is said, with what to write",
                 "[scopes]") {
  link().set_scope(of({"north"}));
  const auto page = events({{}, 100, 0ms, digest_of(of({"north"}))});
  REQUIRE_FALSE(page);
  CHECK(page.error().code == ec::protocol);
  CHECK_THAT(page.error().message, Contains("\"north\"") && Contains("[selective_sync]"));
}

TEST_CASE_METHOD(scope_fixture, "412 is for the digest that is not the site's", "[scopes]") {
  const auto status = [&](const std::string& target, const std::string& site = "lisbon") {
    http_client client{url().substr(7)};
    const auto got = client.ask(
        http_client::signed_request("GET", target, {}, test_secret, system_time().wall(), site));
    REQUIRE(got);
    return got->result_int();
  };
  const auto digest = digest_of(of({"1"}));
  const auto target = "/v1/catalogue/widget?scope=" + digest;
  CHECK(status(target) == 412);
  CHECK(told(to_json(of({"1"}))).result_int() == 200);
  CHECK(status(target) == 200);
  CHECK(status(target, "porto") == 412); // each site has its own
  CHECK(told(to_json(of({"2"}))).result_int() == 200);
  CHECK(status(target) == 412);
  CHECK(status("/v1/catalogue/widget?scope=everything") == 400);
  CHECK(status("/v1/catalogue/widget") == 200);
}

TEST_CASE_METHOD(scope_fixture, "a hostile scope is refused", "[scopes]") {
  CHECK(told("").result_int() == 400);
  CHECK(told("{}").result_int() == 400);
  CHECK(told(R"({"columns":{"project_id":["1) OR true"]},"predicates":{}})").result_int() == 400);
  CHECK(told(R"({"columns":{"secret_column":["1"]},"predicates":{}})").result_int() == 400);
  CHECK(told(R"({"columns":{},"predicates":{"widget":"everything"}})").result_int() == 400);
  CHECK(told(std::string(2u << 20, 'x')).result_int() == 413);
}

TEST_CASE("so many sites' scopes are remembered, the last used ones", "[scopes]") {
  site_scopes scopes{2};
  replicable_type type;
  type.name = "widget";
  type.model.emplace().select_column = "project_id";
  scopes.configure({type});
  const auto one = digest_of(of({"1"}));
  REQUIRE(scopes.keep("a", of({"1"})));
  REQUIRE(scopes.keep("b", of({"1"})));
  REQUIRE(scopes.find("a", one));
  REQUIRE(scopes.keep("c", of({"1"})));
  CHECK(scopes.find("a", one));
  CHECK(scopes.find("b", one).error().code == ec::scope_unknown);
  CHECK(scopes.find("c", one));
  CHECK((*scopes.find("b", std::nullopt))->whole());
}
