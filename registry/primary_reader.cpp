#include "registry/primary_reader.hpp"

#include "config/locator.hpp"
#include "registry/database.hpp"
#include "registry/model_sql.hpp"
#include "registry/scope_sql.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <unordered_map>

namespace farshore {

namespace {

// The planner's other ideas read a million rows, and run the declaration's expressions on them, for
// a page of a thousand. READ ONLY: the declaration's SQL runs here.
constexpr auto session_sql = R"(
  SET enable_seqscan = off;
  SET enable_bitmapscan = off;
  SET enable_hashjoin = off;
  SET enable_mergejoin = off;
  SET plan_cache_mode = force_custom_plan;
  SET statement_timeout = '30s';
  SET lock_timeout = '1s';
  SET default_transaction_read_only = on;
  SET bytea_output = 'hex'
)";

constexpr auto types_sql = R"(
  SELECT name, type_id, declaration, generation, revision_floor, key_kind,
    coalesce(c.records, 0) AS records
  FROM farshore.replicable_type LEFT JOIN farshore.state_counts AS c USING (type_id)
  WHERE table_oid IS NOT NULL AND (seeded OR key_kind = 'integer')
)";

constexpr auto stand = "stand";
constexpr auto stand_sql = R"(
  SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xmin,
    (SELECT token FROM farshore.event_log WHERE xid = $1::xid8 AND id = $2::bigint) AS token,
    EXISTS (SELECT FROM farshore.log_trim
            WHERE (xid, id) >= ($1::xid8, $2::bigint) AND id > 0) AS trimmed
)";

constexpr auto events_after = "events_after";
constexpr auto events_after_sql = R"(
  SELECT e.xid::text AS xid, e.id, e.token, e.type_id, e.operation, e.key,
    coalesce(e.record_id, k.record_id) AS record_id
  FROM (
    SELECT * FROM farshore.event_log
    WHERE (xid, id) > ($1::xid8, $2::bigint) AND xid < $3::xid8
    ORDER BY xid, id LIMIT $4) AS e
  LEFT JOIN farshore.record_keys k ON k.type_id = e.type_id AND k.key = e.key
  ORDER BY e.xid, e.id
)";

constexpr auto folded_sql = R"(
  SELECT xid::text AS xid, id, token FROM farshore.log_cursor WHERE name = 'primary'
)";

constexpr auto newest = "newest_place";
constexpr auto newest_sql = R"(
  SELECT e.xid::text AS xid, e.id, e.token FROM farshore.event_log e
  WHERE e.xid < pg_snapshot_xmin(pg_current_snapshot())
  ORDER BY e.xid DESC, e.id DESC LIMIT 1 -- e.xid: the bare name would be the text
)";

constexpr auto numbered_page_sql = R"(
  SELECT record_id, key FROM farshore.record_keys
  WHERE type_id = $1 AND record_id > $2 ORDER BY record_id LIMIT $3
)";

// LIMIT: a look by the key for each, whatever the planner believes of the table's size.
constexpr auto keys_of_sql = R"(
  SELECT w.record_id, k.key FROM unnest($2::bigint[]) AS w(record_id)
  CROSS JOIN LATERAL (SELECT key FROM farshore.record_keys
                      WHERE type_id = $1 AND record_id = w.record_id LIMIT 1) AS k
)";

// The timeline in the control file is that of the last checkpoint: after a promotion the old one,
// for a while. A WAL file's name begins with that of now.
constexpr auto identity_sql = R"(
  SELECT s.system_identifier || '-' ||
    CASE WHEN pg_is_in_recovery() THEN c.timeline_id
         ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer
    END || '-' ||
    (SELECT oid FROM pg_database WHERE datname = current_database()) || '-' || i.number
  FROM pg_control_system() s, pg_control_checkpoint() c, farshore.site_identity i
)";

// Only transactions that have an id hold a snapshot's xmin back, of whichever database; a prepared
// one has no process any more.
constexpr auto blocker_sql = R"(
  SELECT pid, extract(epoch FROM clock_timestamp() - began)::bigint AS age
  FROM (
    SELECT pid, xact_start AS began, backend_xid AS xid FROM pg_stat_activity
    WHERE backend_xid IS NOT NULL
    UNION ALL
    SELECT 0, prepared, transaction FROM pg_prepared_xacts) AS held
  WHERE clock_timestamp() - began > make_interval(secs => $1)
  ORDER BY age(xid) DESC LIMIT 1
)";

/// A transaction whose every query sees the same.
using snapshot = pqxx::transaction<pqxx::repeatable_read, pqxx::read_only>;

/// A type that is declared, and whose triggers are in place for just this declaration.
struct ready_type {
  const replicable_type* declared = nullptr;
  std::int32_t type_id = 0;
  std::int64_t generation = 0;
  revision floor = 0;
  key_kind kind = key_kind::integer;
  std::int64_t records = 0;
};

/// A record to be looked up, and what its row says.
struct looked_up {
  record_id record = 0;
  std::string key;

  bool present = false;
  std::string locator;
  std::optional<std::uint64_t> size;
  /// By the state table; 0 when it has none.
  revision rev = 0;
  std::optional<checksum> sum;
  /// There, and not in scope: then it is not present.
  bool outside = false;
  std::string pool = {};
};

/// A row of the log.
struct logged {
  event_position place;
  std::int32_t type_id = 0;
  int operation = 0;
  std::optional<std::string> key;
  std::optional<record_id> record;
};

event_position read_place(const pqxx::row& row) {
  return {row["xid"].as<std::uint64_t>(), row["id"].as<std::int64_t>(),
          row["token"].as<std::int32_t>()};
}

/// The row's own data are at fault (an expression divides by a column that is zero), not the
/// declaration or the server.
bool concerns_a_row(const sql_refusal& refusal) {
  constexpr std::array<std::string_view, 9> others{"08", "25P", "40", "42", "53",
                                                   "55", "57",  "58", "XX"};
  return std::ranges::none_of(others,
                              [&](auto prefix) { return refusal.sqlstate.starts_with(prefix); });
}

/// refused(), within a transaction that goes on afterwards with the same snapshot.
template <class Body>
std::optional<sql_refusal> refused_within(pqxx::dbtransaction& tx, Body&& body) {
  tx.exec0("SAVEPOINT attempt");
  auto refusal = refused(std::forward<Body>(body));
  tx.exec0(refusal ? "ROLLBACK TO SAVEPOINT attempt" : "RELEASE SAVEPOINT attempt");
  return refusal;
}

std::string array_of(key_kind kind, std::span<const looked_up> rows) {
  std::vector<std::string_view> keys;
  for (const auto& row : rows)
    keys.push_back(row.key);
  if (kind == key_kind::text)
    return text_array_literal(keys);
  std::string out = "{"; // digits, dashes and hex only
  for (const auto key : keys)
    out.append(out.size() > 1 ? "," : "").append(key);
  return out += '}';
}

constexpr pqxx::oid bytea_type = 17;

/// Bytes as the text of a bytea.
std::string hex_text(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "\\x";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

/// The locator's bytes, encoded. Of a bytea the very bytes, else the text in UTF-8.
std::string locator_of(const pqxx::field& field, pqxx::oid type) {
  if (type == bytea_type)
    return encode_locator(pqxx::binarystring{field}.str());
  return encode_locator(std::string_view{field.c_str(), field.size()});
}

std::optional<checksum> checksum_of(const pqxx::field& field) {
  checksum sum{};
  if (field.is_null())
    return std::nullopt;
  const pqxx::binarystring bytes{field};
  if (bytes.size() != sum.size())
    return std::nullopt;
  std::memcpy(sum.data(), bytes.data(), sum.size());
  return sum;
}

/// Behind those of evaluation_sql().
constexpr std::size_t scope_parameter = 4;

pqxx::result evaluate(pqxx::dbtransaction& tx, const ready_type& type, const std::string& sql,
                      const row_filter& filter, std::span<const looked_up> rows) {
  std::vector<record_id> records;
  for (const auto& row : rows)
    records.push_back(row.record);
  return tx.exec_params(sql, array_of(type.kind, rows), array_literal(records), type.type_id,
                        pqxx::prepare::make_dynamic_params(filter.parameters));
}

/// Of the rows those that are present, as the catalogue names them.
std::vector<catalogue_row> listed(const ready_type& type, std::vector<looked_up> rows) {
  std::vector<catalogue_row> out;
  for (auto& row : rows)
    if (row.present)
      out.push_back({row.record, std::move(row.key), std::move(row.locator), row.size,
                     std::max(row.rev, type.floor), row.sum, std::move(row.pool)});
  return out;
}

class pg_primary_reader final : public primary_reader {
public:
  explicit pg_primary_reader(std::unique_ptr<pqxx::connection> db) : db_{std::move(db)} {}

  result<void> prepare() {
    return guarded("prepare the primary's queries", [&] {
      pqxx::nontransaction{*db_}.exec(session_sql);
      db_->prepare(stand, stand_sql);
      db_->prepare(events_after, events_after_sql);
      db_->prepare(newest, newest_sql);
    });
  }

  void declare(std::span<const replicable_type> types) override {
    declared_.assign(types.begin(), types.end());
    std::erase_if(declared_, [](const auto& type) { return !type.enabled || !type.model; });
  }

  result<events_page> events(const event_position& after, std::size_t limit,
                             const site_scope& scope) override;
  result<catalogue_page> catalogue(const std::string& type, record_id after, std::size_t limit,
                                   const site_scope& scope) override;
  result<records_page> look_up(const std::string& type, std::span<const record_id> records,
                               const site_scope& scope) override;
  result<std::vector<resolved_record>> resolve(const std::string& type,
                                               std::span<const record_id> records,
                                               const site_scope& scope) override;
  result<std::optional<std::string>> key_at(const std::string& type,
                                            const std::string& locator) override;
  result<event_position> folded_place() override;
  result<event_position> newest_place() override;
  result<snapshot_bounds> bounds() override;
  result<std::string> identity() override;
  result<std::optional<horizon_blocker>> blocker(std::chrono::seconds age) override;

private:
  using ready_types = std::vector<ready_type>;

  ready_types read_types(pqxx::dbtransaction& tx);
  result<ready_type> find_ready(pqxx::dbtransaction& tx, const std::string& name);
  std::vector<type_status> statuses(const ready_types& types) const;
  std::vector<logged> read_log(pqxx::dbtransaction& tx, const event_position& after,
                               const std::string& xmin, std::size_t limit);
  std::optional<std::size_t> fill(pqxx::dbtransaction& tx, const ready_types& types,
                                  std::span<const logged> rows, const site_scope& scope,
                                  std::vector<served_event>& out);
  std::optional<sql_refusal> look_up(pqxx::dbtransaction& tx, const ready_type& type,
                                     const row_filter& filter, std::span<looked_up> rows);
  /// Of a row whose expressions fail.
  bool is_surely_in_scope(pqxx::dbtransaction& tx, const ready_type& type, const row_filter& filter,
                          std::span<looked_up> row);
  result<std::vector<looked_up>> find_rows(pqxx::dbtransaction& tx, const ready_type& type,
                                           std::span<const record_id> records,
                                           const site_scope& scope);

  std::unique_ptr<pqxx::connection> db_;
  std::vector<replicable_type> declared_;
};

// -- types

pg_primary_reader::ready_types pg_primary_reader::read_types(pqxx::dbtransaction& tx) {
  ready_types out;
  for (const auto& row : tx.exec(types_sql)) {
    const auto name = row["name"].as<std::string>();
    const auto found = std::ranges::find(declared_, name, &replicable_type::name);
    const auto kind = parse_key_kind(row["key_kind"].as<std::string>());
    // Another declaration than ours: one of the two is about to follow the other.
    if (found == declared_.end() || !kind ||
        row["declaration"].as<std::string>() != declaration_text(*found->model))
      continue;
    out.push_back({&*found, row["type_id"].as<std::int32_t>(), row["generation"].as<std::int64_t>(),
                   row["revision_floor"].as<revision>(), *kind, row["records"].as<std::int64_t>()});
  }
  return out;
}

result<ready_type> pg_primary_reader::find_ready(pqxx::dbtransaction& tx, const std::string& name) {
  if (std::ranges::find(declared_, name, &replicable_type::name) == declared_.end())
    return fail(ec::not_found, "type " + name + " is not declared on the primary, or disabled");
  const auto types = read_types(tx);
  const auto found =
      std::ranges::find(types, name, [](const auto& type) { return type.declared->name; });
  if (found == types.end())
    return fail(ec::type_waiting, "type " + name + " is not ready on the primary yet");
  return *found;
}

std::vector<type_status> pg_primary_reader::statuses(const ready_types& types) const {
  std::vector<type_status> out;
  for (const auto& declared : declared_) {
    const auto found = std::ranges::find(types, &declared, &ready_type::declared);
    const bool ready = found != types.end();
    out.push_back({declared.name,
                   ready ? found->generation : 0,
                   {},
                   declared.verification != verification_place::off,
                   ready ? std::optional{found->records} : std::nullopt});
  }
  return out;
}

// -- events

result<events_page> pg_primary_reader::events(const event_position& after, std::size_t limit,
                                              const site_scope& scope) {
  limit = std::max<std::size_t>(limit, 1);
  return guarded("read events", [&]() -> result<events_page> {
    snapshot tx{*db_};
    const auto standing = tx.exec_prepared1(stand, std::to_string(after.xid), after.id);
    const bool gone = standing["token"].is_null();
    if (gone && standing["trimmed"].as<bool>())
      return fail(ec::log_trimmed, "the event log does not reach back to event " +
                                       std::to_string(after.id) + " of transaction " +
                                       std::to_string(after.xid) +
                                       " any more: what this site missed is found by comparing "
                                       "all records, which a secondary does by itself");
    const bool beginning = after == event_position{};
    if (!beginning && (gone || standing["token"].as<std::int32_t>() != after.token))
      return fail(ec::position_unknown, "the event log has no event " + std::to_string(after.id) +
                                            " of transaction " + std::to_string(after.xid) +
                                            " with that token");
    const auto xmin = standing["xmin"].as<std::string>();
    const auto types = read_types(tx);

    events_page page;
    page.scope = digest_of(scope);
    page.types = statuses(types);
    page.upto = after;
    const auto rows = read_log(tx, after, xmin, limit);
    auto end = rows.size();
    // A type that can't be read stops the page before its first event; the others' go out.
    while (const auto stop = fill(tx, types, std::span{rows}.first(end), scope, page.events))
      end = *stop;
    const bool cut = end < rows.size() || rows.size() == limit;
    if (end > 0)
      page.upto = rows[end - 1].place;
    // Where not even one event could be served there is no use in asking again at once.
    page.more = cut && end > 0;
    page.covered_xid = end < rows.size() ? rows[end].place.xid
                       : cut             ? rows.back().place.xid
                                         : std::stoull(xmin);
    return page;
  });
}

std::vector<logged> pg_primary_reader::read_log(pqxx::dbtransaction& tx,
                                                const event_position& after,
                                                const std::string& xmin, std::size_t limit) {
  std::vector<logged> out;
  for (const auto& row :
       tx.exec_prepared(events_after, std::to_string(after.xid), after.id, xmin, limit))
    out.push_back({read_place(row), row["type_id"].as<std::int32_t>(), row["operation"].as<int>(),
                   optional_of<std::string>(row["key"]), optional_of<record_id>(row["record_id"])});
  return out;
}

/// Joins the newest event of each record with its row. Or the index of the row before which the
/// page must end.
std::optional<std::size_t> pg_primary_reader::fill(pqxx::dbtransaction& tx,
                                                   const ready_types& types,
                                                   std::span<const logged> rows,
                                                   const site_scope& scope,
                                                   std::vector<served_event>& out) {
  out.clear();
  std::unordered_map<std::int32_t, const ready_type*> by_id;
  for (const auto& type : types)
    by_id.emplace(type.type_id, &type);
  std::map<std::pair<std::int32_t, record_id>, std::size_t> winners;
  std::vector<std::size_t> served;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& row = rows[i];
    if (!by_id.contains(row.type_id))
      continue;
    if (row.operation == static_cast<int>(operation::truncated)) {
      served.push_back(i);
    } else if (row.record) {
      auto& winner = winners.try_emplace({row.type_id, *row.record}, i).first->second;
      if (row.place.id > rows[winner].place.id)
        winner = i;
    } else if (row.key) {
      return i; // the primary's own reader has not numbered it yet
    }
  }
  for (const auto& [record, i] : winners)
    served.push_back(i);
  std::ranges::sort(served);

  out.resize(served.size());
  std::map<std::int32_t, std::vector<std::size_t>> by_type;
  for (std::size_t n = 0; n < served.size(); ++n) {
    const auto& row = rows[served[n]];
    auto& event = out[n];
    event.id = row.place.id;
    event.type = by_id.at(row.type_id)->declared->name;
    event.op = static_cast<operation>(row.operation);
    if (!row.record)
      continue;
    event.record = *row.record;
    event.key = row.key ? *row.key : std::to_string(*row.record);
    by_type[row.type_id].push_back(n);
  }
  std::optional<std::size_t> stop;
  for (const auto& [type_id, places] : by_type) {
    std::vector<looked_up> asked;
    for (const auto n : places)
      asked.push_back({out[n].record, out[n].key, false, {}, {}, 0, {}});
    const auto& type = *by_id.at(type_id);
    if (look_up(tx, type, filter_of(scope, *type.declared, scope_parameter), asked)) {
      const auto first = std::ranges::find(rows, type_id, &logged::type_id);
      const auto at = static_cast<std::size_t>(first - rows.begin());
      stop = std::min(stop.value_or(at), at);
      continue;
    }
    for (std::size_t k = 0; k < places.size(); ++k) {
      auto& event = out[places[k]];
      event.present = asked[k].present;
      event.outside = asked[k].outside;
      if (!event.present && !scope.whole())
        event.key.clear(); // gone or outside: it may never have been this site's
      event.locator = std::move(asked[k].locator);
      event.size = asked[k].size;
      event.pool = std::move(asked[k].pool);
      if (event.present && asked[k].rev >= event.id)
        event.sum = asked[k].sum;
    }
  }
  return stop;
}

/// Fills in the rows. Nothing, or why the type can't be read at all. A row whose own data make an
/// expression fail is present, with no locator: its secondary says so, and the others go on.
std::optional<sql_refusal> pg_primary_reader::look_up(pqxx::dbtransaction& tx,
                                                      const ready_type& type,
                                                      const row_filter& filter,
                                                      std::span<looked_up> rows) {
  if (rows.empty())
    return std::nullopt;
  const auto refusal = refused_within(tx, [&] {
    const auto found = evaluate(
        tx, type, evaluation_sql(*type.declared->model, type.kind, filter.condition), filter, rows);
    for (const auto& row : found) {
      auto& to = rows[row["n"].as<std::size_t>() - 1];
      const bool there = !row["locator"].is_null();
      const bool in_scope = row["in_scope"].as<bool>();
      to.present = there && in_scope;
      to.outside = there && !in_scope;
      to.rev = row["revision"].as<revision>();
      if (!to.present)
        continue;
      to.sum = checksum_of(row["sum"]);
      to.locator = locator_of(row["locator"], found.column_type("locator"));
      if (const auto size = row["size"].as<std::int64_t>(-1); size >= 0)
        to.size = static_cast<std::uint64_t>(size);
      if (!row["pool"].is_null())
        to.pool = locator_of(row["pool"], found.column_type("pool"));
    }
  });
  // A value that the database's encoding does not have is the scope's fault, and no row's.
  const bool of_scope = !filter.parameters.empty() && refusal && refusal->sqlstate == "22P05";
  if (!refusal || of_scope || !concerns_a_row(*refusal))
    return refusal;
  if (rows.size() == 1) {
    auto& row = rows.front();
    row.present = is_surely_in_scope(tx, type, filter, rows);
    row.outside = !row.present;
    row.locator.clear();
    return std::nullopt;
  }
  const auto half = rows.size() / 2;
  if (auto why = look_up(tx, type, filter, rows.first(half)))
    return why;
  return look_up(tx, type, filter, rows.subspan(half));
}

/// What a predicate can't be computed of is nobody's who asks by it.
bool pg_primary_reader::is_surely_in_scope(pqxx::dbtransaction& tx, const ready_type& type,
                                           const row_filter& filter, std::span<looked_up> row) {
  if (filter.condition.empty())
    return true;
  auto model = *type.declared->model;
  model.locator = "''";
  model.size.clear();
  model.pool.clear();
  model.available.clear();
  bool in_scope = false;
  const auto refusal = refused_within(tx, [&] {
    const auto found =
        evaluate(tx, type, evaluation_sql(model, type.kind, filter.condition), filter, row);
    in_scope = !found.empty() && found[0]["in_scope"].as<bool>();
  });
  return !refusal && in_scope;
}

// -- catalogue

result<catalogue_page> pg_primary_reader::catalogue(const std::string& name, record_id after,
                                                    std::size_t limit, const site_scope& scope) {
  return guarded("read the catalogue of " + name, [&]() -> result<catalogue_page> {
    snapshot tx{*db_};
    const auto type = find_ready(tx, name);
    if (!type)
      return fail(type.error());
    std::vector<looked_up> rows;
    const auto refusal = refused_within(tx, [&] {
      if (type->kind == key_kind::integer)
        for (const auto& row : tx.exec_params(key_page_sql(*type->declared->model), after, limit))
          rows.push_back({row[0].as<record_id>(), row[0].as<std::string>(), false, {}, {}, 0, {}});
      else
        for (const auto& row : tx.exec_params(numbered_page_sql, type->type_id, after, limit))
          rows.push_back({row[0].as<record_id>(), row[1].as<std::string>(), false, {}, {}, 0, {}});
    });
    const auto filter = filter_of(scope, *type->declared, scope_parameter);
    const auto why = refusal ? refusal : look_up(tx, *type, filter, rows);
    if (why)
      return fail(ec::type_waiting,
                  "the catalogue of " + name + " can't be read now: " + why->message);
    catalogue_page page;
    page.type = name;
    page.scope = digest_of(scope);
    page.generation = type->generation;
    page.next_after = rows.empty() ? after : rows.back().record;
    page.last = rows.size() < limit;
    page.rows = listed(*type, std::move(rows));
    return page;
  });
}

/// By their ids; a record that has no key is left out.
result<std::vector<looked_up>> pg_primary_reader::find_rows(pqxx::dbtransaction& tx,
                                                            const ready_type& type,
                                                            std::span<const record_id> records,
                                                            const site_scope& scope) {
  std::vector<looked_up> rows;
  if (type.kind == key_kind::integer)
    for (const auto record : records)
      rows.push_back({record, std::to_string(record), false, {}, {}, 0, {}});
  else
    for (const auto& row : tx.exec_params(keys_of_sql, type.type_id, array_literal(records)))
      rows.push_back(
          {row["record_id"].as<record_id>(), row["key"].as<std::string>(), false, {}, {}, 0, {}});
  if (const auto why = look_up(tx, type, filter_of(scope, *type.declared, scope_parameter), rows))
    return fail(ec::type_waiting,
                "records of " + type.declared->name + " can't be looked up now: " + why->message);
  return rows;
}

result<records_page> pg_primary_reader::look_up(const std::string& name,
                                                std::span<const record_id> records,
                                                const site_scope& scope) {
  return guarded("look up records of " + name, [&]() -> result<records_page> {
    snapshot tx{*db_};
    const auto type = find_ready(tx, name);
    if (!type)
      return fail(type.error());
    auto rows = find_rows(tx, *type, records, scope);
    if (!rows)
      return fail(std::move(rows).error());
    records_page page{name, type->generation, {records.begin(), records.end()}, {}};
    for (const auto& row : *rows)
      if (row.outside)
        page.outside.push_back(row.record);
    std::ranges::sort(page.outside);
    page.rows = listed(*type, std::move(*rows));
    page.scope = digest_of(scope);
    return page;
  });
}

result<std::vector<resolved_record>> pg_primary_reader::resolve(const std::string& name,
                                                                std::span<const record_id> records,
                                                                const site_scope& scope) {
  return guarded("resolve records of " + name, [&]() -> result<std::vector<resolved_record>> {
    snapshot tx{*db_};
    const auto type = find_ready(tx, name);
    if (!type)
      return fail(type.error());
    const auto rows = find_rows(tx, *type, records, scope);
    if (!rows)
      return fail(rows.error());
    std::unordered_map<record_id, const looked_up*> by_record;
    for (const auto& row : *rows)
      by_record.emplace(row.record, &row);
    std::vector<resolved_record> out;
    for (const auto record : records) {
      auto& to = out.emplace_back(resolved_record{record, false, {}, {}});
      const auto found = by_record.find(record);
      if (found == by_record.end())
        continue;
      to.present = found->second->present;
      to.locator = found->second->locator;
      to.sum = found->second->sum;
    }
    return out;
  });
}

result<std::optional<std::string>> pg_primary_reader::key_at(const std::string& name,
                                                             const std::string& locator) {
  const auto place = decode_locator(locator);
  if (!place)
    return fail(place.error());
  return guarded(
      "find what lies at a locator of " + name, [&]() -> result<std::optional<std::string>> {
        snapshot tx{*db_};
        const auto type = find_ready(tx, name);
        if (!type)
          return fail(type.error());
        const auto& model = *type->declared->model;
        std::optional<std::string> key;
        const auto refusal = refused_within(tx, [&] {
          const auto columns = tx.exec(check_sql(model, model_part::locator));
          const bool bytes = columns.column_type("locator") == bytea_type;
          const auto rows = tx.exec_params(key_at_sql(model, bytes, type->declared->scanned()),
                                           bytes ? hex_text(*place) : *place);
          if (!rows.empty())
            key = rows[0]["key"].as<std::string>();
        });
        // A text that the database's encoding does not have is no row's.
        if (refusal && refusal->sqlstate != "22021" && refusal->sqlstate != "22P05")
          return fail(ec::type_waiting,
                      "records of " + name +
                          " can't be looked up by their locators now: " + refusal->message);
        return key;
      });
}

// -- where the primary stands

result<event_position> pg_primary_reader::folded_place() {
  return guarded("read the folded place", [&] {
    pqxx::nontransaction tx{*db_};
    return read_place(tx.exec1(folded_sql));
  });
}

result<event_position> pg_primary_reader::newest_place() {
  return guarded("read the log's newest place", [&] {
    pqxx::nontransaction tx{*db_};
    const auto rows = tx.exec_prepared(newest);
    return rows.empty() ? event_position{} : read_place(rows[0]);
  });
}

result<snapshot_bounds> pg_primary_reader::bounds() {
  return guarded("read the snapshot's bounds", [&] {
    pqxx::nontransaction tx{*db_};
    const auto row = tx.exec1("SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text"
                              " FROM pg_current_snapshot() s");
    return snapshot_bounds{row[0].as<std::uint64_t>(), row[1].as<std::uint64_t>()};
  });
}

result<std::string> pg_primary_reader::identity() {
  return guarded("read the database's identity", [&] {
    pqxx::nontransaction tx{*db_};
    return tx.exec1(identity_sql)[0].as<std::string>();
  });
}

result<std::optional<horizon_blocker>> pg_primary_reader::blocker(std::chrono::seconds age) {
  return guarded("look for the oldest transaction", [&]() -> std::optional<horizon_blocker> {
    pqxx::nontransaction tx{*db_};
    const auto rows = tx.exec_params(blocker_sql, static_cast<double>(age.count()));
    if (rows.empty())
      return std::nullopt;
    return horizon_blocker{rows[0]["pid"].as<std::int32_t>(),
                           std::chrono::seconds{rows[0]["age"].as<std::int64_t>()}};
  });
}

} // namespace

result<std::unique_ptr<primary_reader>> primary_reader::open(const std::string& url) {
  auto db = connect(url, "primary reader");
  if (!db)
    return fail(std::move(db).error());
  auto reader = std::make_unique<pg_primary_reader>(std::move(*db));
  if (auto ok = reader->prepare(); !ok)
    return fail(std::move(ok).error());
  return reader;
}

} // namespace farshore
