#include "registry/uninstall.hpp"

#include "config/backoff.hpp"
#include "registry/database.hpp"

namespace farshore {

namespace {

constexpr std::chrono::milliseconds node_patience{500};
constexpr std::chrono::milliseconds retry_base{200};
constexpr std::chrono::milliseconds retry_cap{5'000};

constexpr auto schema_sql = R"(
  SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'farshore') AS there,
    to_regclass('farshore.migrations') IS NOT NULL AS ours
)";

constexpr auto roles_sql = R"(
  SELECT DISTINCT split_part(name, ':', 1) AS role FROM farshore.migrations
)";

// Copies of a row trigger on partitions (tgparentid) go with their original.
constexpr auto triggers_sql = R"(
  SELECT t.tgname, c.oid, format('%I.%I', s.nspname, c.relname) AS on_table,
    s.nspname = 'farshore' AS inside
  FROM pg_trigger t
  JOIN pg_proc p ON p.oid = t.tgfoid AND p.pronamespace = 'farshore'::regnamespace
  JOIN pg_class c ON c.oid = t.tgrelid
  JOIN pg_namespace s ON s.oid = c.relnamespace
  WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND p.proname ~ '^log_'
  ORDER BY c.oid, t.tgname
)";

// What is listed together may depend on each other; what comes later may be needed by what comes
// before, never the other way round.
constexpr auto drops_sql = R"(
  SELECT drop FROM (
    SELECT 1 AS n, 'DROP VIEW ' || string_agg(format('farshore.%I', relname), ', ') AS drop
    FROM pg_class WHERE relnamespace = 'farshore'::regnamespace AND relkind = 'v'
    UNION ALL
    SELECT 2, 'DROP TABLE ' || string_agg(format('farshore.%I', relname), ', ')
    FROM pg_class WHERE relnamespace = 'farshore'::regnamespace AND relkind IN ('r', 'p')
      AND NOT relispartition
    UNION ALL
    SELECT 3, 'DROP SEQUENCE ' || string_agg(format('farshore.%I', relname), ', ')
    FROM pg_class c WHERE relnamespace = 'farshore'::regnamespace AND relkind = 'S'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i')
                      AND d.refclassid = 'pg_class'::regclass)
    UNION ALL
    SELECT 4, 'DROP ROUTINE ' || string_agg(format('farshore.%I(%s)', proname,
                                             pg_get_function_identity_arguments(oid)), ', ')
    FROM pg_proc WHERE pronamespace = 'farshore'::regnamespace
    UNION ALL
    SELECT 5, 'DROP TYPE ' || string_agg(format('farshore.%I', typname), ', ')
    FROM pg_type WHERE typnamespace = 'farshore'::regnamespace AND typtype = 'e'
  ) AS all_of_them WHERE drop IS NOT NULL ORDER BY n
)";

struct trigger_there {
  std::string name;
  std::string table;
};

class remover {
public:
  remover(pqxx::connection_base& db, const uninstall_patience& patience)
      : db_{db}, patience_{patience}, until_{patience.time->now() + patience.limit} {}

  /// `body` in a transaction that waits for no lock, tried until the time is over.
  template <class Body>
  result<void> with_lock(const std::string& what, Body&& body) {
    for (int failures = 1;; ++failures) {
      const auto refusal = refused([&] {
        pqxx::work tx{db_};
        tx.exec0("SET LOCAL lock_timeout = '100ms'");
        body(tx);
        tx.commit();
      });
      if (!refusal)
        return {};
      if (!refusal->locked())
        return fail(ec::database_rejected, "can't remove " + what + ": " + refusal->message);
      if (patience_.time->now() >= until_)
        return fail(ec::overloaded, "can't remove " + what +
                                        ": transactions that use it do not end; call again, it "
                                        "goes on where it was");
      patience_.sleep(backoff(failures, retry_base, retry_cap, random_));
    }
  }

private:
  pqxx::connection_base& db_;
  const uninstall_patience& patience_;
  steady_time until_;
  random_source random_{random_seed()};
};

result<installed_parts> look(pqxx::connection_base& db, site_role role,
                             std::vector<trigger_there>& triggers) {
  return guarded("look for Farshore's schema", [&]() -> result<installed_parts> {
    pqxx::work tx{db};
    const auto schema = tx.exec1(schema_sql);
    installed_parts found;
    found.schema = schema["there"].as<bool>();
    if (!found.schema)
      return found;
    if (!schema["ours"].as<bool>())
      return fail(ec::database_rejected, "the schema \"farshore\" in this database was not made by "
                                         "Farshore: it has no table of migrations");
    const std::string_view wanted = role == site_role::primary ? "primary" : "secondary";
    for (const auto& row : tx.exec(roles_sql))
      if (const auto name = row["role"].as<std::string>(); name != wanted)
        return fail(ec::database_rejected,
                    "this database is that of a " + name + ", and the configuration is of a " +
                        std::string{wanted} + ": give the configuration of the other site");
    for (const auto& row : tx.exec(triggers_sql)) {
      auto table = row["on_table"].as<std::string>();
      if (row["inside"].as<bool>())
        return fail(ec::database_rejected,
                    "table " + table +
                        " is the application's, and lies in Farshore's schema: move it first: "
                        "ALTER TABLE " +
                        table + " SET SCHEMA public");
      if (found.traced_tables.empty() || found.traced_tables.back() != table)
        found.traced_tables.push_back(table);
      triggers.push_back({row["tgname"].as<std::string>(), std::move(table)});
    }
    return found;
  });
}

} // namespace

result<installed_parts> find_installed(const std::string& url, site_role role) {
  auto db = connect(url, "uninstall");
  if (!db)
    return fail(std::move(db).error());
  std::vector<trigger_there> triggers;
  return look(**db, role, triggers);
}

result<void> uninstall(const std::string& url, site_role role, const uninstall_patience& patience) {
  auto db = connect(url, "uninstall");
  if (!db)
    return fail(std::move(db).error());
  if (auto alone = be_the_only_node(**db, node_patience); !alone)
    return alone.error().code == ec::invalid_config
               ? fail(ec::invalid_config, "a node works on this database: stop it first")
               : fail(std::move(alone).error());
  std::vector<trigger_there> triggers;
  const auto found = look(**db, role, triggers);
  if (!found)
    return fail(found.error());
  if (!found->schema)
    return {};
  return guarded("uninstall", [&]() -> result<void> {
    remover remove{**db, patience};
    for (const auto& table : found->traced_tables) {
      auto removed = remove.with_lock("the triggers on " + table, [&](pqxx::work& tx) {
        for (const auto& trigger : triggers)
          if (trigger.table == table)
            tx.exec0("DROP TRIGGER IF EXISTS " + tx.quote_name(trigger.name) + " ON " + table);
      });
      if (!removed)
        return removed;
    }
    return remove.with_lock("schema farshore", [](pqxx::work& tx) {
      for (const auto& row : tx.exec(drops_sql))
        tx.exec0(row["drop"].as<std::string>());
      tx.exec0("DROP SCHEMA farshore");
    });
  });
}

} // namespace farshore
