#include "registry/registry_view.hpp"

#include "registry/database.hpp"
#include "registry/registry_rows.hpp"
#include "registry/sql_array.hpp"

namespace farshore {

namespace {

constexpr auto known_type_sql = "SELECT FROM farshore.replicable_type WHERE name = $1";

tl::unexpected<error> unknown(const std::string& type) {
  return fail(ec::not_found, "the registry knows no type \"" + type + "\"");
}

// States as text of the statement: the planner sees that an index has nothing else.

std::string indexed_condition(const rows_filter& only) {
  if (only.state == sync_state::failed)
    return " AND w.state = 3";
  if (only.verification == verification_state::failed)
    return " AND w.verification_state = 3";
  if (only.findings)
    return " AND w.findings IS NOT NULL";
  return {};
}

std::string condition(const rows_filter& only) {
  std::string all;
  if (only.state)
    all += " AND r.state = " + std::to_string(static_cast<int>(*only.state));
  if (only.verification)
    all += " AND r.verification_state = " + std::to_string(static_cast<int>(*only.verification));
  if (only.findings)
    all += " AND r.findings IS NOT NULL";
  if (only.missing_on_primary)
    all += " AND r.missing_on_primary";
  return all;
}

class pg_registry_view final : public registry_view {
public:
  explicit pg_registry_view(std::unique_ptr<pqxx::connection> db) : db_{std::move(db)} {}

  result<listed_rows> list(const std::string& type, const rows_filter& only, record_id after,
                           std::size_t limit) override {
    return guarded("list registry rows", [&]() -> result<listed_rows> {
      pqxx::read_transaction tx{*db_};
      if (tx.exec_params(known_type_sql, type).empty())
        return unknown(type);
      const auto looked_at = "FROM farshore." + tx.quote_name(partition_of(type)) +
                             " AS w WHERE w.record_id > $1::bigint" + indexed_condition(only) +
                             " ORDER BY w.record_id LIMIT " + std::to_string(rows_looked_at_max);
      listed_rows page;
      for (const auto& row :
           tx.exec_params("SELECT " + std::string{row_columns} + " FROM (SELECT w.* " + looked_at +
                              ") AS r WHERE strpos(r.locator, $2::text) > 0" + condition(only) +
                              " ORDER BY r.record_id LIMIT $3::bigint",
                          after, only.locator_part, limit))
        page.rows.push_back(read_row(row));
      if (page.rows.size() == limit) {
        page.next = page.rows.back().record;
        return page;
      }
      const auto end = tx.exec_params1("SELECT count(*), max(record_id) FROM (SELECT w.record_id " +
                                           looked_at + ") AS l",
                                       after);
      if (end[0].as<std::size_t>() == rows_looked_at_max)
        page.next = end[1].as<record_id>();
      return page;
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
        return unknown(type);
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
