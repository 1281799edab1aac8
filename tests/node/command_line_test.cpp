#include "node/command_line.hpp"

#include "node/exit_codes.hpp"
#include "site_folder.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <boost/json.hpp>

#include <catch2/catch.hpp>

using namespace farshore;
using Catch::Contains;

namespace {

constexpr std::string_view begin_mark = "<!-- commands: begin -->\n";
constexpr std::string_view end_mark = "<!-- commands: end -->";

/// Runs command lines against a node that answers everything with the same JSON.
struct program {
  program() { unsetenv("FARSHORE_CONFIG"); }

  int run(std::vector<std::string> words) {
    const command_surroundings with{
        [this](const std::filesystem::path& file) {
          node_of = file;
          return 42;
        },
        [this](const config& settings, const api_request& request) -> api_answer {
          CHECK(settings.site_name == "lisbon");
          asked = request.method + " " + request.target +
                  (request.body.is_null() ? "" : " " + boost::json::serialize(request.body));
          return boost::json::parse(answer);
        },
        system_time(), [](std::chrono::milliseconds) {}};
    out.str("");
    err.str("");
    asked.clear();
    return run_command_line(std::move(words), with, {out, err});
  }
  int run_at(const site_folder& site, std::vector<std::string> words) {
    words.insert(words.end(), {"-c", site.config_file.string()});
    return run(std::move(words));
  }

  std::string answer = R"({"role":"secondary","marked":5,"records":[]})";
  std::ostringstream out;
  std::ostringstream err;
  std::string asked;
  std::filesystem::path node_of;
};

} // namespace

TEST_CASE_METHOD(program, "help teaches, and is no mistake", "[command line]") {
  CHECK(run({"--help"}) == exit_code::done);
  CHECK_THAT(out.str(), Contains("farshore check -c FILE") && Contains("Exit codes: 0 done"));
  for (auto command :
       {"secret", "check", "node", "status", "wait", "list", "resync", "pause", "resume", "recheck",
        "approve", "publish", "database-url", "doctor", "uninstall", "reverify", "migrate-model"}) {
    CAPTURE(command);
    CHECK(run({command, "--help"}) == exit_code::done);
    CHECK_THAT(out.str(), Contains("Example: ") && Contains("Exit codes: 0 done"));
  }
  CHECK(run({"--version"}) == exit_code::done);
  CHECK_THAT(out.str(), Catch::StartsWith("farshore 0."));
}

TEST_CASE_METHOD(program, "mistakes in the command line are usage errors", "[command line]") {
  site_folder site;
  const auto c = site.config_file.string();
  const std::vector<std::vector<std::string>> wrong{
      {},
      {"statsu"},
      {"status"},
      {"status", "-c"},
      {"status", "-c", c, "--jsn"},
      {"status", "-c", c, "file"},
      {"wait", "-c", c, "--timeout", "inf"},
      {"wait", "-c", c, "--timeout", "nan"},
      {"wait", "-c", c, "--timeout", "-1"},
      {"wait", "-c", c, "--timeout", "soon"},
      {"wait", "-c", c, "--timeout", "1e9"},
      {"list", "-c", c},
      {"list", "file", "-c", c, "--state", "lost"},
      {"list", "file", "-c", c, "--limit", "0"},
      {"resync", "-c", c, "--all"},
      {"resync", "file", "-c", c},
      {"resync", "file", "-c", c, "--all", "--failed"},
      {"resync", "file", "-c", c, "--id", "seven"},
      {"resync", "file", "-c", c, "--id", "7", "--all"},
      {"publish", "file", "7", "-c", c},
      {"doctor"},
      {"uninstall", "-c", c, "--timeout", "soon"},
      {"uninstall", "file", "-c", c},
      {"publish", "file", "7", "exploded", "-c", c},
      {"pause", "file", "other", "-c", c},
  };
  for (const auto& words : wrong) {
    std::string line;
    for (const auto& word : words)
      line += word + " ";
    CAPTURE(line);
    CHECK(run(words) == exit_code::usage);
    CHECK(asked.empty());
    CHECK_FALSE(err.str().empty());
  }
}

TEST_CASE_METHOD(program, "a command that is not there is answered with the nearest one",
                 "[command line]") {
  CHECK(run({"statsu"}) == exit_code::usage);
  CHECK_THAT(err.str(), Contains("no command \"statsu\"; did you mean \"status\"?"));
  CHECK(run({"replicate"}) == exit_code::usage);
  CHECK_THAT(err.str(), Contains("farshore --help lists them"));
}

TEST_CASE_METHOD(program, "each command line becomes its request", "[command line]") {
  site_folder secondary;
  CHECK(run_at(secondary, {"status"}) == exit_code::done);
  CHECK(asked == "GET /api/v1/status");
  CHECK(run_at(secondary, {"status", "--json"}) == exit_code::done);
  CHECK_THAT(out.str(), Catch::StartsWith("{\"role\""));
  CHECK(run_at(secondary, {"list", "file", "--state", "failed", "-n", "7"}) == exit_code::done);
  CHECK(asked == "GET /api/v1/registry/file?limit=7&state=failed");
  CHECK(run_at(secondary, {"resync", "file", "--id", "7", "8", "-9", "--id", "10"}) ==
        exit_code::done);
  CHECK(asked == R"(POST /api/v1/resync {"type":"file","ids":[7,8,-9,10]})");
  CHECK(run_at(secondary, {"resync", "--failed", "file"}) == exit_code::done);
  CHECK(asked == R"(POST /api/v1/resync {"type":"file","failed":true})");
  CHECK(run_at(secondary, {"pause"}) == exit_code::done);
  CHECK(asked == R"(POST /api/v1/pause {"type":null})");
  CHECK(run_at(secondary, {"resume", "file"}) == exit_code::done);
  CHECK(asked == R"(POST /api/v1/resume {"type":"file"})");
  CHECK(run_at(secondary, {"recheck"}) == exit_code::done);
  CHECK(asked == R"(POST /api/v1/recheck {"type":null})");
  run_at(secondary, {"approve", "file"});
  CHECK(asked == R"(POST /api/v1/approve {"type":"file"})");
  CHECK(run_at(secondary, {"wait", "--timeout", "0.5", "--strict"}) == exit_code::done);
  CHECK(asked == "GET /api/v1/status");
  site_folder primary{"primary"};
  CHECK(run_at(primary, {"publish", "file", "a-7", "updated"}) == exit_code::done);
  CHECK(asked == R"(POST /api/v1/publish {"type":"file","key":"a-7","event":"updated"})");
}

TEST_CASE_METHOD(program, "a configuration with mistakes stops every command", "[command line]") {
  site_folder site;
  std::ofstream{site.config_file, std::ios::app} << "[limits]\ncapacity = 0\n";
  for (auto command : {"status", "wait", "pause", "database-url"}) {
    CHECK(run_at(site, {command}) == exit_code::usage);
    CHECK_THAT(err.str(), Contains(site.config_file.string() + ":10: [limits] capacity = 0"));
    CHECK(asked.empty());
  }
  CHECK(run_at(site, {"check"}) == exit_code::no);
  CHECK_THAT(out.str(), Contains(site.config_file.string() + ":10: "));
  CHECK(run({"status", "-c", "/nowhere.toml"}) == exit_code::usage);
  CHECK_THAT(err.str(), Catch::StartsWith("/nowhere.toml: cannot read"));
}

TEST_CASE_METHOD(program, "check of a good configuration says so", "[command line]") {
  site_folder site;
  CHECK(run_at(site, {"check"}) == exit_code::done);
  CHECK_THAT(out.str(), Contains("good; site \"lisbon\", secondary, 0 replicable types"));
}

TEST_CASE_METHOD(program, "the environment names the configuration, the option overrides it",
                 "[command line]") {
  site_folder site;
  setenv("FARSHORE_CONFIG", site.config_file.c_str(), 1);
  CHECK(run({"status"}) == exit_code::done);
  CHECK(run({"status", "-c", "/nowhere.toml"}) == exit_code::usage);
  unsetenv("FARSHORE_CONFIG");
}

TEST_CASE_METHOD(program, "node runs the node and ends with its code", "[command line]") {
  CHECK(run({"node", "-c", "/x/farshore.toml"}) == 42);
  CHECK(node_of == "/x/farshore.toml");
}

TEST_CASE_METHOD(program, "the database's address is printed for psql", "[command line]") {
  site_folder site;
  CHECK(run_at(site, {"database-url"}) == exit_code::done);
  CHECK_THAT(out.str(), Catch::StartsWith("postgresql://"));
  std::ifstream file{site.config_file};
  std::stringstream text;
  text << file.rdbuf();
  auto toml = text.str();
  toml.insert(toml.find("[primary]"), "database = \"postgresql://app@db/app\"\n");
  std::ofstream{site.config_file} << toml;
  CHECK(run_at(site, {"database-url"}) == exit_code::done);
  CHECK(out.str() == "postgresql://app@db/app\n");
}

TEST_CASE_METHOD(program, "grants are printed for whom the database's address names",
                 "[command line]") {
  site_folder site;
  CHECK(run_at(site, {"check", "--grants"}) == exit_code::done);
  CHECK_THAT(out.str(), Contains("nothing to grant"));
  std::ifstream file{site.config_file};
  std::stringstream text;
  text << file.rdbuf();
  const auto toml = text.str();
  const auto with = [&](const std::string& url) {
    auto changed = toml;
    changed.insert(changed.find("[primary]"), "database = \"" + url + "\"\n");
    std::ofstream{site.config_file, std::ios::trunc} << changed;
    return run_at(site, {"check", "--grants"});
  };
  CHECK(with("postgresql://rep@db/app") == exit_code::done);
  CHECK_THAT(out.str(), Contains("GRANT CONNECT, CREATE ON DATABASE \"app\" TO \"rep\""));
  CHECK(with("postgresql:///app?user=other&host=/run/postgresql") == exit_code::done);
  CHECK_THAT(out.str(), Contains("ON DATABASE \"app\" TO \"other\""));
  CHECK(with("postgresql:///app") == exit_code::usage);
  CHECK_THAT(err.str(), Contains("does not say who connects"));
}

TEST_CASE_METHOD(program, "uninstall of a database that was never made has nothing to do",
                 "[command line]") {
  site_folder site;
  CHECK(run_at(site, {"uninstall", "--yes"}) == exit_code::done);
  CHECK_THAT(out.str(), Contains("nothing to remove"));
}

TEST_CASE_METHOD(program, "secret needs no configuration", "[command line]") {
  CHECK(run({"secret"}) == exit_code::done);
  CHECK(out.str().size() == 65);
  // A site's key needs both, the site and the secret.
  CHECK(run({"secret", "--for", "lisbon"}) == exit_code::usage);
  CHECK(run({"secret", "--from", "/nowhere"}) == exit_code::usage);
}

// With FARSHORE_WRITE_REFERENCE set, the page is rewritten instead.
TEST_CASE("the page of all commands says what their help says", "[reference]") {
  std::ifstream file{FARSHORE_COMMANDS_PAGE};
  std::stringstream content;
  content << file.rdbuf();
  auto page = content.str();
  auto begin = page.find(begin_mark);
  auto end = page.find(end_mark);
  REQUIRE(begin != std::string::npos);
  REQUIRE(end != std::string::npos);
  begin += begin_mark.size();
  if (std::getenv("FARSHORE_WRITE_REFERENCE") != nullptr) {
    page.replace(begin, end - begin, command_line_reference());
    std::ofstream{FARSHORE_COMMANDS_PAGE} << page;
    return;
  }
  CHECK(page.substr(begin, end - begin) == command_line_reference());
}
