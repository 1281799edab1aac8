#include "node/command_line.hpp"
#include "node/exit_codes.hpp"
#include "node/run_node.hpp"

#include <iostream>
#include <thread>

int main(int argc, char** argv) {
  using namespace farshore;
  const command_surroundings real{
      run_node, call_api, system_time(),
      [](std::chrono::milliseconds pause) { std::this_thread::sleep_for(pause); }};
  auto code = run_command_line({argv + 1, argv + argc}, real, {std::cout, std::cerr});
  if (!std::cout.flush()) {
    std::cerr << "farshore: standard output can't be written\n";
    return code == exit_code::done ? exit_code::no : code;
  }
  return code;
}
