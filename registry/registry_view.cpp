#include "registry/registry_view.hpp"

#include "registry/database.hpp"
#include "registry/registry_rows.hpp"
#include "registry/sql_array.hpp"

namespace farshore {

namespace {

constexpr auto known_type = "view type";
constexpr auto known_type_sql = "SELECT id FROM farshore.replicable_type WHERE name = $1";

constexpr auto all_rows = "view all";
const std::string all_rows_sql = "SELECT " + std::string{row_columns} + R"(
  FROM farshore.registry AS r
  WHERE r.type_id = $1::integer AND r.record_id > $2::bigint
  ORDER BY r.record_id LIMIT $3::bigint
)";

constexpr auto rows_of_state = "view state";
const std::string rows_of_state_sql = "SELECT " + std::string{row_columns} + R"(
  FROM farshore.registry AS r
  WHERE r.type_id = $1::integer AND r.record_id > $2::bigint AND r.state = $4::smallint
  ORDER BY r.record_id LIMIT $3::bigint
)";

constexpr auto rows_by_id = "view find";
const std::string rows_by_id_sql = "SELECT " + std::string{row_columns} + R"(
  FROM farshore.registry AS r
  WHERE r.type_id = $1::integer AND r.record_id = ANY ($2::bigint[])
  ORDER BY r.record_id
)";

class pg_registry_view final : public registry_view {
public:
  explicit pg_registry_view(std::unique_ptr<pqxx::connection> db) : db_{std::move(db)} {}

  result<void> prepare() {
    return guarded("prepare registry view", [&] {
      pqxx::nontransaction{*db_}.exec0("SET plan_cache_mode = force_custom_plan");
      db_->prepare(known_type, known_type_sql);
      db_->prepare(all_rows, all_rows_sql);
      db_->prepare(rows_of_state, rows_of_state_sql);
      db_->prepare(rows_by_id, rows_by_id_sql);
    });
  }

  result<std::vector<registry_row>> list(const std::string& type, std::optional<sync_state> state,
                                         record_id after, std::size_t limit) override {
    return read("list registry rows", type, [&](pqxx::transaction_base& tx, type_number number) {
      return state ? tx.exec_prepared(rows_of_state, number, after, limit, static_cast<int>(*state))
                   : tx.exec_prepared(all_rows, number, after, limit);
    });
  }

  result<std::vector<registry_row>> find(const std::string& type,
                                         std::span<const record_id> ids) override {
    return read("find registry rows", type, [&](pqxx::transaction_base& tx, type_number number) {
      return tx.exec_prepared(rows_by_id, number, sql_array(ids, [](record_id id) { return id; }));
    });
  }

private:
  template <class Query>
  result<std::vector<registry_row>> read(std::string_view what, const std::string& type,
                                         Query query) {
    return guarded(what, [&]() -> result<std::vector<registry_row>> {
      pqxx::read_transaction tx{*db_};
      const auto known = tx.exec_prepared(known_type, type);
      if (known.empty())
        return fail(ec::not_found, "the registry knows no type \"" + type + "\"");
      std::vector<registry_row> rows;
      for (const auto& row : query(tx, known.front().front().as<type_number>()))
        rows.push_back(read_row(row));
      return rows;
    });
  }

  std::unique_ptr<pqxx::connection> db_;
};

} // namespace

result<std::unique_ptr<registry_view>> registry_view::open(const std::string& url) {
  auto db = connect(url, "registry view");
  if (!db)
    return fail(std::move(db).error());
  auto view = std::make_unique<pg_registry_view>(std::move(*db));
  if (auto ok = view->prepare(); !ok)
    return fail(std::move(ok).error());
  return view;
}

} // namespace farshore
