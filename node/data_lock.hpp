// One node for each data folder: held from the node's start to the process's end, however it ends.

#pragma once

#include "config/error.hpp"
#include "strategies/unique_fd.hpp"

#include <filesystem>

namespace farshore {

/// Makes the folder where it is not there, and locks `<data>/node.lock`, which names the holder's
/// pid. Fails with ec::invalid_config where another node holds it or the folder can't be used.
result<unique_fd> lock_data_folder(const std::filesystem::path& data);

} // namespace farshore
