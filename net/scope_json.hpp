// A secondary's scope as it makes it known to its primary: the body of POST /v1/scope
// (docs/wire.md, "Scopes"). Pure functions.

#pragma once

#include "config/error.hpp"
#include "config/scope.hpp"

#include <string>
#include <string_view>

namespace farshore {

std::string to_json(const site_scope& scope);
/// Takes hostile text: bounds every number and length. The scope is canonical. Fails with
/// ec::protocol.
result<site_scope> parse_site_scope(std::string_view text);

/// The answer: what the primary calls the scope from now on.
std::string scope_answer(const scope_digest& digest);
result<scope_digest> parse_scope_answer(std::string_view text);

} // namespace farshore
