// Every statement on `farshore.suspect`, one function each: what a walk through a type's catalogue
// saw differ. Set-based; rules in walk_rules.hpp. Only `pg_store` uses it; throws as
// registry_rows.hpp.

#pragma once

#include "registry/records.hpp"
#include "registry/type_statements.hpp"
#include "registry/walk_rules.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <pqxx/pqxx>

namespace farshore {

/// Those of one type; prepare_registry_statements() calls it.
void prepare_suspect_statements(pqxx::connection_base& db, type_number type,
                                const std::string& name);

/// Those of `listed` that have no row as the catalogue calls for.
void suspect_differing(pqxx::transaction_base& tx, type_number type,
                       std::span<const catalogue_row> listed);
/// Wanted rows above `after`, up to `upto`, that are not among `listed`.
void suspect_gone(pqxx::transaction_base& tx, type_number type, record_id after, record_id upto,
                  std::span<const catalogue_row> listed);
/// The first `limit` above `after`.
std::vector<record_id> read_suspects(pqxx::transaction_base& tx, type_number type, record_id after,
                                     std::size_t limit);
/// Of those that were asked for: a record that is there, or whose row is not wanted, is no suspect
/// any more; the others are confirmed: `outside` of the scope, or else as gone.
void settle_suspects(pqxx::transaction_base& tx, type_number type, std::span<const record_id> asked,
                     std::span<const record_id> absent, std::span<const record_id> outside);
suspect_counts count_suspects(pqxx::transaction_base& tx, type_number type);
/// Of every suspect of the type.
void set_suspicion(pqxx::transaction_base& tx, type_number type, suspicion to);
/// Those outside are approved, those that are gone are held.
void hold_gone(pqxx::transaction_base& tx, type_number type);
/// Returns how many.
std::size_t approve_held(pqxx::transaction_base& tx, type_number type);
/// What is held and an event told of is no suspect any more; or all that is held. Returns how many.
std::size_t release_held(pqxx::transaction_base& tx, type_number type,
                         std::span<const served_event> events);
void release_held(pqxx::transaction_base& tx, type_number type);
void forget_suspects(pqxx::transaction_base& tx);

} // namespace farshore
