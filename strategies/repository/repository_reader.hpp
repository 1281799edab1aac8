// Serves one bare repository as it lies in the primary's store: its refs, then a pack of what they
// need and the asker lacks. Only reads.

#pragma once

#include "strategies/strategy.hpp"
#include "strategies/unique_fd.hpp"

#include <memory>

namespace farshore {

/// The refs are read at once, the pack is made while it is read. Fails as open_repository and
/// read_refs do, and with ec::bad_locator for a shallow clone: it lacks what its commits need.
result<std::unique_ptr<resource_reader>> open_repository_reader(unique_fd repository);

} // namespace farshore
