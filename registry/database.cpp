#include "registry/database.hpp"

#include <memory>

namespace farshore {

namespace {

// The text "farshorf" as a bigint's bytes: held as long as the connection lives.
constexpr auto only_node_sql = "SELECT pg_advisory_lock(7377581253823296102)";
constexpr auto lock_not_available = "55P03";

} // namespace

result<std::unique_ptr<pqxx::connection>> connect(const std::string& url,
                                                  std::string_view purpose) {
  return guarded("connect for " + std::string{purpose}, [&] {
    auto db = std::make_unique<pqxx::connection>(url);
    pqxx::nontransaction tx{*db};
    tx.exec0("SET application_name = " + tx.quote("farshore " + std::string{purpose}));
    tx.exec0("SET statement_timeout = '5min'");
    tx.exec0("SET search_path = farshore");
    tx.exec0("SET timezone = 'UTC'");
    tx.exec0("SET client_encoding = 'UTF8'");
    tx.exec0("SET client_min_messages = 'warning'");
    return db;
  });
}

result<void> be_the_only_node(pqxx::connection_base& db, std::chrono::milliseconds patience) {
  return guarded("wait for the node's lock", [&]() -> result<void> {
    pqxx::nontransaction direct{db};
    direct.exec0("SET lock_timeout = " + std::to_string(patience.count()));
    try {
      direct.exec(only_node_sql);
    } catch (const pqxx::sql_error& e) {
      if (e.sqlstate() != lock_not_available)
        throw;
      return fail(ec::invalid_config, "another node works on this database; several nodes of one "
                                      "site are not supported yet");
    }
    direct.exec0("SET lock_timeout = 0");
    return {};
  });
}

} // namespace farshore
