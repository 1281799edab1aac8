#include "registry/store_rows.hpp"

#include "registry/registry_rows.hpp"

namespace farshore {

namespace {

constexpr auto load_stores_sql = R"(
  SELECT path, identity, counter, pending, device, noticed,
         farshore.microseconds(noticed_at) AS noticed_us
  FROM farshore.store
)";

constexpr auto save_store = "save store";
constexpr auto save_store_sql = R"(
  INSERT INTO farshore.store (path, identity, counter, pending, device, noticed, noticed_at)
  VALUES ($1, $2, $3, $4, $5, $6, farshore.at($7))
  ON CONFLICT (path) DO UPDATE SET
    identity = excluded.identity, counter = excluded.counter, pending = excluded.pending,
    device = excluded.device, noticed = excluded.noticed, noticed_at = excluded.noticed_at
)";

} // namespace

void prepare_store_statements(pqxx::connection_base& db) {
  db.prepare(save_store, save_store_sql);
}

std::map<std::string, known_store> read_stores(pqxx::transaction_base& tx) {
  std::map<std::string, known_store> stores;
  for (const auto& row : tx.exec(load_stores_sql)) {
    known_store store;
    store.path = row["path"].as<std::string>();
    store.mark = {row["identity"].as<std::string>(), row["counter"].as<std::int64_t>()};
    store.pending = row["pending"].as<bool>();
    store.device = static_cast<std::uint64_t>(row["device"].as<std::int64_t>());
    store.noticed = row["noticed"].as<std::string>();
    store.noticed_at = time_of(row["noticed_us"]);
    stores.emplace(store.path, std::move(store));
  }
  return stores;
}

void write_store(pqxx::transaction_base& tx, const known_store& store) {
  tx.exec_prepared0(save_store, store.path, store.mark.id, store.mark.counter, store.pending,
                    static_cast<std::int64_t>(store.device), store.noticed,
                    to_microseconds(store.noticed_at));
}

} // namespace farshore
