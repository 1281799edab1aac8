// Numbered, forward-only changes of schema `farshore`, recorded in `farshore.migrations`.

#pragma once

#include "config/error.hpp"

#include <span>
#include <string_view>

namespace pqxx {
class connection_base;
}

namespace farshore {

struct migration {
  int number = 0;
  std::string_view name;
  std::string_view sql;
};

/// What a primary's database needs (primary_schema.cpp) and a secondary's (secondary_schema.cpp).
std::span<const migration> primary_migrations();
std::span<const migration> secondary_migrations();

/// Applies what is missing, each in its own transaction, under an advisory lock, so that two nodes
/// that start together do it once. Fails with ec::database_rejected where the database has a
/// migration that this program does not know: it is newer, or of the other role.
result<void> migrate(pqxx::connection_base& db, std::span<const migration> wanted);

} // namespace farshore
