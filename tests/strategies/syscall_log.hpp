// What the code under test asks of the kernel, in order. The test program is linked with --wrap for
// these calls, so that a missing flush of the real file operations shows without a power cut.

#pragma once

#include <functional>
#include <string>
#include <vector>

namespace farshore::test {

/// Records while it lives; one at a time, one thread. Lines: "fsync PATH", "syncfs PATH",
/// "rename NAME", "unlink NAME", "rmdir NAME".
class syscall_log {
public:
  syscall_log();
  ~syscall_log();
  syscall_log(const syscall_log&) = delete;
  syscall_log& operator=(const syscall_log&) = delete;

  /// What was called since the last time.
  std::vector<std::string> take();

  /// Where set: the errno that a call, given as its line, fails with; 0: it is done.
  std::function<int(const std::string&)> fault;

  /// For the wrapped calls: records, and answers with the errno that the call must fail with.
  int note(std::string line);

private:
  std::vector<std::string> lines_;
};

} // namespace farshore::test
