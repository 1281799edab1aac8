#include "registry/log_fold.hpp"

#include "registry/database.hpp"
#include "registry/installed_type.hpp"

#include <spdlog/spdlog.h>

namespace farshore {

namespace {

// What lies behind the cursor and is in order for ever, by type. One statement that writes nothing
// where nothing happened: it runs a hundred times a second.
constexpr auto new_events = "new_events";
constexpr auto new_events_sql = R"(
  WITH batch AS MATERIALIZED (
    SELECT xid, id, token, type_id, operation, pg_column_size(event_log.*) AS bytes
    FROM farshore.event_log
    WHERE (xid, id) > ($1::xid8, $2::bigint) AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY xid, id LIMIT $3),
  newest AS (SELECT xid, id, token FROM batch ORDER BY xid DESC, id DESC LIMIT 1)
  SELECT b.type_id, count(*) AS events, sum(b.bytes) AS bytes,
    coalesce(max(b.id) FILTER (WHERE b.operation = 4), 0) AS truncated,
    coalesce(max(b.id) FILTER (WHERE b.operation = 0), 0) AS unreadable,
    newest.xid::text AS xid, newest.id, newest.token
  FROM batch b CROSS JOIN newest
  GROUP BY b.type_id, newest.xid, newest.id, newest.token
)";

// A transaction that this server has not begun yet can't have written anything: the rows came with
// a dump of another server, whose numbers mean nothing here.
constexpr auto foreign_log_sql = R"(
  SELECT EXISTS (SELECT FROM farshore.event_log
                 WHERE xid >= pg_snapshot_xmax(pg_current_snapshot()))
    OR EXISTS (SELECT FROM farshore.log_cursor
               WHERE xid >= pg_snapshot_xmax(pg_current_snapshot()))
)";

constexpr auto start_over_sql = R"(
  DELETE FROM farshore.event_log;
  UPDATE farshore.log_cursor SET xid = '0', id = 0, token = 0;
  UPDATE farshore.site SET xid = '0', id = 0;
  UPDATE farshore.log_trim SET xid = '0', id = 0;
  DELETE FROM farshore.log_sample;
  UPDATE farshore.replicable_type SET table_oid = NULL
)";

constexpr auto move_cursor_sql = R"(
  UPDATE farshore.log_cursor SET xid = $1::xid8, id = $2, token = $3
  WHERE name = 'primary' AND xid = $4::xid8 AND id = $5
)";

// Of every type, ready or not: a reader stops before an event whose record has no number.
constexpr auto number_keys_sql = R"(
  INSERT INTO farshore.record_keys (type_id, key)
  SELECT DISTINCT e.type_id, e.key FROM farshore.event_log e
  JOIN farshore.replicable_type t ON t.type_id = e.type_id
  WHERE (e.xid, e.id) > ($1::xid8, $2::bigint) AND (e.xid, e.id) <= ($3::xid8, $4::bigint)
    AND e.key IS NOT NULL
    AND NOT EXISTS (SELECT FROM farshore.record_keys k
                    WHERE k.type_id = e.type_id AND k.key = e.key)
  ON CONFLICT DO NOTHING
)";

// A statement ran while the key's column was not what the triggers know: what it changed is not
// known, so the type must be installed anew.
constexpr auto doubt_sql = R"(
  UPDATE farshore.replicable_type SET table_oid = NULL
  WHERE type_id = $1 AND revision_floor < $2
)";

constexpr auto forget_truncated_sql =
    "DELETE FROM farshore.state WHERE type_id = $1 AND revision < $2";

// For one record the highest id wins; but what the table says now goes before what any event says:
// of two transactions, the slower one's events come later also where the other has undone them.
std::string fold_sql(const installed_type& type) {
  const std::string record = type.numbered() ? "k.record_id" : "e.record_id";
  const std::string key = type.numbered() ? "e.key" : "e.record_id";
  return "WITH winner AS (SELECT " + record + " AS record_id, " + key +
         " AS key, max(e.id) AS id, bool_or(e.operation <> 5) AS touched"
         " FROM farshore.event_log e" +
         (type.numbered()
              ? " JOIN farshore.record_keys k ON k.type_id = e.type_id AND k.key = e.key"
              : "") +
         " WHERE (e.xid, e.id) > ($1::xid8, $2::bigint)"
         " AND (e.xid, e.id) <= ($3::xid8, $4::bigint)"
         " AND e.type_id = $5::integer AND e.id > $6 AND " +
         key +
         " IS NOT NULL GROUP BY 1, 2),"
         " judged AS MATERIALIZED (SELECT w.*, EXISTS (SELECT FROM " +
         type.table + " AS m WHERE m." + type.key + " = w.key" + type.cast() +
         ") AS present FROM winner w),"
         " gone AS (DELETE FROM farshore.state s USING judged j"
         " WHERE s.type_id = $5 AND s.record_id = j.record_id AND NOT j.present),"
         " noted AS (UPDATE farshore.state s SET revision = greatest(s.revision, j.id)"
         " FROM judged j WHERE s.type_id = $5 AND s.record_id = j.record_id AND j.present"
         " AND NOT j.touched AND s.revision < j.id)"
         " INSERT INTO farshore.state AS s (type_id, record_id, revision)"
         " SELECT $5, j.record_id, j.id FROM judged j WHERE j.present AND j.touched"
         " ON CONFLICT (type_id, record_id) DO UPDATE SET"
         " revision = greatest(s.revision, excluded.revision), verification_state = 0,"
         " verification_started_at = NULL, verification_retry_at = NULL,"
         " verification_retry_count = 0, verification_checksum = NULL,"
         " verification_failure = NULL, verification_missing = false,"
         " columns_due = s.columns_due OR (SELECT verification = 'columns'"
         "  FROM farshore.replicable_type WHERE type_id = $5)";
}

} // namespace

result<void> log_fold::prepare() {
  return guarded("read the primary's cursor", [&] {
    db_.prepare(new_events, new_events_sql);
    pqxx::work tx{db_};
    if (tx.exec1(foreign_log_sql)[0].as<bool>()) {
      spdlog::warn("the event log came from another database server (a dump that was loaded): it "
                   "starts over, and every type is a new generation");
      tx.exec(start_over_sql);
    }
    const auto row = tx.exec1("SELECT xid::text AS xid, id, token FROM farshore.log_cursor"
                              " WHERE name = 'primary'");
    cursor_ = {row["xid"].as<std::uint64_t>(), row["id"].as<std::int64_t>(),
               row["token"].as<std::int32_t>()};
    tx.commit();
  });
}

result<std::size_t> log_fold::fold(std::size_t limit) {
  return guarded("fold the event log", [&]() -> result<std::size_t> {
    const auto taken = read_batch(limit);
    if (taken.events == 0)
      return std::size_t{0};
    bool moved = false;
    const auto refusal = refused([&] {
      pqxx::work tx{db_};
      // The events of other types wait behind this one.
      tx.exec0("SET LOCAL lock_timeout = '1s'");
      take(tx, taken);
      moved = tx.exec_params(move_cursor_sql, std::to_string(taken.upto.xid), taken.upto.id,
                             taken.upto.token, std::to_string(cursor_.xid), cursor_.id)
                  .affected_rows() == 1;
      if (moved)
        tx.commit();
    });
    if (refusal) {
      if (!refusal->locked() && refusal->message != trouble_)
        spdlog::warn("the event log can't be folded into the state table, tried again: {}",
                     refusal->message);
      trouble_ = refusal->message;
      return std::size_t{0};
    }
    if (!moved)
      return fail(ec::database_rejected,
                  "the primary's place in the event log was moved by somebody else: another node "
                  "works on this database; several nodes of one site are not supported yet");
    trouble_.clear();
    cursor_ = taken.upto;
    const auto events = static_cast<std::int64_t>(taken.events);
    weight_ += {events, taken.bytes + events * event_overhead_bytes};
    return taken.events;
  });
}

log_fold::batch log_fold::read_batch(std::size_t limit) {
  batch out;
  pqxx::nontransaction tx{db_};
  for (const auto& row :
       tx.exec_prepared(new_events, std::to_string(cursor_.xid), cursor_.id, limit)) {
    out.upto = {row["xid"].as<std::uint64_t>(), row["id"].as<std::int64_t>(),
                row["token"].as<std::int32_t>()};
    out.events += row["events"].as<std::size_t>();
    out.bytes += row["bytes"].as<std::int64_t>();
    out.parts.push_back({row["type_id"].as<std::int32_t>(), row["truncated"].as<std::int64_t>(),
                         row["unreadable"].as<std::int64_t>()});
  }
  return out;
}

void log_fold::take(pqxx::work& tx, const batch& taken) {
  const auto from_xid = std::to_string(cursor_.xid);
  const auto upto_xid = std::to_string(taken.upto.xid);
  tx.exec_params(number_keys_sql, from_xid, cursor_.id, upto_xid, taken.upto.id);
  for (const auto& part : taken.parts) {
    if (part.unreadable > 0)
      tx.exec_params(doubt_sql, part.type_id, part.unreadable);
    // Not in place (any more): what is missed now is found when it is installed again.
    const auto found =
        tx.exec_params(std::string{installed_types_sql} + "WHERE t.type_id = $1", part.type_id);
    if (found.empty())
      continue;
    if (part.truncated > 0)
      tx.exec_params(forget_truncated_sql, part.type_id, part.truncated);
    tx.exec_params(fold_sql(read_installed(found[0])), from_xid, cursor_.id, upto_xid,
                   taken.upto.id, part.type_id, part.truncated);
  }
}

} // namespace farshore
