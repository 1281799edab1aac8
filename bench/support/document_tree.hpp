// Real files for a benchmark, and the rows of the type "document" that name them.

#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <pqxx/pqxx>

namespace farshore::bench {

struct tree_options {
  std::filesystem::path tree = "/usr/share";
  std::size_t files = 1'000'000;

  /// Adds --tree and --files.
  void declare(CLI::App& app);
};

struct file {
  std::string path;
  std::int64_t bytes = 0;
};

/// Copies regular files, spread evenly over the tree where there are more than wanted.
std::vector<file> copy_tree(const tree_options& wanted, const std::filesystem::path& to);

/// In one transaction: the rows are older than the type's first event, as they are for everybody
/// who begins to use Farshore.
void add_rows(pqxx::connection& db, const std::vector<file>& files);

} // namespace farshore::bench
