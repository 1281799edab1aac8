#include "node/command_line.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>

using namespace farshore;
using Catch::Contains;

namespace {

/// What bash offers behind `words`, the last of which is being written.
std::string offered(const std::string& words) {
  char folder[] = "/tmp/farshore-pages-XXXXXX";
  REQUIRE(mkdtemp(folder) != nullptr);
  const auto script = std::string{folder} + "/script";
  std::ofstream{script} << bash_completion(describe_commands()) << "COMP_WORDS=(" << words
                        << ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_farshore\n"
                           "echo \"${COMPREPLY[*]}\"\n";
  std::string out;
  auto* pipe = popen(("bash " + script + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  char chunk[4096];
  while (std::fgets(chunk, sizeof chunk, pipe) != nullptr)
    out += chunk;
  CHECK(pclose(pipe) == 0);
  std::filesystem::remove_all(folder);
  return out;
}

} // namespace

TEST_CASE("bash completes commands, options and their values", "[pages]") {
  CHECK(offered("farshore unin") == "uninstall\n");
  CHECK(offered("farshore publi") == "publish\n");
  CHECK_THAT(offered("farshore resync --"),
             Contains("--failed") && Contains("--all") && Contains("--id") && Contains("--config"));
  CHECK(offered("farshore list --state f") == "failed\n");
  CHECK(offered("farshore wait --str") == "--strict\n");
  CHECK(offered("farshore nothing --") == "\n");
}

TEST_CASE("every command and option is in the manual page and in each completion", "[pages]") {
  const auto commands = describe_commands();
  CHECK(commands.size() > 10);
  const auto manual = manual_page(commands);
  const auto bash = bash_completion(commands);
  const auto zsh = zsh_completion(commands);
  const auto fish = fish_completion(commands);
  for (const auto& command : commands) {
    CAPTURE(command.name);
    CHECK_FALSE(command.options.empty());
    CHECK_THAT(fish, Contains(" -a " + command.name + " -d "));
    CHECK_THAT(zsh, Contains("\n  " + command.name + ")\n"));
    for (const auto& option : command.options)
      for (const auto& name : option.names) {
        CHECK_THAT(bash, Contains(name));
        CHECK_THAT(zsh, Contains(name));
        if (name.starts_with("--"))
          CHECK_THAT(fish, Contains(" -l " + name.substr(2)));
      }
  }
  CHECK_THAT(manual, Contains(".SS farshore database\\-url") && Contains("\\-\\-strict"));
}

TEST_CASE("what stands in a help text can't command the manual page", "[pages]") {
  const auto page = manual_page({{"x", "X.", ".so /etc/passwd\n'br\na\\b", {}}});
  CHECK_THAT(page, Contains("\\&.so /etc/passwd\n\\&'br\na\\eb"));
}
