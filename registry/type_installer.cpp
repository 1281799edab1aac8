#include "registry/type_installer.hpp"

#include "registry/database.hpp"

#include <algorithm>
#include <charconv>

namespace farshore {

namespace {

// Rows may have changed while nothing noted it: what was hashed before says nothing of them.
constexpr auto forget_checksums_sql = R"(
  UPDATE farshore.state SET verification_state = 0, verification_checksum = NULL,
    verification_started_at = NULL, verification_retry_at = NULL, verification_retry_count = 0,
    verification_failure = NULL
  WHERE type_id = $1 AND (verification_state <> 0 OR verification_checksum IS NOT NULL)
)";

constexpr int skip_max = 30;

constexpr auto known_types_sql = R"(
  SELECT name, type_id, generation, declaration, table_oid, key_kind, leaves, seeded, served
  FROM farshore.replicable_type
)";

// `ambiguous`: rows of inheritance children show up in the table, but pass its triggers by.
constexpr auto tables_sql = R"(
  SELECT c.oid, c.relkind, k.atttypid, format_type(k.atttypid, k.atttypmod) AS key_type,
    c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid) AS ambiguous,
    c.relkind = 'p'
      OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
      OR EXISTS (SELECT FROM pg_subscription_rel s WHERE s.srrelid = c.oid) AS by_row,
    EXISTS (SELECT FROM pg_index i
            WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid
              AND i.indpred IS NULL AND i.indnkeyatts = 1 AND i.indkey[0] = k.attnum)
      AS is_unique,
    (SELECT string_agg(t.relid::oid::text, ',' ORDER BY t.relid::oid)
     FROM pg_partition_tree(c.oid) t JOIN pg_class l ON l.oid = t.relid
     WHERE t.isleaf AND l.relkind = 'r' AND c.relkind = 'p') AS leaves
  FROM unnest($1::text[], $2::text[], $3::text[])
    WITH ORDINALITY AS d(schema_name, table_name, key_name, n)
  LEFT JOIN pg_namespace s ON s.nspname = d.schema_name
  LEFT JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = d.table_name
  LEFT JOIN pg_attribute k ON k.attrelid = c.oid AND k.attname = d.key_name AND k.attnum > 0
    AND NOT k.attisdropped
  ORDER BY d.n
)";

// Copies of a row trigger on partitions (tgparentid) come and go with their original.
constexpr auto functions_sql = R"(
  SELECT p.proname, p.prosrc, t.tgname, t.tgrelid, t.tgenabled = 'A' AS always
  FROM pg_proc p
  LEFT JOIN pg_trigger t ON t.tgfoid = p.oid AND NOT t.tgisinternal AND t.tgparentid = 0
  WHERE p.pronamespace = 'farshore'::regnamespace AND p.prorettype = 'trigger'::regtype
)";

std::string in_quotes(const std::string& name) {
  return "\"" + name + "\"";
}

std::vector<std::uint32_t> numbers(std::string_view list) {
  std::vector<std::uint32_t> out;
  while (!list.empty()) {
    std::uint32_t number = 0;
    const auto [end, failed] = std::from_chars(list.data(), list.data() + list.size(), number);
    if (failed != std::errc{})
      break;
    out.push_back(number);
    list.remove_prefix(static_cast<std::size_t>(end - list.data()));
    if (!list.empty())
      list.remove_prefix(1);
  }
  return out;
}

std::string joined(const std::vector<std::uint32_t>& list) {
  std::string out;
  for (const auto number : list)
    out += (out.empty() ? "" : ",") + std::to_string(number);
  return out;
}

std::string create_function(const trigger_function& function) {
  return "CREATE OR REPLACE FUNCTION farshore." + identifier(function.name) +
         "() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
         " SET search_path = pg_catalog, pg_temp AS " +
         literal(function.body) + "; REVOKE ALL ON FUNCTION farshore." + identifier(function.name) +
         "() FROM PUBLIC";
}

std::string qualified_table(pqxx::dbtransaction& tx, std::uint32_t oid) {
  const auto found = tx.exec_params("SELECT s.nspname, c.relname FROM pg_class c"
                                    " JOIN pg_namespace s ON s.oid = c.relnamespace"
                                    " WHERE c.oid = $1",
                                    oid);
  if (found.empty())
    return {};
  return identifier(table_name{found[0][0].as<std::string>(), found[0][1].as<std::string>()});
}

} // namespace

// -- what is there

void type_installer::remember(std::span<const replicable_type* const> types) {
  std::vector<std::string> names;
  for (const auto* type : types)
    names.push_back(type->name);
  pqxx::work tx{db_};
  tx.exec_params("INSERT INTO farshore.replicable_type (name) SELECT unnest($1::text[])"
                 " ON CONFLICT (name) DO NOTHING",
                 text_array_literal(names));
  tx.commit();
}

std::map<std::string, type_installer::known_type>
type_installer::known_types(pqxx::dbtransaction& tx) {
  std::map<std::string, known_type> out;
  for (const auto& row : tx.exec(known_types_sql)) {
    known_type known;
    known.type_id = row["type_id"].as<std::int32_t>();
    known.generation = row["generation"].as<std::int64_t>();
    known.declaration = row["declaration"].as<std::string>();
    if (!row["table_oid"].is_null())
      known.table_oid = row["table_oid"].as<std::uint32_t>();
    known.kind = row["key_kind"].as<std::string>();
    known.leaves = row["leaves"].as<std::string>();
    known.seeded = row["seeded"].as<bool>();
    known.served = row["served"].as<bool>();
    out.emplace(row["name"].as<std::string>(), std::move(known));
  }
  return out;
}

std::vector<type_installer::seen_table>
type_installer::look_at(pqxx::dbtransaction& tx, std::span<const replicable_type* const> types) {
  std::vector<std::string> schemas;
  std::vector<std::string> tables;
  std::vector<std::string> keys;
  for (const auto* type : types) {
    const auto name = split_table(type->model ? type->model->table : "");
    schemas.push_back(name.schema);
    tables.push_back(name.table);
    keys.push_back(type->model ? type->model->primary_key : "");
  }
  const auto rows = tx.exec_params(tables_sql, text_array_literal(schemas),
                                   text_array_literal(tables), text_array_literal(keys));
  std::vector<seen_table> out(types.size());
  for (std::size_t i = 0; i < types.size(); ++i) {
    const auto row = rows[static_cast<pqxx::result::size_type>(i)];
    auto& [traced, trouble] = out[i];
    traced.name = {schemas[i], tables[i]};
    traced.key_column = keys[i];
    const auto table = "table " + in_quotes(types[i]->model ? types[i]->model->table : "");
    const auto key = "column " + in_quotes(keys[i]);
    if (!types[i]->model) {
      trouble = "no model table is declared";
      continue;
    }
    if (row["oid"].is_null()) {
      trouble = table + " does not exist yet";
      continue;
    }
    traced.oid = row["oid"].as<std::uint32_t>();
    traced.by_row = row["by_row"].as<bool>();
    traced.leaves = numbers(row["leaves"].as<std::string>(""));
    const auto relation = row["relkind"].as<std::string>();
    if (relation != "r" && relation != "p")
      trouble = in_quotes(types[i]->model->table) +
                " is a view or a foreign table: declare the table whose rows own the data";
    else if (row["ambiguous"].as<bool>())
      trouble = table + " has inheritance children: declare each of them instead";
    else if (row["atttypid"].is_null())
      trouble = table + " has no column " + in_quotes(keys[i]);
    else if (const auto kind = key_kind_of(row["atttypid"].as<std::uint32_t>()); !kind)
      trouble = key + " of " + table + " is of type " + row["key_type"].as<std::string>() +
                ": a key is an integer, uuid, text or varchar column";
    else if (!row["is_unique"].as<bool>())
      trouble = key + " of " + table +
                " does not tell rows apart: it needs a primary key or a unique index of its own";
    else {
      traced.kind = *kind;
      traced.key_type_oid = row["atttypid"].as<std::uint32_t>();
    }
  }
  return out;
}

type_installer::seen_functions type_installer::look_at_functions(pqxx::dbtransaction& tx) {
  seen_functions out;
  for (const auto& row : tx.exec(functions_sql)) {
    auto name = row["proname"].as<std::string>();
    if (type_of_function(name).empty())
      continue;
    out.bodies[name] = row["prosrc"].as<std::string>();
    if (!row["tgname"].is_null())
      out.triggers.push_back({row["tgname"].as<std::string>(), row["tgrelid"].as<std::uint32_t>(),
                              std::move(name), row["always"].as<bool>()});
  }
  return out;
}

// -- what is to be done

result<std::vector<type_status>> type_installer::install(std::span<const replicable_type> types) {
  return guarded("install triggers", [&] {
    std::vector<const replicable_type*> wanted;
    for (const auto& type : types)
      if (type.enabled)
        wanted.push_back(&type);
    const auto look = [&] {
      pqxx::read_transaction tx{db_};
      return std::tuple{known_types(tx), look_at(tx, wanted), look_at_functions(tx)};
    };
    auto [known, tables, functions] = look();
    if (!std::ranges::all_of(wanted, [&](auto* type) { return known.contains(type->name); })) {
      remember(wanted);
      std::tie(known, tables, functions) = look();
    }
    std::vector<type_status> out;
    for (std::size_t i = 0; i < wanted.size(); ++i)
      out.push_back(status_of(*wanted[i], known.at(wanted[i]->name), tables[i], functions));
    for (auto& [name, row] : known)
      if (std::ranges::find(wanted, name, &replicable_type::name) == wanted.end()) {
        mark_unready(row);
        uninstall(name, functions);
      }
    return out;
  });
}

type_status type_installer::status_of(const replicable_type& type, known_type& known,
                                      const seen_table& table, const seen_functions& functions) {
  const auto not_ready = [&](std::string why) {
    mark_unready(known);
    return type_status{type.name, 0, std::move(why)};
  };
  if (!table.trouble.empty()) {
    uninstall(type.name, functions);
    fitting_.erase(type.name);
    return not_ready(table.trouble);
  }
  const bool installed = known.table_oid == table.traced.oid &&
                         known.declaration == declaration_text(*type.model) &&
                         known.kind == to_string(table.traced.kind);
  if (auto why = check_expressions(type, installed); !why.empty())
    return not_ready(std::move(why));

  const auto wanted = triggers_for(type.name, known.type_id, table.traced);
  const auto mine = [&](const auto& function) { return type_of_function(function) == type.name; };
  const auto in_place = [&](const table_trigger& trigger) {
    return std::ranges::any_of(functions.triggers, [&](const seen_trigger& seen) {
      return seen.always && seen.name == trigger.name && seen.table_oid == trigger.table_oid &&
             seen.function == trigger.function;
    });
  };
  const auto on_leaf = [&](const auto& trigger) { return trigger.table_oid != table.traced.oid; };
  const bool comes_back = !known.served && !type.verify_only;
  const bool same_table = !comes_back && installed;
  const bool own_in_place = std::ranges::all_of(
      wanted.triggers, [&](const auto& trigger) { return on_leaf(trigger) || in_place(trigger); });
  const bool all_in_place =
      std::ranges::all_of(wanted.triggers, in_place) &&
      static_cast<std::size_t>(std::ranges::count_if(
          functions.triggers, mine, &seen_trigger::function)) == wanted.triggers.size() &&
      known.leaves == joined(table.traced.leaves);
  if (!same_table || !all_in_place) {
    // Partitions that came or went are no reason to doubt the rows that were logged all along.
    const bool missed_nothing = same_table && own_in_place;
    if (!missed_nothing)
      mark_unready(known);
    if (auto why = reinstall(type, known, table, missed_nothing); !why.empty())
      return {type.name, missed_nothing && known.seeded ? known.generation : 0, std::move(why)};
  } else if (!std::ranges::all_of(wanted.functions, [&](const auto& function) {
               const auto found = functions.bodies.find(function.name);
               return found != functions.bodies.end() && found->second == function.body;
             })) {
    replace_functions(type.name, wanted); // written by another version of the program
  }
  if (type.verify_only && known.served)
    mark_unserved(known);
  if (table.traced.kind != key_kind::integer && !known.seeded)
    return {type.name, 0, "numbering the rows of table " + in_quotes(type.model->table)};
  return {type.name, known.generation, {}};
}

std::string type_installer::check_expressions(const replicable_type& type, bool installed) {
  const auto run = [&](model_part part) {
    return refused([&] {
      pqxx::read_transaction tx{db_};
      tx.exec0("SET LOCAL lock_timeout = '100ms'; SET LOCAL statement_timeout = '30s'");
      tx.exec(check_sql(*type.model, part));
    });
  };
  const auto whole = run(model_part::all);
  if (!whole) {
    fitting_.insert(type.name);
    return {};
  }
  if (whole->passing() && (installed || fitting_.contains(type.name)))
    return {};
  if (whole->locked())
    return "waiting for a lock on table " + in_quotes(type.model->table);
  fitting_.erase(type.name);
  for (const auto& [part, name] :
       {std::pair{model_part::locator, "locator"}, std::pair{model_part::available, "available"},
        std::pair{model_part::size, "size"}, std::pair{model_part::pool, "pool"},
        std::pair{model_part::select, "select"}, std::pair{model_part::predicates, "a predicate"}})
    if (const auto why = run(part); why && !why->passing()) {
      // Farshore's session searches no schema of the application's.
      const bool unqualified = why->sqlstate == "42883" || why->sqlstate == "42704";
      return std::string{name} + " does not fit table " + in_quotes(type.model->table) + ": " +
             why->message +
             (unqualified ? " (write the application's own functions and types with their schema)"
                          : "");
    }
  return "the declaration does not fit table " + in_quotes(type.model->table) + ": " +
         whole->message;
}

// -- doing it

template <class Body>
std::string type_installer::with_lock(const std::string& name, const std::string& what,
                                      Body&& body) {
  auto& tried = patience_[name];
  if (tried.skip > 0) {
    --tried.skip;
    return refusals_[name];
  }
  const auto refusal = refused([&] {
    pqxx::work tx{db_};
    tx.exec0("SET LOCAL lock_timeout = '100ms'");
    body(tx);
    tx.commit();
  });
  if (!refusal) {
    tried = {};
    return {};
  }
  tried.skip = std::min(skip_max, (1 << std::min(tried.failures, 5)) - 1);
  ++tried.failures;
  refusals_[name] = refusal->locked() ? "waiting for a lock on " + what
                                      : what + " takes no triggers: " + refusal->message;
  return refusals_[name];
}

std::string type_installer::reinstall(const replicable_type& type, known_type& known,
                                      const seen_table& table, bool missed_nothing) {
  const auto what = "table " + in_quotes(type.model->table);
  std::optional<known_type> now;
  const bool distrusts = !missed_nothing && known.generation > 0;
  if (distrusts) { // of a large table, while nobody is kept waiting yet
    pqxx::work tx{db_};
    tx.exec_params0(forget_checksums_sql, known.type_id);
    tx.commit();
  }
  auto why = with_lock(type.name, what, [&](pqxx::work& tx) {
    // Against writers: none may be half-way when the log begins, or when the floor is drawn.
    tx.exec("LOCK TABLE " + identifier(table.traced.name) + " IN SHARE ROW EXCLUSIVE MODE");
    const replicable_type* one[] = {&type};
    const auto again = look_at(tx, one).front();
    if (!again.trouble.empty())
      throw pqxx::undefined_table{again.trouble, "", "42P01"};
    if (distrusts)
      tx.exec_params0(forget_checksums_sql, known.type_id);
    const bool other_keys =
        !known.kind.empty() && known.kind != to_string(again.traced.kind) && known.generation > 0;
    // Record ids of another kind of key: under a new number for the type, nothing that was known by
    // them is found again.
    const auto row = tx.exec_params1(
        "UPDATE farshore.replicable_type SET"
        "  type_id = CASE WHEN $2 THEN"
        "    nextval(pg_get_serial_sequence('farshore.replicable_type', 'type_id'))::integer"
        "    ELSE type_id END,"
        "  revision_floor = CASE WHEN generation = 0 THEN 0 WHEN $3 THEN revision_floor"
        "    ELSE nextval('farshore.event_id') END,"
        "  generation = generation + 1, declaration = $4, table_oid = $5, key_column = $6,"
        "  key_kind = $7, leaves = $8, seeded = false, seeded_to = NULL,"
        "  pruned = generation = 0, pruned_to = NULL, served = true"
        " WHERE type_id = $1 RETURNING type_id, generation",
        known.type_id, other_keys, missed_nothing, declaration_text(*type.model), again.traced.oid,
        again.traced.key_column, std::string{to_string(again.traced.kind)},
        joined(again.traced.leaves));
    now = known;
    now->type_id = row[0].as<std::int32_t>();
    now->generation = row[1].as<std::int64_t>();
    now->table_oid = again.traced.oid;
    now->seeded = false;
    now->served = true;

    const auto wanted = triggers_for(type.name, now->type_id, again.traced);
    for (const auto& function : wanted.functions)
      tx.exec(create_function(function));
    const auto there = look_at_functions(tx);
    for (const auto& trigger : there.triggers) {
      const bool keep = std::ranges::any_of(wanted.triggers, [&](const table_trigger& w) {
        return w.name == trigger.name && w.table_oid == trigger.table_oid;
      });
      if (type_of_function(trigger.function) == type.name && !keep)
        tx.exec("DROP TRIGGER " + identifier(trigger.name) + " ON " +
                qualified_table(tx, trigger.table_oid));
    }
    for (const auto& trigger : wanted.triggers) {
      const auto on = qualified_table(tx, trigger.table_oid);
      tx.exec("CREATE OR REPLACE TRIGGER " + identifier(trigger.name) + " " + trigger.when +
              " ON " + on + " " + trigger.how + " EXECUTE FUNCTION farshore." +
              identifier(trigger.function) + "()");
      // Also where the session says that it only repeats what another database did.
      tx.exec("ALTER TABLE " + on + " ENABLE ALWAYS TRIGGER " + identifier(trigger.name));
    }
  });
  if (!why.empty())
    return why;
  if (now->type_id != known.type_id)
    forget(known.type_id); // may take its time: the table's lock is gone by now
  known = *now;
  return {};
}

void type_installer::forget(std::int32_t type_id) {
  pqxx::work tx{db_};
  tx.exec_params("DELETE FROM farshore.state WHERE type_id = $1", type_id);
  tx.exec_params("DELETE FROM farshore.record_keys WHERE type_id = $1", type_id);
  tx.commit();
}

void type_installer::uninstall(const std::string& name, const seen_functions& functions) {
  const auto mine = [&](const auto& function) { return type_of_function(function) == name; };
  if (std::ranges::none_of(functions.bodies, [&](const auto& one) { return mine(one.first); }))
    return;
  with_lock(name, "the former table of " + name, [&](pqxx::work& tx) {
    for (const auto& trigger : look_at_functions(tx).triggers)
      if (mine(trigger.function))
        tx.exec("DROP TRIGGER " + identifier(trigger.name) + " ON " +
                qualified_table(tx, trigger.table_oid));
    for (const auto& [function, body] : functions.bodies)
      if (mine(function))
        tx.exec("DROP FUNCTION IF EXISTS farshore." + identifier(function) + "()");
  });
}

void type_installer::replace_functions(const std::string& name, const trigger_set& wanted) {
  with_lock(name, "the functions of " + name, [&](pqxx::work& tx) {
    for (const auto& function : wanted.functions)
      tx.exec(create_function(function));
  });
}

void type_installer::mark_unready(known_type& known) {
  if (!known.table_oid)
    return;
  pqxx::work tx{db_};
  tx.exec_params("UPDATE farshore.replicable_type SET table_oid = NULL WHERE type_id = $1",
                 known.type_id);
  tx.commit();
  known.table_oid.reset();
}

/// Once it is served again, its secondaries look at everything: a new generation.
void type_installer::mark_unserved(known_type& known) {
  pqxx::work tx{db_};
  tx.exec_params("UPDATE farshore.replicable_type SET served = false WHERE type_id = $1",
                 known.type_id);
  tx.commit();
  known.served = false;
}

} // namespace farshore
