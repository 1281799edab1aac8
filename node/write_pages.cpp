// Writes the manual page and the completions into the folder that it is given; run by the build.

#include "node/command_line.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>

int main(int argc, char** argv) {
  using namespace farshore;
  if (argc != 2) {
    std::cerr << "usage: write_pages FOLDER\n";
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  const auto commands = describe_commands();
  const std::pair<const char*, std::string> pages[] = {
      {"farshore.1", manual_page(commands)},
      {"farshore", bash_completion(commands)},
      {"_farshore", zsh_completion(commands)},
      {"farshore.fish", fish_completion(commands)}};
  for (const auto& [name, text] : pages)
    if (!(std::ofstream{folder / name} << text).flush()) {
      std::cerr << "write_pages: can't write " << folder / name << '\n';
      return 1;
    }
  return 0;
}
