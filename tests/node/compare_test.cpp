#include "fake_node.hpp"

#include "node/exit_codes.hpp"
#include "registry/record_digest.hpp"

using namespace farshore;
using Catch::Contains;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view equal_status = R"({
  "state": "done", "number": 1, "at": "", "types": [
    {"name": "file", "equal": true, "trouble": null, "records_here": 3, "records_there": 3,
     "digest_here": "AAAA-BBBB-CCCC-DDDD", "digest_there": "AAAA-BBBB-CCCC-DDDD",
     "checksums_unknown": 0, "more": false, "differences": []}],
  "digest_here": "1111-2222-3333-4444", "digest_there": "1111-2222-3333-4444"})";

constexpr std::string_view differing_status = R"({
  "state": "done", "number": 1, "at": "", "types": [
    {"name": "file", "equal": false, "trouble": null, "records_here": 2, "records_there": 3,
     "digest_here": "A", "digest_there": "B", "checksums_unknown": 2, "more": true, "differences": [
       {"record_id": 7, "key": "7", "what": "missing_here", "fault": null, "here": null,
        "there": {"locator": "a/7", "revision": 5, "checksum": null}},
       {"record_id": 8, "key": "8", "what": "only_here", "fault": null, "there": null,
        "here": {"locator": "a/8", "revision": 5, "checksum": null}},
       {"record_id": 9, "key": "9", "what": "not_sound", "fault": "failed",
        "there": {"locator": "a/9", "revision": 5, "checksum": null},
        "here": {"locator": "a/9", "revision": 5, "checksum": null}}]},
    {"name": "image", "equal": false, "trouble": "the primary is\naway", "records_here": 0,
     "records_there": 0, "digest_here": "A", "digest_there": "A", "checksums_unknown": 0,
     "more": false, "differences": []}],
  "digest_here": "X", "digest_there": "Y"})";

struct compare_fixture : command_fixture {
  std::vector<std::chrono::milliseconds> slept;
  compare_options options;

  int compare(const site_access& site) {
    return compare_command(
        site, options, [this](auto pause) { slept.push_back(pause); }, io);
  }
};

} // namespace

TEST_CASE_METHOD(compare_fixture, "equal sites end well, with a digest to be read out",
                 "[compare]") {
  node.answers("{}").answers(R"({"state": "running", "types": []})").answers(equal_status);
  CHECK(compare(secondary) == exit_code::done);
  CHECK(node.asked == std::vector<std::string>{
                          R"(POST /api/v1/compare {"type":null,"limit":20,"patience_ms":10000})",
                          "GET /api/v1/compare", "GET /api/v1/compare"});
  CHECK(slept.size() == 1);
  CHECK(out.str() == "file: equal, 3 records, digest AAAA-BBBB-CCCC-DDDD\n"
                     "digest of site lisbon: 1111-2222-3333-4444, of its primary: "
                     "1111-2222-3333-4444\n"
                     "equal\n");
}

TEST_CASE_METHOD(compare_fixture, "what differs is named, and is a no", "[compare]") {
  node.answers("{}").answers(differing_status);
  options.type = "file";
  CHECK(compare(secondary) == exit_code::no);
  CHECK_THAT(out.str(), Contains("file: more than 3 records differ; 2 here, 3 on the primary") &&
                            Contains("missing here") && Contains("only here") && Contains("a/8") &&
                            Contains("not good here: failed") &&
                            Contains("of 2 records one site alone knows the checksum") &&
                            Contains("image: not compared: the primary is away") &&
                            Contains("farshore recheck") && !Contains("digest of site"));
}

TEST_CASE_METHOD(compare_fixture, "the JSON is the node's, and the exit code says the same",
                 "[compare]") {
  options.as_json = true;
  node.answers("{}").answers(differing_status);
  CHECK(compare(secondary) == exit_code::no);
  CHECK(boost::json::parse(out.str()) ==
        boost::json::parse({differing_status.data(), differing_status.size()}));
}

TEST_CASE_METHOD(compare_fixture, "what the node refuses is told", "[compare]") {
  node.fails(api_failure::kind::not_now, ec::overloaded, "a comparison is under way");
  CHECK(compare(secondary) != exit_code::done);
  CHECK_THAT(err.str(), Contains("a comparison is under way"));
}

TEST_CASE_METHOD(compare_fixture, "a primary adds up its own digest, page by page", "[compare]") {
  replicable_type type;
  type.name = "file";
  primary.settings.types = {type};
  type.name = "off";
  type.enabled = false;
  primary.settings.types.push_back(type);
  auto one = digest_of(1, "a", 1, {});
  const auto two = digest_of(2, "b", 1, {});
  const auto page = [](const record_digest& digest, const std::string& next) {
    return R"({"type":"file","records":1,"sum":")" + sum_text(digest) + R"(","next":)" + next + "}";
  };
  node.answers(page(one, "1")).answers(page(two, "null"));
  CHECK(compare(primary) == exit_code::done);
  CHECK(node.asked ==
        std::vector<std::string>{"GET /api/v1/digest/file", "GET /api/v1/digest/file?after=1"});
  one += two;
  CHECK(out.str() == "file: 2 records, digest " + spoken_digest(one) + "\n" +
                         "digest of site lisbon: " +
                         spoken_digest(std::map<std::string, record_digest>{{"file", one}}) + "\n");
}

TEST_CASE_METHOD(compare_fixture, "a primary knows its own types only", "[compare]") {
  options.type = "fiel";
  CHECK(compare(primary) == exit_code::no);
  CHECK_THAT(err.str(), Contains("fiel"));
}
