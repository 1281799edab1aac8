// The API as people and their programs use it: with tokens, against real nodes, each answer as the
// site's own OpenAPI document says.

#include "net/wire_version.hpp"
#include "tests/e2e/sites.hpp"
#include "tests/net/http_client.hpp"
#include "tests/net/schema_check.hpp"

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <boost/asio/read_until.hpp>
#include <catch2/catch.hpp>

namespace farshore::test {

namespace {

namespace json = boost::json;
using Catch::Contains;
namespace http = boost::beast::http;

const std::string files_table = "CREATE TABLE files (id bigserial PRIMARY KEY, path text)";

struct answered {
  unsigned status = 0;
  std::string type;
  std::string body;
  [[nodiscard]] json::value document() const { return json::parse(body); }
};

/// One who has a token of that site.
class caller {
public:
  caller(const site& at, const std::string& level) : at_{at} {
    auto made = at.command({"token", "--" + level, "--name", "ann", "--days", "1"});
    REQUIRE(made.code == 0);
    token_ = made.out.substr(0, made.out.find('\n'));
  }

  [[nodiscard]] const std::string& token() const { return token_; }

  answered ask(http::verb method, const std::string& target, std::string body = {}) const {
    http_client client{"127.0.0.1:" + std::to_string(at_.port())};
    const auto answer = client.ask(request(method, target, std::move(body)));
    REQUIRE(answer);
    return {answer->result_int(), std::string{(*answer)[http::field::content_type]},
            answer->body()};
  }
  answered get(const std::string& target) const { return ask(http::verb::get, target); }
  answered post(const std::string& target, std::string body) const {
    return ask(http::verb::post, target, std::move(body));
  }

  http_client::request_type request(http::verb method, const std::string& target,
                                    std::string body = {}) const {
    http_client::request_type out{method, target, 11};
    out.set(http::field::authorization, "Bearer " + token_);
    out.body() = std::move(body);
    out.prepare_payload();
    return out;
  }

private:
  const site& at_;
  std::string token_;
};

/// What is wrong with the answer of that route, going by the site's own document.
std::vector<std::string> wrong(const caller& who, const std::string& path,
                               const std::string& target) {
  schema_check check{who.get("/api/v1/openapi.json").document()};
  const auto answer = who.get(target);
  if (answer.status != 200)
    return {target + " answered " + std::to_string(answer.status) + ": " + answer.body};
  const auto& schema = check.document()
                           .at("paths")
                           .at(path)
                           .at("get")
                           .at("responses")
                           .at("200")
                           .at("content")
                           .at("application/json")
                           .at("schema");
  return check(schema, answer.document());
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in{file};
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

using nothing = std::vector<std::string>;

} // namespace

TEST_CASE("with a token the API shows and does what its document says, and tells nobody the token",
          "[api]") {
  two_sites sites;
  for (auto* at : {&sites.primary, &sites.secondary})
    at->more_settings = "[log]\nlevel = \"debug\"\n";
  sites.start(files_table);
  sites.write("a", "one");
  sites.write("b", "two");
  sites.primary.sql("INSERT INTO files (path) VALUES ('a'), ('b'), ('not there')");
  REQUIRE(sites.wait().code == 0);

  const caller viewer{sites.secondary, "viewer"};
  const caller there{sites.primary, "viewer"};
  const caller ann{sites.secondary, "operator"};

  SECTION("every question is answered as the document says") {
    CHECK(wrong(viewer, "/api/v1/status", "/api/v1/status") == nothing{});
    CHECK(wrong(viewer, "/api/v1/doctor", "/api/v1/doctor") == nothing{});
    CHECK(wrong(viewer, "/api/v1/jobs", "/api/v1/jobs") == nothing{});
    CHECK(wrong(viewer, "/api/v1/compare", "/api/v1/compare") == nothing{});
    CHECK(wrong(viewer, "/api/v1/orphans", "/api/v1/orphans") == nothing{});
    const std::string list = "/api/v1/registry/{type}";
    CHECK(wrong(viewer, list, "/api/v1/registry/file") == nothing{});
    CHECK(wrong(viewer, list + "/{id}", "/api/v1/registry/file/1") == nothing{});
    CHECK(wrong(there, "/api/v1/status", "/api/v1/status") == nothing{});
    CHECK(wrong(there, "/api/v1/sites", "/api/v1/sites") == nothing{});
    const std::string checked = "/api/v1/verification/{type}";
    CHECK(wrong(there, checked, "/api/v1/verification/file") == nothing{});
    CHECK(wrong(there, checked + "/{id}", "/api/v1/verification/file/3") == nothing{});
    CHECK(wrong(there, "/api/v1/digest/{type}", "/api/v1/digest/file") == nothing{});

    const auto ids = [&](const std::string& filter) {
      std::vector<std::int64_t> out;
      const auto page = viewer.get("/api/v1/registry/file?" + filter).document();
      for (const auto& one : page.at("records").as_array())
        out.push_back(one.at("record_id").as_int64());
      return out;
    };
    using records = std::vector<std::int64_t>;
    CHECK(ids("ids=2,1,77") == records{1, 2});
    CHECK(ids("missing=true") == records{3});
    CHECK(ids("text=b") == records{2});
    CHECK(ids("state=synced&after=1") == records{2});
    CHECK(viewer.get("/api/v1/registry/file?limit=2").document().at("next") == 2);

    const auto story = viewer.get("/api/v1/registry/file/3").document();
    CHECK_THAT(std::string{story.at("next_step").as_string()}, Contains("at the primary"));
    const auto told = sites.secondary.command({"why", "file", "3"});
    CHECK(told.code == 0);
    CHECK_THAT(told.out, Contains("The primary has the record"));
    CHECK(sites.primary.command({"why", "file", "3"}).code == 0);

    const auto gone = viewer.get("/api/v1/registry/file/99");
    CHECK(gone.status == 404);
    CHECK(gone.type == "application/problem+json");
    CHECK(gone.document().at("title") == "Not Found");
    CHECK(gone.document().at("code") == "not_found");
    CHECK(viewer.get("/api/v1/jobs/77").status == 404);
  }

  SECTION("a viewer looks, an operator acts, and what is ordered is followed to its end") {
    CHECK(viewer.post("/api/v1/pause", "{}").status == 403);
    const auto paused = ann.post("/api/v1/pause", "{}");
    CHECK(paused.status == 202);
    CHECK(paused.document().at("state") == "done");
    CHECK(paused.document().at("by") == "operator ann");
    CHECK(viewer.get("/api/v1/status").document().at("types").at(0).at("paused") == true);
    CHECK(ann.post("/api/v1/resume", "{}").status == 202);

    const auto follow = [&](const std::string& action, const std::string& body) {
      const auto begun = ann.post("/api/v1/" + action, body);
      CHECK(begun.status == 202);
      const auto id = begun.document().at("id").as_int64();
      json::value last;
      CHECK(eventually([&] {
        last = viewer.get("/api/v1/jobs/" + std::to_string(id)).document();
        return last.at("state") != "running";
      }));
      return last;
    };
    CHECK(follow("compare", "{}").at("state") == "done");
    CHECK(follow("recheck", R"({"type":"file"})").at("state") == "done");
    CHECK(follow("reverify", R"({"type":"file","all":true})").at("state") == "done");
    CHECK(follow("orphans", R"({"type":"file"})").at("state") == "done");
    const auto marked = follow("resync", R"({"type":"file","all":true})");
    CHECK(marked.at("state") == "done");
    CHECK(marked.at("marked") == 3);
    CHECK(ann.post("/api/v1/resync", R"({"type":"fiel","all":true})").status == 404);
    CHECK_THAT(sites.secondary.log(), Contains("audit operator \"ann\"") && Contains(" did pause"));

    CHECK(there.get("/api/v1/status").status == 200);
    CHECK(caller{sites.primary, "operator"}
              .post("/api/v1/reverify", R"({"type":"file","failed":true})")
              .document()
              .at("state") == "done");
  }

  SECTION("who listens hears of what changes, and Prometheus is told in its own words") {
    http_client client{"127.0.0.1:" + std::to_string(sites.secondary.port())};
    client.send(viewer.request(http::verb::get, "/api/v1/events"));
    std::string got;
    boost::asio::read_until(client.socket, boost::asio::dynamic_buffer(got), "event: jobs");
    CHECK_THAT(got, Contains("text/event-stream") && Contains("event: status\ndata: {\"recovery"));
    CHECK(ann.post("/api/v1/pause", "{}").status == 202);
    boost::asio::read_until(client.socket, boost::asio::dynamic_buffer(got),
                            "\"action\":\"pause\"");
    for (const auto* one : {&viewer, &there}) {
      const auto metrics = one->get("/metrics");
      CHECK(metrics.status == 200);
      CHECK_THAT(metrics.type, Contains("version=0.0.4"));
      CHECK_THAT(metrics.body, Contains("geo_files "));
    }
    CHECK_THAT(viewer.get("/metrics").body, Contains("farshore_sync_duration_seconds_bucket"));
  }

  SECTION("nothing of a secret or a token is in a log") {
    CHECK(there.get("/api/v1/registry/file").status == 404);
    const caller reader{sites.secondary, "read"};
    CHECK(reader.get("/api/v1/status").status == 401);
    CHECK(reader.get("/git-link/" + reader.token() + "/file/a/info/refs").status >= 400);
    CHECK(ann.get("/git-link/" + ann.token() + "/nothing").status >= 400);
    http_client client{"127.0.0.1:" + std::to_string(sites.primary.port())};
    auto elsewhere = ann.request(http::verb::get, "/api/v1/status");
    const auto refused = client.ask(elsewhere);
    REQUIRE(refused);
    CHECK(refused->result_int() == 401);
    for (const auto* at : {&sites.primary, &sites.secondary}) {
      const auto log = at->log();
      CHECK_THAT(log, Contains("[debug]") || Contains("debug"));
      for (const auto* one : {&viewer, &there, &ann, &reader})
        CHECK_THAT(log, !Contains(one->token()));
      auto secret = content_of(at->secret_file);
      secret.erase(secret.find_last_not_of('\n') + 1);
      REQUIRE(secret.size() >= 32);
      CHECK_THAT(log, !Contains(secret));
      CHECK_THAT(log, !Contains("Bearer "));
    }
  }
}

TEST_CASE("metrics can be open, and nothing else is", "[api]") {
  two_sites sites;
  sites.secondary.in_site = "metrics = \"open\"\n";
  sites.start(files_table);
  http_client client{"127.0.0.1:" + std::to_string(sites.secondary.port())};
  const auto metrics = client.ask({http::verb::get, "/metrics", 11});
  REQUIRE(metrics);
  CHECK(metrics->result_int() == 200);
  const auto status = client.ask({http::verb::get, "/api/v1/status", 11});
  REQUIRE(status);
  CHECK(status->result_int() == 401);
  http_client other{"127.0.0.1:" + std::to_string(sites.primary.port())};
  const auto closed = other.ask({http::verb::get, "/metrics", 11});
  REQUIRE(closed);
  CHECK(closed->result_int() == 401);
}

} // namespace farshore::test
