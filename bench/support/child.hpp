// A program started by a benchmark, and what the kernel says of it.

#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace farshore::bench {

/// Ends with its object, and with the benchmark's main thread, which must be the one to make it.
class child {
public:
  /// Standard output and error are appended to `log`.
  child(const std::vector<std::string>& arguments, const std::filesystem::path& log);
  ~child();
  child(const child&) = delete;
  child& operator=(const child&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Throws, with the end of its log, if the program is no longer there.
  void must_run();
  /// Waits for its end; its exit status, 128 + n after signal n.
  int wait();
  /// SIGTERM, after 60 s SIGKILL. Does nothing if it has ended.
  void stop();

  /// Resident memory now, and the most it ever was, in bytes.
  [[nodiscard]] std::uint64_t memory() const;
  [[nodiscard]] std::uint64_t peak_memory() const;
  /// Processor time so far, without its own children's.
  [[nodiscard]] std::chrono::duration<double> processor_time() const;
  /// And that of its children that have ended, and of theirs.
  [[nodiscard]] std::chrono::duration<double> processor_time_with_children() const;

private:
  bool ended(int flags);

  std::filesystem::path log_;
  pid_t pid_ = -1;
  bool ended_ = false;
  int status_ = 0;
};

/// Runs a program to its end; throws, with the end of its log, unless that is 0.
void run(const std::vector<std::string>& arguments, const std::filesystem::path& log);

} // namespace farshore::bench
