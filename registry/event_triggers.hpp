// The triggers that append to the event log: their text, and which of them a table needs. Pure
// functions.
//
// They run inside the application's statements. So they evaluate nothing of the declaration's,
// touch nothing but the log, and where the key's column is no longer what it was when they were
// written they note that much and no more: a statement of the application's never fails for our
// reasons.

#pragma once

#include "registry/model_sql.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace farshore {

/// In the log, of a change whose records could not be told: the type must be installed anew.
inline constexpr int unreadable_operation = 0;

/// A transaction's setting: it holds the number of the type whose table Farshore itself writes to.
/// Such a statement is no change of the application's. What the application's own triggers do
/// because of it, is.
inline constexpr auto own_write_setting = "farshore.own_write";

/// What a model's table is, as far as its triggers depend on it.
struct traced_table {
  std::uint32_t oid = 0;
  table_name name;
  std::string key_column;
  /// PostgreSQL's number of the key's type.
  std::uint32_t key_type_oid = 0;
  key_kind kind = key_kind::integer;
  /// Partitioned, partition, inheritance child or subscribed to: statement-level triggers would
  /// miss what comes by way of another table, or by the apply worker.
  bool by_row = false;
  /// Partitions that hold rows, where it is partitioned.
  std::vector<std::uint32_t> leaves;
};

struct trigger_function {
  /// Within schema farshore.
  std::string name;
  /// plpgsql.
  std::string body;
};

struct table_trigger {
  std::string name;
  std::string function;
  std::uint32_t table_oid = 0;
  /// Between the trigger's name and the table's: "AFTER INSERT".
  std::string when;
  /// Between the table's name and EXECUTE.
  std::string how;
};

struct trigger_set {
  std::vector<trigger_function> functions;
  std::vector<table_trigger> triggers;
};

/// What the type needs on its table.
trigger_set triggers_for(std::string_view type, std::int32_t type_id, const traced_table& table);

/// The type that a function of such a set belongs to; empty for any other name.
std::string_view type_of_function(std::string_view function);

} // namespace farshore
