#include "registry/database_checkup.hpp"

#include "registry/database.hpp"
#include "registry/model_sql.hpp"

namespace farshore {

namespace {

constexpr auto server_sql = R"(
  SELECT current_setting('server_version') AS version,
    current_setting('server_version_num')::integer AS number, current_user AS whom,
    current_setting('max_connections')::integer AS connections_max,
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
    has_database_privilege(current_database(), 'CREATE') AS may_create,
    pg_has_role('pg_read_all_stats', 'USAGE') AS sees_others
)";

constexpr auto table_sql = R"(
  SELECT pg_has_role(c.relowner, 'USAGE') AS owned, pg_get_userbyid(c.relowner) AS owner
  FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
  WHERE s.nspname = $1 AND c.relname = $2
)";

constexpr auto writer_sql = R"(
  SELECT pid, extract(epoch FROM now() - began)::bigint AS age, whom, state FROM (
    SELECT pid, xact_start AS began, usename AS whom, state FROM pg_stat_activity
    WHERE backend_xid IS NOT NULL AND datname = current_database()
    UNION ALL
    SELECT 0, prepared, owner, 'prepared: ' || gid FROM pg_prepared_xacts
    WHERE database = current_database()) AS held
  WHERE began < now() - interval '1 minute' ORDER BY began LIMIT 1
)";

constexpr auto missing_sql = R"(
  SELECT count(*) AS records, coalesce(sum(size), 0)::bigint AS bytes,
    count(*) FILTER (WHERE size IS NULL) AS unknown
  FROM farshore.registry WHERE state <> 2 AND wanted AND NOT missing_on_primary
)";

class pg_checkup final : public database_checkup {
public:
  explicit pg_checkup(std::unique_ptr<pqxx::connection> db) : db_{std::move(db)} {}

  result<server_facts> server() override {
    return guarded("look at the server", [&] {
      pqxx::read_transaction tx{*db_};
      const auto row = tx.exec1(server_sql);
      return server_facts{
          row["version"].as<std::string>(), row["number"].as<int>(), row["whom"].as<std::string>(),
          row["connections_max"].as<int>(), row["used"].as<int>(),   row["may_create"].as<bool>(),
          row["sees_others"].as<bool>()};
    });
  }

  result<std::vector<table_rights>> tables(const config& settings) override {
    return guarded("look at the tables", [&] {
      pqxx::read_transaction tx{*db_};
      std::vector<table_rights> out;
      for (const auto& type : settings.types) {
        if (!type.model)
          continue;
        const auto name = split_table(type.model->table);
        table_rights one{type.name, type.model->table, false, false, {}};
        if (const auto rows = tx.exec_params(table_sql, name.schema, name.table); !rows.empty()) {
          one.exists = true;
          one.owned = rows[0]["owned"].as<bool>();
          one.owner = rows[0]["owner"].as<std::string>();
        }
        out.push_back(std::move(one));
      }
      return out;
    });
  }

  result<std::optional<old_transaction>> oldest_writer() override {
    return guarded("look for old transactions", [&]() -> std::optional<old_transaction> {
      pqxx::read_transaction tx{*db_};
      const auto rows = tx.exec(writer_sql);
      if (rows.empty())
        return std::nullopt;
      return old_transaction{rows[0]["pid"].as<int>(), rows[0]["age"].as<std::int64_t>(),
                             rows[0]["whom"].as<std::string>(""),
                             rows[0]["state"].as<std::string>("")};
    });
  }

  result<std::optional<missing_bytes>> not_here_yet() override {
    return guarded("add up what is not here", [&]() -> std::optional<missing_bytes> {
      pqxx::read_transaction tx{*db_};
      if (tx.exec1("SELECT to_regclass('farshore.registry')")[0].is_null())
        return std::nullopt;
      const auto row = tx.exec1(missing_sql);
      return missing_bytes{row["records"].as<std::int64_t>(), row["bytes"].as<std::int64_t>(),
                           row["unknown"].as<std::int64_t>()};
    });
  }

private:
  std::unique_ptr<pqxx::connection> db_;
};

} // namespace

result<std::unique_ptr<database_checkup>> database_checkup::open(const std::string& url) {
  auto db = connect(url, "doctor");
  if (!db)
    return fail(std::move(db).error());
  auto ready = guarded("set up the session",
                       [&] { pqxx::nontransaction{**db}.exec0("SET statement_timeout = '10s'"); });
  if (!ready)
    return fail(std::move(ready).error());
  return std::unique_ptr<database_checkup>{std::make_unique<pg_checkup>(std::move(*db))};
}

} // namespace farshore
