// Opens a relative path beneath a folder and never leaves it, whatever lies on the way: no symbolic
// link is followed, at no place, even while somebody exchanges folders for links.

#pragma once

#include "strategies/unique_fd.hpp"

#include <string>

#include <tl/expected.hpp>

namespace farshore {

/// A file, or the errno of why not. ELOOP: a symbolic link is there, on the way or at the end.
using opened = tl::expected<unique_fd, int>;

enum class path_walk : bool {
  /// By openat2, one call; component by component where the kernel has or allows no openat2.
  by_kernel,
  by_component,
};

/// `path` is a checked locator or "" (the folder itself); `flags` as for open, without O_CREAT.
opened open_beneath(int folder, const std::string& path, int flags, path_walk how);

/// Opens what lies at `path` itself (O_PATH): a symbolic link at the end, not what it leads to.
opened open_entry_beneath(int folder, const std::string& path, path_walk how);

/// Opens the folder `path` (O_PATH); makes it and those on the way, with `mode` under the umask,
/// where they are not there.
opened make_folders_beneath(int folder, const std::string& path, unsigned mode, path_walk how);

/// The shortest beginning of `path` that is a symbolic link or no folder; empty if there is none.
std::string obstacle_beneath(int folder, const std::string& path);

/// "a/b" of "a/b/c", "" of "a".
std::string parent_of(const std::string& path);
/// "c" of "a/b/c".
std::string leaf_of(const std::string& path);

} // namespace farshore
