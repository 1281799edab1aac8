// Serves one blob as it lies in the primary's store. Only reads.

#pragma once

#include "strategies/store_files.hpp"
#include "strategies/strategy.hpp"

#include <memory>
#include <string>

namespace farshore {

/// Opens the blob; see strategy::open.
result<std::unique_ptr<resource_reader>> open_blob(std::shared_ptr<store_files> files,
                                                   std::string_view encoded_locator);

} // namespace farshore
