#include "net/access.hpp"

#include "config/clock.hpp"
#include "net/signing.hpp"

#include <map>
#include <optional>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

const std::string secret = "0123456789abcdef0123456789abcdef";
const std::string new_secret = "fedcba9876543210fedcba9876543210";
const wall_time noon{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24} + 12h};
const site_keys lisbon{"lisbon", {secret}};

std::string token_of(person_level level, const std::string& site = "lisbon",
                     std::chrono::days life = std::chrono::days{30},
                     const std::string& with = secret) {
  return make_person_token(with, site, {"ann", level}, life, noon);
}

/// 200 where it may.
struct outcome {
  unsigned status = 200;
  std::string body;
  http_request request;
};
outcome ask(route_access access, const std::string& authorization, const site_keys& keys = lisbon,
            wall_time now = noon) {
  outcome got;
  got.request.method = access == route_access::operating ? "POST" : "GET";
  got.request.target = "/api/v1/status";
  if (auto refusal = refuse_access(keys, access, authorization, now, got.request)) {
    got.status = refusal->status;
    got.body = refusal->body;
  }
  return got;
}

} // namespace

TEST_CASE("a viewer looks, an operator acts as well", "[access]") {
  const auto viewer = "Bearer " + token_of(person_level::viewer);
  const auto operating = "Bearer " + token_of(person_level::operating);
  CHECK(ask(route_access::viewer, viewer).status == 200);
  CHECK(ask(route_access::viewer, operating).status == 200);
  CHECK(ask(route_access::operating, operating).status == 200);
  const auto refused = ask(route_access::operating, viewer);
  CHECK(refused.status == 403);
  CHECK_THAT(refused.body, Contains("is for looking"));
  CHECK(ask(route_access::viewer, viewer).request.who->name == "ann");
  CHECK(ask(route_access::viewer, viewer).request.site.empty());
}

TEST_CASE("a person's token opens nothing else", "[access]") {
  for (const auto level : {person_level::viewer, person_level::operating}) {
    const auto header = "Bearer " + token_of(level);
    CHECK(ask(route_access::signed_only, header).status == 401);
    CHECK(ask(route_access::reader, header).status == 401);
  }
}

TEST_CASE("a token for reading repositories does not open the API", "[access]") {
  const auto token = make_read_token(secret, "lisbon", "ann", std::chrono::days{1}, noon);
  const auto refused = ask(route_access::viewer, "Bearer " + token);
  CHECK(refused.status == 401);
  CHECK_THAT(refused.body, Contains("made for something else"));
}

TEST_CASE("the site itself may all, and another site nothing of it", "[access]") {
  for (const auto access : {route_access::viewer, route_access::operating}) {
    const auto method = access == route_access::operating ? "POST" : "GET";
    CHECK(ask(access, sign_request(secret, "lisbon", method, "/api/v1/status", noon)).status ==
          200);
    const auto other = ask(access, sign_request(secret, "porto", method, "/api/v1/status", noon));
    CHECK(other.status == 403);
    CHECK_THAT(other.body, Contains("signed by \\\"porto\\\""));
  }
}

TEST_CASE("a token made at another site is none here, though the keys are known", "[access]") {
  const auto refused =
      ask(route_access::viewer, "Bearer " + token_of(person_level::operating, "porto"));
  CHECK(refused.status == 401);
  CHECK_THAT(refused.body, Contains("made at site \\\"porto\\\""));
}

TEST_CASE("a person's token ends with its time, or with its secret", "[access]") {
  const auto header = "Bearer " + token_of(person_level::viewer, "lisbon", std::chrono::days{2});
  CHECK(ask(route_access::viewer, header, lisbon, noon + 47h).status == 200);
  const auto late = ask(route_access::viewer, header, lisbon, noon + 49h);
  CHECK(late.status == 401);
  CHECK_THAT(late.body, Contains("was good until"));
  CHECK(ask(route_access::viewer, header, {"lisbon", {new_secret, secret}}).status == 200);
  CHECK(ask(route_access::viewer, header, {"lisbon", {new_secret}}).status == 401);
}

TEST_CASE("what is no token is refused with a sentence, and not repeated", "[access]") {
  for (const std::string header :
       {"", "Bearer ", "Bearer not-a-token", "Basic YTpi", "Bearer a.b.c"}) {
    const auto refused = ask(route_access::viewer, header);
    CHECK(refused.status == 401);
    CHECK_THAT(refused.body, !Contains("not-a-token"));
  }
  const auto long_one = ask(route_access::viewer, "Bearer " + std::string(20'000, 'a'));
  CHECK(long_one.status == 401);
}
