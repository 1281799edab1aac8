// The command line: which commands and options there are, what their help teaches, and which
// function each calls.

#pragma once

#include "node/command_pages.hpp"
#include "node/commands.hpp"

#include <functional>
#include <string>
#include <vector>

namespace farshore {

/// What the commands need from outside; a test brings its own.
struct command_surroundings {
  std::function<int(const std::filesystem::path&)> run_node;
  std::function<api_answer(const config&, const api_request&)> call_api;
  const time_source& time;
  std::function<void(std::chrono::milliseconds)> sleep;
};

/// Runs one command; `arguments` without the program's name. Returns the exit code.
int run_command_line(std::vector<std::string> arguments, const command_surroundings& with,
                     console io);

/// The help of all commands as Markdown, for docs/reference/cli.md.
std::string command_line_reference();

/// All commands and their options, for the manual page and for completions.
std::vector<command_description> describe_commands();

} // namespace farshore
