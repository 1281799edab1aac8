// Makes the triggers on the application's tables be what the declarations ask. Belongs to
// primary_store and its thread.
//
// A type's row in `replicable_type` says where its triggers are known to be right (`table_oid`).
// Whenever they are not, changes may have been missed: the type is not served until they are
// (re)installed, which raises its generation, and its revision floor to an event id drawn while the
// table is locked against writers. A secondary that backfills the generation so finds every
// record's revision raised, and looks at all of them again.

#pragma once

#include "config/config.hpp"
#include "registry/event_triggers.hpp"
#include "registry/records.hpp"

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <pqxx/pqxx>

namespace farshore {

class type_installer {
public:
  explicit type_installer(pqxx::connection_base& db) : db_{db} {}

  /// See primary_store::install.
  result<std::vector<type_status>> install(std::span<const replicable_type> types);

private:
  /// A row of `replicable_type`.
  struct known_type {
    std::int32_t type_id = 0;
    std::int64_t generation = 0;
    std::string declaration;
    std::optional<std::uint32_t> table_oid;
    std::string kind;
    std::string leaves;
    bool seeded = false;
    /// False while it is verified only: what happens meanwhile no secondary is told.
    bool served = true;
  };

  /// A table as the catalogue shows it.
  struct seen_table {
    traced_table traced;
    /// Why no triggers can be put on it; empty when they can.
    std::string trouble;
  };

  /// A trigger of ours, wherever it is.
  struct seen_trigger {
    std::string name;
    std::uint32_t table_oid = 0;
    std::string function;
    bool always = false;
  };

  struct seen_functions {
    /// By name: the body.
    std::map<std::string, std::string> bodies;
    std::vector<seen_trigger> triggers;
  };

  /// Skips tries after a refused lock, ever more of them: each try makes the application's
  /// statements queue behind it for as long as it waits.
  struct patience {
    int failures = 0;
    int skip = 0;
  };

  void remember(std::span<const replicable_type* const> types);
  std::map<std::string, known_type> known_types(pqxx::dbtransaction& tx);
  std::vector<seen_table> look_at(pqxx::dbtransaction& tx,
                                  std::span<const replicable_type* const> types);
  seen_functions look_at_functions(pqxx::dbtransaction& tx);

  type_status status_of(const replicable_type& type, known_type& known, const seen_table& table,
                        const seen_functions& functions);
  /// Why the declaration's expressions do not fit the table; empty when they do, or did
  /// (`installed`: when it was installed) and the table can't be asked now.
  std::string check_expressions(const replicable_type& type, bool installed);
  /// Empty, or why it is not done.
  std::string reinstall(const replicable_type& type, known_type& known, const seen_table& table,
                        bool missed_nothing);
  void uninstall(const std::string& name, const seen_functions& functions);
  void replace_functions(const std::string& name, const trigger_set& wanted);
  void mark_unready(known_type& known);
  void mark_unserved(known_type& known);
  void forget(std::int32_t type_id);
  /// Runs DDL in a transaction that waits for no lock for long. Empty, or why it was refused.
  template <class Body>
  std::string with_lock(const std::string& name, const std::string& what, Body&& body);

  pqxx::connection_base& db_;
  std::map<std::string, patience> patience_;
  std::map<std::string, std::string> refusals_;
  /// Types whose expressions have been found good since the program started.
  std::set<std::string> fitting_;
};

} // namespace farshore
