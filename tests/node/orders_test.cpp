#include "fake_node.hpp"

#include "node/exit_codes.hpp"

using namespace farshore;
using Catch::Contains;
using asked = std::vector<std::string>;

TEST_CASE_METHOD(command_fixture, "resync names the records, and says how many are due",
                 "[resync]") {
  node.answers(R"({"marked":3})").answers(R"({"marked":1})").answers(R"({"marked":2600000})");
  CHECK(resync_command(secondary, {"file", {7, 8, -9}}, io) == exit_code::done);
  CHECK(resync_command(secondary, {.type = "file", .failed = true}, io) == exit_code::done);
  CHECK(resync_command(secondary, {.type = "file", .all = true}, io) == exit_code::done);
  CHECK(node.asked == asked{R"(POST /api/v1/resync {"type":"file","ids":[7,8,-9]})",
                            R"(POST /api/v1/resync {"type":"file","failed":true})",
                            R"(POST /api/v1/resync {"type":"file","all":true})"});
  CHECK(out.str() == "3 records of file marked as due\n1 record of file marked as due\n"
                     "2600000 records of file marked as due\n");
}

TEST_CASE_METHOD(command_fixture, "resync of an unknown id is a no", "[resync]") {
  node.answers(R"({"marked":1})");
  CHECK(resync_command(secondary, {"file", {7, 8}}, io) == exit_code::no);
  CHECK_THAT(err.str(), Contains("1 of the 2 ids given are not in the registry"));
}

TEST_CASE_METHOD(command_fixture, "resync of no failed records is done, not refused", "[resync]") {
  node.answers(R"({"marked":0})");
  CHECK(resync_command(secondary, {.type = "file", .failed = true}, io) == exit_code::done);
}

TEST_CASE_METHOD(command_fixture, "pause and resume speak of one type or of all", "[pause]") {
  for (int i = 0; i < 4; ++i)
    node.answers("{}");
  CHECK(pause_command(secondary, "file", io) == exit_code::done);
  CHECK(pause_command(secondary, "", io) == exit_code::done);
  CHECK(resume_command(secondary, "file", io) == exit_code::done);
  CHECK(resume_command(secondary, "", io) == exit_code::done);
  CHECK(node.asked ==
        asked{R"(POST /api/v1/pause {"type":"file"})", R"(POST /api/v1/pause {"type":null})",
              R"(POST /api/v1/resume {"type":"file"})", R"(POST /api/v1/resume {"type":null})"});
  CHECK(out.str() == "file paused\nall types paused\nfile resumed\nall types resumed\n");
}

TEST_CASE_METHOD(command_fixture, "recheck speaks of one type or of all, in either role",
                 "[recheck]") {
  node.answers("{}").answers("{}");
  CHECK(recheck_command(secondary, "file", io) == exit_code::done);
  CHECK(recheck_command(primary, "", io) == exit_code::done);
  CHECK(node.asked ==
        asked{R"(POST /api/v1/recheck {"type":"file"})", R"(POST /api/v1/recheck {"type":null})"});
  CHECK_THAT(out.str(),
             Contains("the check of file begins") && Contains("the check of all types begins"));
}

TEST_CASE_METHOD(command_fixture, "approve says how many, and that nothing was held is a no",
                 "[approve]") {
  node.answers(R"({"approved":812})").answers(R"({"approved":0})");
  CHECK(approve_command(secondary, "file", io) == exit_code::done);
  CHECK(node.asked == asked{R"(POST /api/v1/approve {"type":"file"})"});
  CHECK_THAT(out.str(), Contains("812 records of file may be removed"));
  CHECK(approve_command(primary, "file", io) == exit_code::no);
  CHECK_THAT(err.str(), Contains("nothing of file is held back"));
}

TEST_CASE_METHOD(command_fixture, "publish says the event's id", "[publish]") {
  node.answers(R"({"id":12})");
  CHECK(publish_command(primary, {"file", "a \"b\"", "updated"}, io) == exit_code::done);
  CHECK(node.asked ==
        asked{R"(POST /api/v1/publish {"type":"file","key":"a \"b\"","event":"updated"})"});
  CHECK(out.str() == "event 12 published\n");
}

TEST_CASE_METHOD(command_fixture, "a command for the other role is refused without a request",
                 "[roles]") {
  CHECK(resync_command(primary, {"file", {7}}, io) == exit_code::refused);
  CHECK(pause_command(primary, "", io) == exit_code::refused);
  CHECK(resume_command(primary, "", io) == exit_code::refused);
  CHECK(list_command(primary, {"file"}, io) == exit_code::refused);
  CHECK(publish_command(secondary, {"file", "7", "updated"}, io) == exit_code::refused);
  CHECK(node.asked.empty());
  CHECK_THAT(err.str(), Contains("resync is for a secondary; site \"lisbon\" is a primary"));
  CHECK_THAT(err.str(), Contains("publish is for a primary; site \"lisbon\" is a secondary"));
}

TEST_CASE_METHOD(command_fixture, "each kind of failure has its exit code", "[failures]") {
  using kind = api_failure::kind;
  node.is_away()
      .fails(kind::refused, ec::unauthorized, "the clocks differ by 600 s")
      .fails(kind::not_now, ec::database_unavailable, "the database is away")
      .fails(kind::no, ec::not_found, "no such type \"fiel\"")
      .fails(kind::no, ec::invalid_config, "others can read the secret");
  CHECK(pause_command(secondary, "", io) == exit_code::unreachable);
  CHECK_THAT(err.str(), Contains("no node answers at 127.0.0.1:7400; start it with: farshore node "
                                 "-c /etc/farshore.toml\n"));
  CHECK(pause_command(secondary, "", io) == exit_code::refused);
  CHECK_THAT(err.str(), Contains("farshore: the clocks differ by 600 s\n"));
  CHECK(resync_command(secondary, {.type = "file", .all = true}, io) == exit_code::no);
  CHECK(resync_command(secondary, {.type = "fiel", .all = true}, io) == exit_code::no);
  CHECK(publish_command(primary, {"file", "7", "updated"}, io) == exit_code::usage);
  CHECK(out.str().empty());
}
