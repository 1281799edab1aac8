// The statements that a comparison with the primary needs of `farshore.registry`. Set-based, one
// type at a time; only `pg_store` uses it; throws as registry_rows.hpp.

#pragma once

#include "registry/range_digests.hpp"
#include "registry/registry_row.hpp"
#include "registry/type_statements.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <pqxx/pqxx>

namespace farshore {

/// Call once for a connection.
void prepare_held_statements(pqxx::connection_base& db);
/// Those of one type; prepare_registry_statements() calls it.
void prepare_held_statements(pqxx::connection_base& db, type_number type, const std::string& name);

held_digests digest_held(pqxx::transaction_base& tx, type_number type, const held_request& asked);
/// The rows in the ranges, in order, at most `limit`.
std::vector<registry_row> read_held(pqxx::transaction_base& tx, type_number type,
                                    std::span<const record_range> ranges, std::size_t limit);
/// For each of the locators whether a row of one of the types names it, or has not left it yet.
std::vector<bool> find_named(pqxx::transaction_base& tx, std::span<const type_number> types,
                             std::span<const std::string> locators);
/// Makes suspects of the ranges' records, here and on the primary.
void suspect_unequal(pqxx::transaction_base& tx, type_number type,
                     std::span<const unequal_range> unequal);

} // namespace farshore
