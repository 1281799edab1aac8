// What all benchmarks share: their options, what they measured, and how that is shown and stored.
//
// A benchmark is a function that returns measures; `benchmark_main` is the rest of the program.
// Here failures are exceptions (std::exception), caught in one place: a benchmark that can't go on
// has nothing to tell but why.

#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace farshore::bench {

struct options {
  /// A tiny size, in seconds: shows that the benchmark works, and says nothing.
  bool smoke = false;
  int repeat = 1;
  /// The program to measure.
  std::filesystem::path farshore;
  /// Holds the nodes' databases; on a disk.
  std::filesystem::path work;
  /// Holds the files; by default in memory, where there is such a file system.
  std::filesystem::path stores;
};

struct measure {
  std::string name;
  std::string unit;
  /// One for each repetition.
  std::vector<double> values;
  /// What it should be at most.
  std::optional<double> aim{};
};

double median(std::vector<double> values);
/// The smallest value that at least `share` (0 to 1) of the values do not exceed.
double quantile(std::vector<double> values, double share);

/// A folder of its own beneath `parent`, removed with everything in it when the object goes.
class temporary_folder {
public:
  explicit temporary_folder(const std::filesystem::path& parent);
  ~temporary_folder();
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

/// Sleeps. Throws once SIGINT or SIGTERM has come, so that everything is put away.
void pause(std::chrono::microseconds time);
/// Asks again and again, every 20 ms, until it is so. Throws after `limit`, naming `what`.
void wait_until(const std::string& what, std::chrono::seconds limit,
                const std::function<bool()>& reached);

struct benchmark {
  std::string name;
  /// One sentence.
  std::string question;
  /// Adds the benchmark's own options.
  std::function<void(CLI::App&)> declare;
  std::function<std::vector<measure>(const options&)> run;
};

/// Reads the command line, runs, prints a table, adds the measures to a file (--json), and sets
/// them beside those of an earlier run (--compare). Returns the exit status.
int benchmark_main(int argc, char** argv, const benchmark& what);

} // namespace farshore::bench
