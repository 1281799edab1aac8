// Files that an operator wrote: the configuration, secrets, certificates.

#pragma once

#include "config/error.hpp"

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace farshore {

/// The bytes of a small regular file, and its permission bits.
struct small_file {
  std::string bytes;
  mode_t mode = 0;
};

/// Opened once, so that what is checked is what is read. Fails with ec::invalid_config where it
/// can't be read, is no regular file, or has more than `bytes_max`.
result<small_file> read_small_file(const std::filesystem::path& file, std::size_t bytes_max);

/// Fails with ec::invalid_config where group or others may read it; `what` is in it, as in "the
/// secret".
result<void> check_private(const small_file& content, const std::filesystem::path& file,
                           std::string_view what);

} // namespace farshore
