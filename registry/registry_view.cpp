#include "registry/registry_view.hpp"

#include "registry/database.hpp"
#include "registry/registry_rows.hpp"
#include "registry/sql_array.hpp"

namespace farshore {

namespace {

constexpr auto known_type_sql = "SELECT FROM farshore.replicable_type WHERE name = $1";

class pg_registry_view final : public registry_view {
public:
  explicit pg_registry_view(std::unique_ptr<pqxx::connection> db) : db_{std::move(db)} {}

  result<std::vector<registry_row>> list(const std::string& type, const states_filter& only,
                                         record_id after, std::size_t limit) override {
    // The state as text of the statement: the planner sees that what is not synced has an index.
    std::string of_state;
    if (only.state)
      of_state += " AND r.state = " + std::to_string(static_cast<int>(*only.state));
    if (only.verification)
      of_state +=
          " AND r.verification_state = " + std::to_string(static_cast<int>(*only.verification));
    if (only.verification == verification_state::failed)
      of_state += " AND r.state <> 2"; // always so
    if (only.findings)
      of_state += " AND r.findings IS NOT NULL";

    return read("list registry rows", type,
                [&](pqxx::transaction_base& tx, const std::string& rows) {
                  return tx.exec_params(rows + "WHERE r.record_id > $1::bigint" + of_state +
                                            " ORDER BY r.record_id LIMIT $2::bigint",
                                        after, limit);
                });
  }

  result<std::vector<registry_row>> find(const std::string& type,
                                         std::span<const record_id> ids) override {
    return read("find registry rows", type,
                [&](pqxx::transaction_base& tx, const std::string& rows) {
                  return tx.exec_params(
                      rows + "WHERE r.record_id = ANY ($1::bigint[]) ORDER BY r.record_id",
                      sql_array(ids, [](record_id id) { return id; }));
                });
  }

  result<std::vector<registry_row>> at(const std::string& type,
                                       const std::string& locator) override {
    return read("find registry rows by place", type,
                [&](pqxx::transaction_base& tx, const std::string& rows) {
                  return tx.exec_params(
                      rows + "WHERE r.wanted AND hashtextextended(r.locator, 0) ="
                             " hashtextextended($1::text, 0) AND r.locator = $1::text LIMIT 10",
                      locator);
                });
  }

private:
  /// `query` gets the beginning of a statement that reads the type's rows.
  template <class Query>
  result<std::vector<registry_row>> read(std::string_view what, const std::string& type,
                                         Query query) {
    return guarded(what, [&]() -> result<std::vector<registry_row>> {
      pqxx::read_transaction tx{*db_};
      if (tx.exec_params(known_type_sql, type).empty())
        return fail(ec::not_found, "the registry knows no type \"" + type + "\"");
      std::vector<registry_row> rows;
      for (const auto& row : query(tx, "SELECT " + std::string{row_columns} + " FROM farshore." +
                                           tx.quote_name(partition_of(type)) + " AS r "))
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
  return std::make_unique<pg_registry_view>(std::move(*db));
}

} // namespace farshore
