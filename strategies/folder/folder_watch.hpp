// Hears from the system what changes in a folder, so that a change need not wait for the next scan.
//
// A seam: a test's double tells of an overflow when it likes. Calls never wait; one thread.

#pragma once

#include "config/error.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace farshore {

/// What has happened since it was asked last.
struct folder_news {
  /// Paths beneath the root at which something has changed, come or gone; they may repeat.
  std::vector<std::string> paths;
  /// Something was lost, or too much for a list: anything may have changed.
  bool everything = false;
};

class folder_watch {
public:
  virtual ~folder_watch() = default;
  /// Watches the folder's own names from now on; `fd` is open on it. Again for one that is watched:
  /// nothing, or the folder that took its place. After a failure the watch is of no use any more.
  virtual result<void> add(const std::string& path, int fd) = 0;
  virtual folder_news read() = 0;
};

/// Fails with ec::disk, where the folder can't be watched; the message says why.
using folder_watch_factory =
    std::function<result<std::unique_ptr<folder_watch>>(const std::filesystem::path& root)>;

/// By inotify.
result<std::unique_ptr<folder_watch>> watch_folder(const std::filesystem::path& root);

/// Whether changes by others pass by the kernel of this machine: of network and user-space file
/// systems, by statfs's number. Their times come from other clocks, too. Names it, or "".
std::string remote_file_system(const std::filesystem::path& root);
std::string remote_file_system(unsigned long number);

} // namespace farshore
