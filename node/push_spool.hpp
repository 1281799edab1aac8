// What hooks leave for the node: a file for each push, in one folder, until the node has taken it
// up. So a push waits for no network, and no event is lost while the node is down.
//
// The folder is the node's, mode 1733: any user of the machine may leave a file, and can neither
// list nor touch what others left. What stands in it is a hint and is checked by whoever takes it
// up: it can make the node publish that a record of a declared type has changed, and nothing else.

#pragma once

#include "config/error.hpp"

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace farshore {

struct push_note {
  /// Its file's name in the spool.
  std::string file;
  std::string type;
  /// The repository's folder: absolute, decoded bytes.
  std::string repository;
};

/// Where a node's spool lies.
std::filesystem::path push_spool_of(const std::filesystem::path& data);

/// Makes the folder, where it is not there, and those above it that are the node's. Fails with
/// ec::disk.
result<void> prepare_push_spool(const std::filesystem::path& folder);

/// Durably leaves a note; returns when the disk has it. Fails with ec::disk.
result<void> leave_push_note(const std::filesystem::path& folder, const std::string& type,
                             const std::string& repository);

/// The node's side. One thread.
class push_spool {
public:
  explicit push_spool(std::filesystem::path folder) : folder_{std::move(folder)} {}

  /// Up to `limit` notes, in the order in which they were left. Whatever else lies there is set
  /// aside, with a warning. Fails with ec::disk.
  result<std::vector<push_note>> read(std::size_t limit);
  /// It was taken up.
  void remove(const std::string& file);
  /// Into a folder beside this one; the newest hundred are kept there.
  void set_aside(const std::string& file, const std::string& why);

private:
  [[nodiscard]] result<push_note> read_one(const std::string& file) const;

  std::filesystem::path folder_;
  /// Can't be moved, nor removed; told of once.
  std::set<std::string> stuck_;
};

} // namespace farshore
