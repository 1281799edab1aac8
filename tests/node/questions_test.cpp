#include "fake_node.hpp"

#include "node/exit_codes.hpp"
#include "node/text_table.hpp"

using namespace farshore;
using Catch::Contains;

namespace {

constexpr std::string_view secondary_status = R"({
  "site": "lisbon", "role": "secondary", "version": "0.1.0", "time": "2026-01-02T03:04:05.000Z",
  "health": "degraded", "problems": ["file: 2 records\nfailed"],
  "primary": {"url": "http://porto:7400", "reachable": true, "identity": "x",
              "last_contact": "2026-01-02T03:04:04.500Z", "error": null},
  "epoch": 3,
  "log": {"xid": 900, "id": 77, "covered_xid": 901, "horizon": "2026-01-02T03:04:00.000Z",
          "blocker": {"pid": 4711, "age_seconds": 33}},
  "recovery_point": "2026-01-02T03:03:00.000Z",
  "verified_recovery_point": "2026-01-02T03:02:55.000Z",
  "capacity": {"total": 1024, "in_flight": 12},
  "bandwidth": {"cap": 2000000, "rate": 1500000},
  "transferred": {"records": 3412, "bytes": 126247526, "adopted": 34},
  "types": [
    {"name": "file", "plural": "files", "enabled": true, "paused": false, "waiting": null,
     "generation": 1, "backfill_complete": true, "registry_count": 60456, "pending_count": 400,
     "started_count": 56, "synced_count": 59995, "failed_count": 5, "missing_on_primary_count": 3,
     "removing_count": 0, "never_synced_count": 1, "out_of_scope_count": 38,
     "synced_in_percentage": 99.2, "verified_count": 59990, "verification_failed_count": 1,
     "in_flight": 12, "recovery_point": "2026-01-02T03:03:00.000Z",
     "verified_recovery_point": "2026-01-02T03:02:55.000Z"},
    {"name": "box", "plural": "boxes", "enabled": true, "paused": true,
     "waiting": "table \"boxes\" does not exist", "generation": 0, "backfill_complete": false,
     "registry_count": 0, "pending_count": 0, "started_count": 0, "synced_count": 0,
     "failed_count": 0, "missing_on_primary_count": 0, "removing_count": 0,
     "never_synced_count": 0, "synced_in_percentage": 100, "in_flight": 0, "recovery_point": null}
  ]})";

} // namespace

TEST_CASE_METHOD(command_fixture, "a secondary's status is a page for people", "[status]") {
  node.answers(secondary_status);
  CHECK(status_command(secondary, {}, io) == exit_code::done);
  CHECK(node.asked == std::vector<std::string>{"GET /api/v1/status"});
  CHECK(out.str() ==
        R"(health          degraded
                file: 2 records failed
site            lisbon (secondary), farshore 0.1.0
primary         http://porto:7400, reachable, last contact 2026-01-02T03:04:04.500Z (0.5 s ago)
recovery point  2026-01-02T03:03:00.000Z (65 s ago)
verified point  2026-01-02T03:02:55.000Z (70 s ago)
log             applied to event 77 (transaction 900), epoch 3
                held back by an open transaction on the primary: process 4711, for 33 s
in flight       12 of 1024
arriving        1.4 MiB/s, capped at 1.9 MiB/s
transferred     3412 records, 120.4 MiB; 34 adopted

type   records  synced      %  verified  due  failed  damaged  missing  recovery point                       verified point                       note
files    60456   59995   99.2     59990  456       2        1        3  2026-01-02T03:03:00.000Z (65 s ago)  2026-01-02T03:02:55.000Z (70 s ago)  38 out of scope
boxes        0       0  100.0         0    0       0        0        0  -                                    -                                    waiting: table "boxes" does not exist
)");
}

TEST_CASE_METHOD(command_fixture, "a primary's status has its own columns", "[status]") {
  node.answers(R"({"site":"porto","role":"primary","version":"0.1.0","health":"ok","problems":[],
    "time":"2026-01-02T03:04:05.000Z","identity":"x","log":{"fold_lag_events":2},
    "types":[{"name":"file","plural":"files","enabled":false,"waiting":null,"generation":1,
              "count":10,"checksummed_count":4,"checksum_pending_count":2,
              "checksum_failed_count":4,"checksum_missing_count":3}]})");
  CHECK(status_command(primary, {}, io) == exit_code::done);
  CHECK(out.str() == R"(health          ok
site            porto (primary), farshore 0.1.0
log             2 events to fold

type   records  checksummed  due  failed  missing  note
files       10            4    2       1        3  disabled
)");
}

TEST_CASE_METHOD(command_fixture, "a primary's status names its sites", "[status]") {
  node.answers(R"({"site":"porto","role":"primary","version":"0.1.0","health":"ok","problems":[],
    "time":"2026-01-02T03:04:05.000Z","identity":"x","log":{"fold_lag_events":0},
    "sites":[{"site":"lisbon","last_seen":"2026-01-02T03:04:04.000Z","lag_events":0},
             {"site":"vigo","last_seen":"2026-01-02T03:00:05.000Z","lag_events":1,
              "lag_seconds":240}],
    "types":[]})");
  CHECK(status_command(primary, {}, io) == exit_code::done);
  CHECK_THAT(
      out.str(),
      Contains("sites           lisbon: level, last seen 2026-01-02T03:04:04.000Z (1.0 s ago)\n"
               "                vigo: 1 event behind (240.0 s), last seen "
               "2026-01-02T03:00:05.000Z (4 min ago)\n"));
}

TEST_CASE_METHOD(command_fixture, "a scanned type's status says what is not as one may think",
                 "[status]") {
  node.answers(R"({"site":"porto","role":"primary","types":[
    {"name":"manual","plural":"manuals","enabled":true,"waiting":null,"unsupported_count":3,
     "scan":{"watch":"off","not_watched":"it lies on nfs"}},
    {"name":"box","plural":"boxes","enabled":true,"unsupported_count":0,"scan":null}]})");
  CHECK(status_command(primary, {}, io) == exit_code::done);
  CHECK_THAT(out.str(), Contains("not watched, only scanned: it lies on nfs; 3 unsupported, see "
                                 "farshore list manual --unsupported"));
}

TEST_CASE_METHOD(command_fixture, "a status that lacks fields is shown as far as it goes",
                 "[status]") {
  node.answers(R"({"role":"secondary","types":[{"plural":7},"x",null]})").answers("[]");
  CHECK(status_command(secondary, {}, io) == exit_code::done);
  CHECK_THAT(out.str(), Contains("NOT REACHABLE"));
  CHECK(status_command(secondary, {}, io) == exit_code::done);
  CHECK_THAT(out.str(), Contains("no replicable types are declared"));
}

TEST_CASE_METHOD(command_fixture, "the status as JSON is the node's own", "[status]") {
  node.answers(R"({"site":"lisbon","odd":[1,2.5,null]})");
  CHECK(status_command(secondary, {.as_json = true}, io) == exit_code::done);
  CHECK(out.str() == R"({"site":"lisbon","odd":[1,2.5E0,null]})"
                     "\n");
}

TEST_CASE_METHOD(command_fixture, "status without a node says how to start it", "[status]") {
  node.is_away();
  CHECK(status_command(secondary, {}, io) == exit_code::unreachable);
  CHECK_THAT(err.str(), Contains("start it with: farshore node -c /etc/farshore.toml"));
}

TEST_CASE_METHOD(command_fixture, "list shows each record on a line", "[list]") {
  node.answers(R"({"records":[
    {"record_id":7,"key":"7","locator":"a%20b/c","state":"failed","target_revision":12,
     "synced_revision":null,"wanted":true,"missing_on_primary":true,"retry_count":3,
     "retry_at":"2026-01-02T03:04:09.000Z","last_sync_failure":"not there\nyet",
     "last_synced_at":null,"checksum":null,"size":null},
    {"record_id":1234,"key":"1234","locator":"d","state":"synced","target_revision":5,
     "synced_revision":5,"wanted":true,"missing_on_primary":false,"retry_count":0,"retry_at":null,
     "last_sync_failure":null,"last_synced_at":"2026-01-02T03:00:00.000Z","checksum":"00","size":1}
    ],"next":null})");
  CHECK(list_command(secondary, {"file"}, io) == exit_code::done);
  CHECK(node.asked == std::vector<std::string>{"GET /api/v1/registry/file?limit=100"});
  CHECK(
      out.str() ==
      R"(record  state   revision  synced  last synced               next try                          locator  note
     7  failed        12       0  -                         2026-01-02T03:04:09.000Z (try 4)  a%20b/c  missing on the primary: not there yet
  1234  synced         5       5  2026-01-02T03:00:00.000Z  -                                 d
)");
}

TEST_CASE_METHOD(command_fixture, "list reads page after page up to its limit", "[list]") {
  std::string thousand = R"({"records":[)";
  for (int i = 0; i < 1'000; ++i)
    thousand += R"({"record_id":1},)";
  thousand.back() = ']';
  node.answers(thousand + R"(,"next":-5})").answers(R"({"records":[{"record_id":2}],"next":8})");
  // The limit is reached only with further pages; one that is empty need not be the last.
  node.answers(R"({"records":[],"next":9})").answers(R"({"records":[],"next":9})");
  CHECK(list_command(secondary, {"file", "failed", true, 1'500}, io) == exit_code::done);
  CHECK(node.asked ==
        std::vector<std::string>{"GET /api/v1/registry/file?limit=1000&state=failed",
                                 "GET /api/v1/registry/file?limit=500&state=failed&after=-5",
                                 "GET /api/v1/registry/file?limit=499&state=failed&after=8",
                                 "GET /api/v1/registry/file?limit=499&state=failed&after=9"});
  CHECK_THAT(out.str(), Catch::EndsWith(R"({"record_id":1},{"record_id":2}],"next":9})"
                                        "\n"));
}

TEST_CASE_METHOD(command_fixture, "list says when there is more, and when there is nothing",
                 "[list]") {
  node.answers(R"({"records":[{"record_id":1}],"next":1})")
      .answers(R"({"records":[],"next":null})");
  CHECK(list_command(secondary, {"file", "", false, 1}, io) == exit_code::done);
  CHECK_THAT(out.str(), Contains("give a higher --limit"));
  CHECK(list_command(secondary, {"file", "failed"}, io) == exit_code::done);
  CHECK_THAT(out.str(), Catch::EndsWith("no records in state failed\n"));
}

TEST_CASE_METHOD(command_fixture,
                 "list --unsupported names what a scanned folder has besides files", "[list]") {
  node.answers(R"({"unsupported":[{"locator":"run/a%20b","what":"a pipe"},
                                  {"locator":"s","what":"a socket"}]})")
      .answers(R"({"unsupported":[{"locator":"1","what":"a pipe"},{"locator":"2","what":"x"}]})")
      .answers(R"({"unsupported":[]})");
  CHECK(list_command(primary, {.type = "manual", .unsupported = true}, io) == exit_code::done);
  CHECK(node.asked == std::vector<std::string>{"GET /api/v1/unsupported/manual"});
  CHECK(out.str() == "locator    what it is\nrun/a%20b  a pipe\ns          a socket\n");
  CHECK(list_command(primary, {.type = "manual", .limit = 1, .unsupported = true}, io) ==
        exit_code::done);
  CHECK_THAT(out.str(), Contains("give a higher --limit"));
  CHECK(list_command(primary, {.type = "manual", .unsupported = true}, io) == exit_code::done);
  CHECK_THAT(out.str(), Catch::EndsWith("nothing that can't be replicated\n"));
  CHECK(list_command(secondary, {.type = "manual", .unsupported = true}, io) == exit_code::refused);
  CHECK(node.asked.size() == 3);
}

TEST_CASE_METHOD(command_fixture, "list of an unknown type is a no", "[list]") {
  node.fails(api_failure::kind::no, ec::not_found, "no type \"fiel\"");
  CHECK(list_command(secondary, {"fiel"}, io) == exit_code::no);
  CHECK(err.str() == "farshore: no type \"fiel\"\n");
}

TEST_CASE("a table's columns are as wide as what stands in them", "[table]") {
  using align = text_table::align;
  text_table table{{{"a"}, {"number", align::right}, {"end"}}};
  table.add({"äöü", "1", ""});
  table.add({"x", "1234567", "y"});
  std::ostringstream out;
  table.print(out);
  CHECK(out.str() == "a     number  end\näöü        1\nx    1234567  y\n");
}

TEST_CASE_METHOD(command_fixture, "colours are on where they are wanted, and take no place",
                 "[status]") {
  node.answers(secondary_status).answers(secondary_status);
  CHECK(status_command(secondary, {}, io) == exit_code::done);
  const auto plain = out.str();
  CHECK_THAT(plain, !Contains("\x1b"));
  out.str("");
  CHECK(status_command(secondary, {.colour = {true}}, io) == exit_code::done);
  auto painted = out.str();
  CHECK_THAT(painted, Contains("\x1b[31mdegraded\x1b[0m"));
  for (auto at = painted.find('\x1b'); at != std::string::npos; at = painted.find('\x1b'))
    painted.erase(at, painted.find('m', at) + 1 - at);
  CHECK(painted == plain);
}

TEST_CASE_METHOD(command_fixture, "status is drawn again until it is enough", "[status]") {
  node.answers(secondary_status).answers(secondary_status);
  int pictures = 0;
  const auto sleep = [&](std::chrono::milliseconds time) {
    CHECK(time == std::chrono::seconds{5});
    return ++pictures < 2;
  };
  CHECK(status_command(secondary, {.watch = true, .every = std::chrono::seconds{5}, .redraw = true},
                       io, sleep) == exit_code::done);
  CHECK(pictures == 2);
  CHECK_THAT(out.str(), Catch::StartsWith("\x1b[H\x1b[2Jhealth"));
  CHECK(node.asked.size() == 2);
}

TEST_CASE_METHOD(command_fixture, "why tells a record's story", "[why]") {
  node.answers(R"({"record":{"record_id":7,"key":"7","locator":"a/b","state":"failed",
    "verification_state":"pending","target_revision":12,"synced_revision":11,"checksum":null,
    "primary_checksum":"ab","retry_count":3,"retry_at":"2026-01-02T03:04:09.000Z"},
    "story":[{"at":"2026-01-02T03:00:00.000Z","what":"the site heard of the record"}],
    "summary":"It could not be synced.","cause":"no space","next_step":"tried again"})");
  CHECK(why_command(secondary, {"file", 7, false}, io) == exit_code::done);
  CHECK(node.asked == std::vector<std::string>{"GET /api/v1/registry/file/7"});
  CHECK_THAT(out.str(), Catch::StartsWith("file 7: It could not be synced.\ncause: no space\n"
                                          "next:  tried again\n"));
  CHECK_THAT(out.str(), Contains("revision        12; here 11\n") &&
                            Contains("on the primary  ab\n") &&
                            Contains("2026-01-02T03:00:00.000Z  the site heard of the record\n"));
}

TEST_CASE_METHOD(command_fixture, "why asks a primary for its own", "[why]") {
  node.answers(R"({"record":{},"story":[],"summary":"s","cause":null,"next_step":"n"})");
  CHECK(why_command(primary, {"file", -3, true}, io) == exit_code::done);
  CHECK(node.asked == std::vector<std::string>{"GET /api/v1/verification/file/-3"});
  CHECK_THAT(out.str(), Catch::StartsWith(R"({"record":{})"));
}
