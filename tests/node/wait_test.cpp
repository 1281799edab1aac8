#include "fake_node.hpp"

#include "node/exit_codes.hpp"
#include "node/wait_verdict.hpp"

#include <numeric>

#include <fmt/format.h>

using namespace farshore;
using namespace std::chrono_literals;
using Catch::Contains;
using std::chrono::milliseconds;
using kind = api_failure::kind;

namespace {

/// A secondary's status with one type "file"; the named fields replaced.
boost::json::value status_with(std::string_view fields = "{}", std::string_view more = "{}") {
  auto status = boost::json::parse(R"({"site":"lisbon","role":"secondary","health":"ok","epoch":1,
    "primary":{"url":"http://porto:7400","reachable":true,"error":null},
    "log":{"covered_xid":100,"blocker":null}})")
                    .as_object();
  auto type = boost::json::parse(R"({"name":"file","plural":"files","enabled":true,"paused":false,
    "waiting":null,"backfill_complete":true,"registry_count":10,"pending_count":0,
    "started_count":0,"synced_count":10,"failed_count":0,"missing_on_primary_count":0,
    "removing_count":0})")
                  .as_object();
  const auto changed = boost::json::parse({fields.data(), fields.size()});
  for (const auto& [key, value] : changed.as_object())
    type[key] = value;
  const auto changed_around = boost::json::parse({more.data(), more.size()});
  for (const auto& [key, value] : changed_around.as_object())
    status[key] = value;
  status["types"] = {type};
  return status;
}

std::string text_of(const std::vector<std::string>& lines) {
  return std::accumulate(lines.begin(), lines.end(), std::string{},
                         [](auto text, const auto& line) { return text + line + "\n"; });
}

/// What a wait for transaction 100 says is still open.
std::string open_with(std::string_view fields, std::string_view more = "{}") {
  auto verdict = judge_wait(status_with(fields, more), 100);
  CHECK(verdict.reached == verdict.open.empty());
  return text_of(verdict.open);
}

/// Time that passes only while the command sleeps.
class fake_time final : public time_source {
public:
  [[nodiscard]] steady_time now() const override { return now_; }
  [[nodiscard]] wall_time wall() const override { return {}; }
  steady_time now_{};
};

struct wait_fixture : command_fixture {
  int wait(const site_access& site, wait_options options = {}) {
    return wait_command(
        site, options, time,
        [this](milliseconds pause) {
          pauses.push_back(pause);
          time.now_ += pause;
        },
        io);
  }
  wait_fixture& answers_status(std::string_view fields = "{}", std::string_view more = "{}") {
    node.answers(boost::json::serialize(status_with(fields, more)));
    return *this;
  }
  /// A node that gives the mark, then the same status as often as a wait of `timeout` asks.
  void stays(std::string_view fields, std::string_view more = "{}", milliseconds timeout = 60s) {
    node.answers(R"({"xid":100})");
    milliseconds pause = 50ms;
    for (milliseconds at = 0ms; at < timeout; at += pause, pause = std::min(pause * 2, 500ms + 0ms))
      answers_status(fields, more);
    answers_status(fields, more);
  }

  fake_time time;
  std::vector<milliseconds> pauses;
};

} // namespace

TEST_CASE("a wait is over when the log is covered and every record synced", "[wait]") {
  auto verdict = judge_wait(status_with(), 100);
  CHECK(verdict.reached);
  CHECK(verdict.accounted.empty());
  CHECK(verdict.records == 10);
  CHECK(judge_wait(status_with(), 99).reached);
}

TEST_CASE("a log that is not covered yet keeps a wait open", "[wait]") {
  auto verdict = judge_wait(status_with(), 101);
  CHECK_FALSE(verdict.reached);
  CHECK_THAT(text_of(verdict.open), Contains("up to transaction 100, not yet 101"));
  CHECK_THAT(open_with("{}", R"({"log":{"covered_xid":99,
                                "blocker":{"pid":4711,"age_seconds":33}}})"),
             Contains("process 4711, for 33 s"));
  // Beyond what fits into a signed number.
  CHECK_FALSE(judge_wait(status_with("{}", R"({"log":{"covered_xid":9223372036854775807}})"),
                         9223372036854775809u)
                  .reached);
}

TEST_CASE("what is due, removed, failed or not backfilled keeps a wait open", "[wait]") {
  CHECK(open_with(R"({"pending_count":2,"started_count":3})") == "type file: 5 due\n");
  CHECK(open_with(R"({"removing_count":1})") == "type file: 1 to be removed\n");
  CHECK(open_with(R"({"failed_count":3,"missing_on_primary_count":1})") == "type file: 2 failed\n");
  CHECK_THAT(open_with(R"({"backfill_complete":false})"), Contains("backfill is not complete"));
  CHECK(open_with("{}", R"({"health":"starting"})") == "the node is starting\n");
}

TEST_CASE("records missing on the primary are accounted for", "[wait]") {
  auto verdict = judge_wait(status_with(R"({"failed_count":3,"missing_on_primary_count":3})"), 100);
  CHECK(verdict.reached);
  CHECK(text_of(verdict.accounted) == "type file: 3 missing on the primary\n");
  CHECK(verdict.missing_types == std::vector<std::string>{"file"});
  CHECK(verdict.failing_types.empty());
}

TEST_CASE("a type that waits for its table is accounted for", "[wait]") {
  auto verdict = judge_wait(
      status_with(R"({"waiting":"table \"files\" does not exist","backfill_complete":false})"),
      100);
  CHECK(verdict.reached);
  CHECK_THAT(text_of(verdict.accounted), Contains("type file waits: table \"files\""));
  // Its rows are due nevertheless.
  CHECK_FALSE(judge_wait(status_with(R"({"waiting":"x","removing_count":4})"), 100).reached);
}

TEST_CASE("what a check holds back is accounted for, and a check keeps nobody waiting", "[wait]") {
  auto verdict = judge_wait(status_with(R"({"check":{"stage":"reading","held":12}})"), 100);
  CHECK(verdict.reached);
  CHECK_THAT(text_of(verdict.accounted),
             Contains("12 gone from the primary") && Contains("farshore approve file"));
}

TEST_CASE("a disabled type keeps nobody waiting", "[wait]") {
  auto verdict = judge_wait(
      status_with(R"({"enabled":false,"pending_count":9,"backfill_complete":false})"), 100);
  CHECK(verdict.reached);
  CHECK(verdict.records == 0);
}

TEST_CASE("a paused type is named only where it has work", "[wait]") {
  CHECK(open_with(R"({"paused":true})").empty());
  CHECK_THAT(open_with(R"({"paused":true,"pending_count":1})"), Contains("type file is paused"));
}

TEST_CASE("what is synced is waited for until it is verified, unless synced is enough", "[wait]") {
  CHECK_THAT(open_with(R"({"verification_pending_count":4})"),
             Contains("type file: 4 synced, not verified yet"));
  CHECK_THAT(open_with(R"({"verification_failed_count":2})"),
             Contains("type file: 2 found damaged, not fetched again yet"));
  CHECK(judge_wait(status_with(R"({"verification_pending_count":4})"), 100, true).reached);
  CHECK(open_with(R"({"verification_disabled_count":4})").empty());
  // Under a steady load something newer is always waiting for its checksum.
  // At the very horizon a change from before the mark may be what is not verified yet.
  const auto busy = [](const std::string& fields) {
    return judge_wait(status_with(R"({"verification_pending_count":4,)" + fields + "}"), 100, false,
                      "2026-01-02T03:04:05.000Z")
        .reached;
  };
  CHECK(busy(R"("verified_recovery_point":"2026-01-02T03:04:05.001Z")"));
  CHECK_FALSE(busy(R"("verified_recovery_point":"2026-01-02T03:04:05.000Z")"));
  CHECK_FALSE(busy(R"("verified_recovery_point":"2026-01-02T03:04:04.999Z")"));
  CHECK_FALSE(busy(R"("verified_recovery_point":null)"));
  CHECK_FALSE(busy(R"("verified_recovery_point":"2026-01-02T03:04:06.000Z","marked_count":1)"));
  CHECK_THAT(open_with(R"({"marking":true})"), Contains("a resync of all begins"));
  CHECK_THAT(open_with(R"({"reverifying":true})"), Contains("a reverify of all is under way"));
}

TEST_CASE("an unreachable primary is named only where something is open", "[wait]") {
  constexpr auto away =
      R"({"primary":{"url":"http://porto:7400","reachable":false,"error":"refused"}})";
  CHECK(open_with("{}", away).empty());
  CHECK_THAT(open_with(R"({"pending_count":1})", away),
             Contains("the primary at http://porto:7400 is not reachable: refused"));
}

TEST_CASE("a primary's wait is over when its log is folded", "[wait]") {
  auto status = boost::json::parse(
      R"({"role":"primary","health":"degraded","log":{"fold_lag_events":0},"types":[]})");
  CHECK(judge_wait(status, 5).reached);
  status.at_pointer("/log/fold_lag_events") = 3;
  CHECK_THAT(text_of(judge_wait(status, 5).open), Contains("3 events"));
}

TEST_CASE("a primary's wait tells which types wait", "[wait]") {
  const auto status = boost::json::parse(
      R"({"role":"primary","health":"degraded","log":{"fold_lag_events":0},
          "types":[{"name":"file","enabled":true,"waiting":"no table \"files\""}]})");
  const auto verdict = judge_wait(status, 100);
  CHECK(verdict.reached); // it may wait for ever
  CHECK(text_of(verdict.accounted) == "type file waits: no table \"files\"\n");
}

TEST_CASE("a primary's wait is for its checksums, too, unless synced is enough", "[wait]") {
  const auto status = boost::json::parse(
      R"({"role":"primary","health":"ok","log":{"fold_lag_events":0},
          "types":[{"name":"file","enabled":true,"checksum_pending_count":7,
                    "checksum_failed_count":1}]})");
  CHECK_THAT(text_of(judge_wait(status, 5).open), Contains("type file: 7 not checksummed yet"));
  CHECK(judge_wait(status, 5, true).reached);
}

TEST_CASE_METHOD(wait_fixture, "wait asks for the mark once, then for the status", "[wait]") {
  node.answers(R"({"xid":100})");
  answers_status("{}", R"({"log":{"covered_xid":90}})").answers_status(R"({"pending_count":1})");
  answers_status();
  CHECK(wait(secondary) == exit_code::done);
  CHECK(node.asked == std::vector<std::string>{"POST /api/v1/mark {}", "GET /api/v1/status",
                                               "GET /api/v1/status", "GET /api/v1/status"});
  CHECK(pauses == std::vector<milliseconds>{50ms, 100ms});
  CHECK(out.str() == "synced and verified: 10 records\n");
  CHECK(err.str().empty());
}

TEST_CASE_METHOD(wait_fixture, "wait asks ever more rarely, but twice a second at least",
                 "[wait]") {
  stays(R"({"pending_count":1})");
  CHECK(wait(secondary) == exit_code::no);
  CHECK(pauses.at(3) == 400ms);
  CHECK(pauses.at(4) == 500ms);
  CHECK(std::accumulate(pauses.begin(), pauses.end(), 0ms) == 60s);
  CHECK(node.all_used());
}

TEST_CASE_METHOD(wait_fixture, "a wait out of time says what is missing and why", "[wait]") {
  stays(R"({"failed_count":9,"missing_on_primary_count":1,"paused":true})", "{}", 1s);
  std::string records;
  for (int i = 1; i <= 9; ++i)
    records += fmt::format(R"({{"record_id":{},"locator":"f{}","missing_on_primary":{},)"
                           R"("last_sync_failure":"disk is\nfull"}},)",
                           i, i, i == 1 ? "true" : "false");
  records.pop_back();
  node.answers(R"({"records":[)" + records + R"(],"next":null})");
  CHECK(wait(secondary, {1s, false}) == exit_code::no);
  CHECK_THAT(err.str(), Contains("not reached within 1 s"));
  CHECK_THAT(err.str(), Contains("type file: 8 failed"));
  CHECK_THAT(err.str(), Contains("type file is paused"));
  CHECK_THAT(err.str(), Contains("file/2 f2: disk is full") && Contains("file/6 f6"));
  CHECK_THAT(err.str(), !Contains("file/1 ") && !Contains("file/7 "));
  CHECK_THAT(err.str(), Contains("and more: farshore list file --state failed"));
  CHECK_THAT(err.str(), Contains("1 missing on the primary"));
  CHECK(out.str().empty());
}

TEST_CASE_METHOD(wait_fixture, "a wait without time still looks once", "[wait]") {
  node.answers(R"({"xid":100})");
  answers_status();
  CHECK(wait(secondary, {0ms, false}) == exit_code::done);
  node.answers(R"({"xid":100})");
  answers_status(R"({"pending_count":1})");
  CHECK(wait(secondary, {0ms, false}) == exit_code::no);
  CHECK(pauses.empty());
}

TEST_CASE_METHOD(wait_fixture, "what is missing on the primary is printed, and strict says no",
                 "[wait]") {
  for (bool strict : {false, true}) {
    node.answers(R"({"xid":100})");
    answers_status(R"({"failed_count":1,"missing_on_primary_count":1})");
    node.answers(R"({"records":[{"record_id":7,"locator":"a/b","missing_on_primary":true,
                     "last_sync_failure":"not there"}],"next":null})");
    CHECK(wait(secondary, {60s, strict}) == (strict ? exit_code::no : exit_code::done));
  }
  CHECK_THAT(out.str(), Contains("file/7 a/b: not there\n"));
  CHECK_THAT(out.str(), Contains("synced and verified, except for the above: 10 records"));
  CHECK_THAT(err.str(), Contains("--strict"));
}

TEST_CASE_METHOD(wait_fixture, "waiting types make a strict wait a no", "[wait]") {
  node.answers(R"({"xid":100})");
  answers_status(R"({"waiting":"no table","backfill_complete":false})");
  CHECK(wait(secondary, {60s, true}) == exit_code::no);
  CHECK_THAT(out.str(), Contains("type file waits: no table"));
}

TEST_CASE_METHOD(wait_fixture, "wait bears with a node and a primary that come up", "[wait]") {
  node.is_away().is_away();
  node.fails(kind::not_now, ec::primary_unreachable, "connection refused by http://porto:7400");
  node.answers(R"({"xid":100})");
  node.is_away();
  answers_status();
  CHECK(wait(secondary) == exit_code::done);
  // Said once while it is away.
  CHECK(err.str() == "farshore: no node answers at 127.0.0.1:7400; waiting for it\n");
}

TEST_CASE_METHOD(wait_fixture, "a node that never comes up is unreachable in the end", "[wait]") {
  for (int i = 0; i < 5; ++i)
    node.is_away();
  CHECK(wait(secondary, {400ms, false}) == exit_code::unreachable);
  CHECK_THAT(err.str(), Contains("start it with: farshore node -c"));
}

TEST_CASE_METHOD(wait_fixture, "a primary that never comes back is named", "[wait]") {
  for (int i = 0; i < 5; ++i)
    node.fails(kind::not_now, ec::primary_unreachable, "connection refused by http://porto:7400");
  CHECK(wait(secondary, {400ms, false}) == exit_code::no);
  CHECK_THAT(err.str(), Contains("connection refused by http://porto:7400"));
}

TEST_CASE_METHOD(wait_fixture, "a refusal ends a wait at once", "[wait]") {
  node.fails(kind::refused, ec::unauthorized, "the clocks differ by 600 s");
  CHECK(wait(secondary) == exit_code::refused);
  node.answers(R"({"xid":100})").fails(kind::no, ec::not_found, "no such route");
  CHECK(wait(secondary) == exit_code::no);
  CHECK(pauses.empty());
}

TEST_CASE_METHOD(wait_fixture, "a replaced primary is asked for its mark anew", "[wait]") {
  node.answers(R"({"xid":100})");
  answers_status(R"({"pending_count":1})").answers_status("{}", R"({"epoch":2})");
  node.answers(R"({"xid":7})");
  answers_status("{}", R"({"epoch":2,"log":{"covered_xid":7}})");
  CHECK(wait(secondary) == exit_code::done);
  CHECK(std::count(node.asked.begin(), node.asked.end(), "POST /api/v1/mark {}") == 2);
}

TEST_CASE_METHOD(wait_fixture, "no single request outlasts the wait", "[wait]") {
  node.answers(R"({"xid":100})");
  answers_status(R"({"pending_count":1})").answers_status();
  CHECK(wait(secondary, {5s, false}) == exit_code::done);
  CHECK(node.answer_timeouts == std::vector<milliseconds>{5s, 5s, 4950ms});
}

TEST_CASE_METHOD(wait_fixture, "wait on a primary waits for the fold", "[wait]") {
  node.answers(R"({"xid":5})").answers(R"({"role":"primary","log":{"fold_lag_events":3}})");
  node.answers(R"({"role":"primary","log":{"fold_lag_events":0}})");
  CHECK(wait(primary) == exit_code::done);
  CHECK(out.str() == "the log is folded, and what is there is checksummed\n");
}
