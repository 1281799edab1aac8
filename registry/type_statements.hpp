// Prepared statements on one type's partition: each type has its own, by the same name and number.
// Their texts share fragments by name.

#pragma once

#include <cstdint>
#include <string>

#include <pqxx/pqxx>

namespace farshore {

/// `replicable_type.id`.
using type_number = std::int32_t;

/// A type's partition; unquoted.
std::string partition_of(const std::string& type);

/// The name of the type's own prepared statement.
std::string statement_of(const char* statement, type_number type);

/// The text with its fragments in their places.
std::string expanded(std::string text);

/// Prepares it. In its text stand `{table}` (aliased r where it is changed), `{type}` (the number)
/// and the fragments.
void prepare_for_type(pqxx::connection_base& db, type_number type, const std::string& name,
                      const char* statement, std::string text);

} // namespace farshore
