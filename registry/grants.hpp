// The SQL by which a database's administrator lets Farshore's user in. Pure.

#pragma once

#include "config/config.hpp"

#include <string>

namespace farshore {

/// What the user of `settings.database` needs, no more, as a script that may be run again by a
/// superuser in that database. `user` and `database`: whom and where it is for.
std::string grants_sql(const config& settings, const std::string& user,
                       const std::string& database);

} // namespace farshore
