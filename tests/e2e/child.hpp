// Child processes of the end-to-end tests: the program's short commands, and nodes that go on
// running.
//
// A node ends with the thread that started it, so that a test that is killed leaves nothing behind:
// start nodes on the thread that runs the test cases. Commands may run on any thread. Everything
// throws std::runtime_error where a test can't go on.

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace farshore::test {

struct finished {
  /// The exit code; -N where signal N ended it.
  int code = 0;
  std::string out;
  std::string err;
};

/// Runs a command line to its end.
finished run(const std::vector<std::string>& line);

/// Starts a program that goes on running; both of its outputs are appended to `log`.
pid_t launch(const std::vector<std::string>& line, const std::filesystem::path& log);

/// Waits for the end of a launched program; the code as in finished.
int wait_for_end(pid_t pid);

/// Whether it has ended by itself; then `code` is set and it is no more.
bool has_ended(pid_t pid, int& code);

/// Processes whose command line names `folder`, or that work beneath it.
std::vector<pid_t> processes_in(const std::filesystem::path& folder);

std::string read_file(const std::filesystem::path& file);

} // namespace farshore::test
