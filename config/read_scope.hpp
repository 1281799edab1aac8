// Reads what a configuration says of selective sync: `select` and `[replicable.predicates]` of a
// primary's type, `[selective_sync]` of a secondary. Used by load_config alone.

#pragma once

#include "config/config.hpp"
#include "config/toml.hpp"

#include <functional>
#include <string>

namespace farshore {

/// Takes a mistake with its line.
using mistake_taker = std::function<void(int line, std::string message)>;

/// What the type's own table says: `title` names it in messages.
void read_selection(const toml::table& type, const std::string& title, site_role role,
                    replicable_type& into, const mistake_taker& mistake);

/// `[selective_sync]`, and the types' predicates, which are read by then.
void read_scope(const toml::table& root, config& settings, const mistake_taker& mistake);

} // namespace farshore
