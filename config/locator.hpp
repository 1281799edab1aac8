// A locator says where a record's resource lies beneath its store's root. It is bytes, as the
// application wrote them, and hostile until `check_locator` has seen it. Wherever text is needed
// (JSON, the registry's columns, logs) it stands percent-encoded.

#pragma once

#include "config/error.hpp"

#include <string>
#include <string_view>

namespace farshore {

/// Text form of a locator: every byte outside [A-Za-z0-9/._~@+=:-] becomes %XX (upper-case hex).
/// So the text is ASCII without quotes, commas, braces, backslashes or spaces.
std::string encode_locator(std::string_view bytes);

/// Inverse of encode_locator; accepts any %XX. Fails with ec::bad_locator on a broken escape or
/// a byte that should have been encoded.
result<std::string> decode_locator(std::string_view text);

/// Refuses what could leave the store or collide with Farshore's own files: empty, absolute, a NUL,
/// a component that is empty, "." or "..", one longer than 255 bytes, more than 4095 bytes in
/// all, or a first component ".farshore". Fails with ec::bad_locator and says which rule.
/// (Symbolic links on the way are refused later, when the file is opened.)
result<void> check_locator(std::string_view bytes);

} // namespace farshore
