// The table `store`: what the tracking database knows of each store (registry/store_identity.hpp).
//
// Everything throws as libpqxx does: call it within guarded().

#pragma once

#include "registry/store_identity.hpp"

#include <map>
#include <string>

#include <pqxx/pqxx>

namespace farshore {

void prepare_store_statements(pqxx::connection_base& db);

/// By path.
std::map<std::string, known_store> read_stores(pqxx::transaction_base& tx);
void write_store(pqxx::transaction_base& tx, const known_store& store);

} // namespace farshore
