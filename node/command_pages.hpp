// What is written from the command line's own description: the manual page and the completions of
// shells. Pure.

#pragma once

#include <string>
#include <vector>

namespace farshore {

struct option_description {
  /// "-c", "--config"; empty for what stands without a name.
  std::vector<std::string> names;
  /// What it takes, "FILE"; empty: nothing.
  std::string value;
  std::string meaning;
  /// The only values that it takes, where there are such.
  std::vector<std::string> choices;
};

struct command_description {
  std::string name;
  std::string sentence;
  /// All that --help prints.
  std::string help;
  std::vector<option_description> options;
};

/// farshore.1, for man(1).
std::string manual_page(const std::vector<command_description>& commands);

std::string bash_completion(const std::vector<command_description>& commands);
std::string zsh_completion(const std::vector<command_description>& commands);
std::string fish_completion(const std::vector<command_description>& commands);

} // namespace farshore
