#pragma once

#include <string_view>

namespace farshore {

/// Of this program, as the build was told it: "0.1.0".
std::string_view program_version();

} // namespace farshore
