#include "registry/database.hpp"

#include <memory>

namespace farshore {

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

} // namespace farshore
