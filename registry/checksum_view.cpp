#include "registry/checksum_view.hpp"

#include "registry/database.hpp"
#include "registry/sql_array.hpp"

#include <cstring>

namespace farshore {

namespace {

constexpr auto session_sql = R"(
  SET default_transaction_read_only = on;
  SET statement_timeout = '30s';
  SET enable_seqscan = off;
  SET enable_bitmapscan = off
)";

std::optional<wall_time> time_of(const pqxx::field& milliseconds) {
  if (milliseconds.is_null())
    return std::nullopt;
  return wall_time{std::chrono::milliseconds{milliseconds.as<std::int64_t>()}};
}

std::string milliseconds_of(const std::string& column) {
  return "(extract(epoch FROM s." + column + ") * 1000)::bigint AS " + column;
}

/// `states`: a query, or a part of one in parentheses, of rows of the state table.
std::string select_from(const std::string& states) {
  return "SELECT s.record_id, k.key, s.revision, s.verification_state, s.verification_missing,"
         " s.verification_retry_count, s.verification_failure, s.verification_checksum, " +
         milliseconds_of("verification_retry_at") + ", " + milliseconds_of("verified_at") +
         " FROM " + states +
         " AS s LEFT JOIN LATERAL (SELECT key FROM farshore.record_keys k WHERE k.type_id ="
         " s.type_id AND k.record_id = s.record_id LIMIT 1) AS k ON true ORDER BY s.record_id";
}

// The state as text of the statement: the planner sees that what failed has an index.
std::string looked_at_sql(const std::string& columns, const checksum_filter& only) {
  const bool indexed = only.state == verification_state::failed || only.missing;
  return "(SELECT " + columns +
         " FROM farshore.state WHERE type_id = $1::integer AND record_id > $2::bigint" +
         (indexed ? " AND verification_state = 3" : "") + " ORDER BY record_id LIMIT " +
         std::to_string(checksums_looked_at_max) + ")";
}

std::string list_sql(const checksum_filter& only) {
  return select_from(
      "(SELECT * FROM " + looked_at_sql("*", only) + " AS l WHERE true" +
      (only.state ? " AND verification_state = " + std::to_string(static_cast<int>(*only.state))
                  : "") +
      (only.missing ? " AND verification_missing" : "") + " ORDER BY record_id LIMIT $3::bigint)");
}

std::string end_sql(const checksum_filter& only) {
  return "SELECT count(*), max(record_id) FROM " + looked_at_sql("record_id", only) + " AS l";
}

const std::string& find_sql() {
  static const auto text =
      select_from("(SELECT * FROM farshore.state WHERE type_id = $1::integer AND record_id = ANY"
                  " ($2::bigint[]))");
  return text;
}

checksum_row read_row(const pqxx::row& row) {
  checksum_row out;
  out.record = row["record_id"].as<record_id>();
  out.key = row["key"].is_null() ? std::to_string(out.record) : row["key"].as<std::string>();
  out.rev = row["revision"].as<revision>();
  out.state = static_cast<verification_state>(row["verification_state"].as<int>());
  out.missing = row["verification_missing"].as<bool>();
  out.retry_count = row["verification_retry_count"].as<int>();
  out.retry_at = time_of(row["verification_retry_at"]);
  out.verified_at = time_of(row["verified_at"]);
  out.failure = row["verification_failure"].as<std::string>("");
  if (!row["verification_checksum"].is_null()) {
    const pqxx::binarystring bytes{row["verification_checksum"]};
    checksum sum{};
    if (bytes.size() == sum.size()) {
      std::memcpy(sum.data(), bytes.data(), sum.size());
      out.sum = sum;
    }
  }
  return out;
}

class pg_checksum_view final : public checksum_view {
public:
  explicit pg_checksum_view(std::unique_ptr<pqxx::connection> db) : db_{std::move(db)} {}

  result<void> prepare() {
    return guarded("set up the session", [&] { pqxx::nontransaction{*db_}.exec(session_sql); });
  }

  result<listed_checksums> list(const std::string& type, const checksum_filter& only,
                                record_id after, std::size_t limit) override {
    return guarded("list verification", [&]() -> result<listed_checksums> {
      pqxx::read_transaction tx{*db_};
      const auto number = number_of(tx, type);
      if (!number)
        return fail(number.error());
      listed_checksums page;
      for (const auto& row : tx.exec_params(list_sql(only), *number, after, limit))
        page.rows.push_back(read_row(row));
      if (page.rows.size() == limit) {
        page.next = page.rows.back().record;
        return page;
      }
      const auto end = tx.exec_params1(end_sql(only), *number, after);
      if (end[0].as<std::size_t>() == checksums_looked_at_max)
        page.next = end[1].as<record_id>();
      return page;
    });
  }

  result<std::vector<checksum_row>> find(const std::string& type,
                                         std::span<const record_id> ids) override {
    return guarded("find verification", [&]() -> result<std::vector<checksum_row>> {
      pqxx::read_transaction tx{*db_};
      const auto number = number_of(tx, type);
      if (!number)
        return fail(number.error());
      std::vector<checksum_row> out;
      for (const auto& row :
           tx.exec_params(find_sql(), *number, sql_array(ids, [](record_id id) { return id; })))
        out.push_back(read_row(row));
      return out;
    });
  }

private:
  static result<std::int32_t> number_of(pqxx::transaction_base& tx, const std::string& type) {
    const auto known =
        tx.exec_params("SELECT type_id FROM farshore.replicable_type WHERE name = $1", type);
    if (known.empty())
      return fail(ec::not_found, "the primary knows no type \"" + type + "\"");
    return known[0][0].as<std::int32_t>();
  }

  std::unique_ptr<pqxx::connection> db_;
};

} // namespace

result<std::unique_ptr<checksum_view>> checksum_view::open(const std::string& url) {
  auto db = connect(url, "checksum view");
  if (!db)
    return fail(std::move(db).error());
  auto view = std::make_unique<pg_checksum_view>(std::move(*db));
  if (auto ok = view->prepare(); !ok)
    return fail(std::move(ok).error());
  return view;
}

} // namespace farshore
