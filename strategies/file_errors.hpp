// Turns what the operating system says of a file into an error of ours. Shared by the real file
// operations and their double.

#pragma once

#include "config/error.hpp"

#include <string>
#include <string_view>

namespace farshore {

/// `what` was tried ("write …"), `error_number` came back: "cannot write …: No space left on
/// device; free some space". Fails with ec::not_found, ec::bad_locator or ec::disk.
error file_error(int error_number, std::string_view what);

/// The user that this process acts as, "user name (uid 17)".
std::string acting_user();

} // namespace farshore
