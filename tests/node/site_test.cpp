#include "fake_node.hpp"

#include "node/exit_codes.hpp"

using namespace farshore;
using Catch::Contains;

namespace {

constexpr std::string_view two_sites = R"({"time": "2026-01-02T03:04:05.000Z", "sites": [
  {"site": "lisbon", "last_seen": "2026-01-02T03:04:04.500Z", "cut_off": false, "lag_events": 0,
   "lag_seconds": 0.0, "held_bytes": 0, "holds_log": false, "version": "0.1.0", "wire": "1",
   "address": "10.0.0.2"},
  {"site": "porto", "last_seen": "2026-01-02T03:03:05.000Z", "cut_off": false, "lag_events": 1200,
   "lag_seconds": 61.25, "held_bytes": 120000, "holds_log": true, "version": null, "wire": "1",
   "address": "10.0.0.3"},
  {"site": "vigo", "last_seen": "2026-01-01T03:04:05.000Z", "cut_off": true, "lag_events": null,
   "lag_seconds": null, "held_bytes": 0, "holds_log": false, "version": "0.1.0", "wire": "1",
   "address": "10.0.0.4"}]})";

} // namespace

TEST_CASE_METHOD(command_fixture, "the sites are a table", "[site]") {
  node.answers(two_sites);
  CHECK(site_list_command(primary, false, io) == exit_code::done);
  CHECK(node.asked == std::vector<std::string>{"GET /api/v1/sites"});
  CHECK(
      out.str() ==
      R"(site    last seen                             behind                       version  wire  address   note
lisbon  2026-01-02T03:04:04.500Z (0.5 s ago)  level                        0.1.0    1     10.0.0.2
porto   2026-01-02T03:03:05.000Z (60 s ago)   1200 events behind (61.2 s)  -        1     10.0.0.3  holds the log: 117.2 KiB
vigo    2026-01-01T03:04:05.000Z (24 h ago)   cut off                      0.1.0    1     10.0.0.4  a full check is due
)");
}

TEST_CASE_METHOD(command_fixture, "the sites' JSON is the node's", "[site]") {
  node.answers(R"({"time":"2026-01-02T03:04:05.000Z","sites":[]})");
  CHECK(site_list_command(primary, true, io) == exit_code::done);
  CHECK_THAT(out.str(), Contains(R"("sites":[])"));
}

TEST_CASE_METHOD(command_fixture, "a primary that nobody reads says so", "[site]") {
  node.answers(R"({"sites":[]})");
  CHECK(site_list_command(primary, false, io) == exit_code::done);
  CHECK(out.str() == "no secondary has ever read here\n");
}

TEST_CASE_METHOD(command_fixture, "a site is forgotten by its name", "[site]") {
  node.answers("{}");
  CHECK(site_forget_command(primary, "porto", io) == exit_code::done);
  CHECK(node.asked == std::vector<std::string>{R"(POST /api/v1/sites/forget {"site":"porto"})"});
  CHECK(out.str() == "site porto is forgotten\n");
}

TEST_CASE_METHOD(command_fixture, "a site that never was can't be forgotten", "[site]") {
  node.fails(api_failure::kind::no, ec::not_found, "no site \"prto\" has ever read here");
  CHECK(site_forget_command(primary, "prto", io) == exit_code::no);
  CHECK_THAT(err.str(), Contains("prto"));
}

TEST_CASE_METHOD(command_fixture, "a secondary has no sites to tell of", "[site]") {
  CHECK(site_list_command(secondary, false, io) == exit_code::refused);
  CHECK(site_forget_command(secondary, "porto", io) == exit_code::refused);
  CHECK(node.asked.empty());
}
