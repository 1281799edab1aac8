// The audit log: one line for each action that a person takes through the node's API, done or
// refused. What carries neither a site's good signature nor a person's good token is refused before
// it reaches an action, and not in here.

#pragma once

#include "config/error.hpp"
#include "net/http_message.hpp"
#include "net/router.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace farshore {

struct audit_entry {
  /// "resync"
  std::string_view action;
  /// "file", "file/12"; empty: all types.
  std::string on;
  /// Records that it was done to, where that is known.
  std::optional<std::int64_t> records;
};

/// Writes the line, with who asked (from the request) and how it ended. Whatever stands in `on` and
/// in the error is put on one line.
void audit(const http_request& request, const audit_entry& what, const result<void>& outcome);

/// `act`, with its line in the audit log. It is said to be on the body's "type" (and "key") or
/// "site", and done to as many records as the field `counted` of its answer says; empty: it counts
/// none.
answer_handler audited(std::string action, std::string counted, answer_handler act);

} // namespace farshore
