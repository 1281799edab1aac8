// What a secondary's scope means over the rows of a type: which scopes the primary can apply, and
// the condition that one comes to. Pure functions. What comes from a secondary only ever becomes a
// parameter of a statement, or the name by which a predicate of the declaration is looked up.

#pragma once

#include "config/config.hpp"
#include "config/scope.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace farshore {

/// Why the scope can't be applied to these types (disabled ones, too); empty when it can. A scope
/// that names what nobody here has ever heard of is refused as a whole: the site would else have
/// records that it did not ask for.
complaint check_scope(const site_scope& scope, std::span<const replicable_type> types);

/// A condition over a model's row, with the parameters that it names.
struct row_filter {
  /// Empty: every row.
  std::string condition;
  std::vector<std::string> parameters;
};
/// What the scope asks of the type's rows. Its parameters are numbered from `first_parameter` on.
/// A scope that can't be applied meets no row.
row_filter filter_of(const site_scope& scope, const replicable_type& type,
                     std::size_t first_parameter);

} // namespace farshore
