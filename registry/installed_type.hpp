// A type whose triggers are in place, as the primary's own queries on its table need it.

#pragma once

#include "registry/model_sql.hpp"

#include <cstdint>
#include <string>

#include <pqxx/pqxx>

namespace farshore {

struct installed_type {
  std::int32_t type_id = 0;
  key_kind kind = key_kind::integer;
  /// As it is called now; quoted.
  std::string table;
  std::string key;

  /// Whether its record ids come from `record_keys`.
  [[nodiscard]] bool numbered() const { return kind != key_kind::integer; }
  [[nodiscard]] std::string cast() const { return "::" + std::string{sql_type(kind)}; }
};

/// To be continued with WHERE.
inline constexpr auto installed_types_sql = R"(
  SELECT t.type_id, t.key_column, t.key_kind, t.seeded, t.seeded_to, t.pruned, t.pruned_to,
    s.nspname, c.relname
  FROM farshore.replicable_type t
  JOIN pg_class c ON c.oid = t.table_oid
  JOIN pg_namespace s ON s.oid = c.relnamespace
)";

inline installed_type read_installed(const pqxx::row& row) {
  return {
      row["type_id"].as<std::int32_t>(),
      parse_key_kind(row["key_kind"].as<std::string>()).value_or(key_kind::integer),
      identifier(table_name{row["nspname"].as<std::string>(), row["relname"].as<std::string>()}),
      identifier(row["key_column"].as<std::string>())};
}

} // namespace farshore
