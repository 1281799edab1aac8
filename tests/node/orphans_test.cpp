#include "fake_node.hpp"

#include "node/exit_codes.hpp"

using namespace farshore;
using Catch::Contains;

namespace {

struct orphans_fixture : command_fixture {
  orphans_options options{.type = "file"};
  int orphans(const site_access& site) {
    return orphans_command(
        site, options, [](auto) {}, io);
  }
};

std::string found(int count, int removed, bool held = false) {
  return R"({"state": "done", "type": "file", "files": 100, "found": )" + std::to_string(count) +
         R"(, "removed": )" + std::to_string(removed) + R"(, "held": )" +
         (held ? "true" : "false") + R"(, "trouble": null, "orphans": ["a/1", "b/2"]})";
}

} // namespace

TEST_CASE_METHOD(orphans_fixture, "orphans are shown, and left ones are a no", "[orphans]") {
  node.answers("{}").answers(R"({"state": "running"})").answers(found(3, 0));
  CHECK(orphans(secondary) == exit_code::no);
  CHECK(node.asked.front() ==
        R"(POST /api/v1/orphans {"type":"file","remove":false,"even_many":false})");
  CHECK(out.str() == "a/1\nb/2\n… and 1 more\n100 files, 3 that no record names, 0 removed\n");
}

TEST_CASE_METHOD(orphans_fixture, "removed orphans are a yes", "[orphans]") {
  options.remove = true;
  options.yes = true;
  node.answers("{}").answers(found(2, 2));
  CHECK(orphans(secondary) == exit_code::done);
  CHECK(node.asked.front() ==
        R"(POST /api/v1/orphans {"type":"file","remove":true,"even_many":true})");
}

TEST_CASE_METHOD(orphans_fixture, "a wave needs a second word, and says which", "[orphans]") {
  options.remove = true;
  node.answers("{}").answers(found(2, 0, true));
  CHECK(orphans(secondary) == exit_code::no);
  CHECK_THAT(err.str(), Contains("--yes"));
}

TEST_CASE_METHOD(orphans_fixture, "orphans are a secondary's question", "[orphans]") {
  CHECK(orphans(primary) == exit_code::refused);
}
