#include "registry/checksum_table.hpp"

#include "registry/checksum_rules.hpp"
#include "registry/database.hpp"
#include "registry/installed_type.hpp"
#include "registry/row_rules.hpp"

#include <algorithm>
#include <optional>

namespace farshore {

namespace {

constexpr std::size_t failure_characters_max = 255;
/// A row that the application held when its checksum was to be told.
constexpr int held_row_pause_ms = 1000;

constexpr auto release_others = "release_checksums";
constexpr auto release_others_sql = R"(
  UPDATE farshore.state SET verification_state = 0, verification_started_at = NULL
  WHERE type_id = (SELECT type_id FROM farshore.replicable_type WHERE name = $1)
    AND verification_state = 1 AND record_id <> ALL ($2::bigint[])
)";

// By their places in the table: nobody else writes to it, and the planner, who takes a growing
// table for a small one, has no other idea.
//
// The newest go before the oldest, or a change of now would wait behind a million old records; each
// kind has its share, so that none waits for ever.
constexpr auto claim_due = "claim_checksums";
constexpr auto claim_due_sql = R"(
  WITH newest AS MATERIALIZED (
    SELECT ctid AS place FROM farshore.state
    WHERE type_id = $1 AND verification_state = 0 AND verification_retry_at IS NULL
    ORDER BY revision DESC, record_id DESC LIMIT $2 FOR UPDATE SKIP LOCKED),
  oldest AS MATERIALIZED (
    SELECT ctid AS place FROM farshore.state
    WHERE type_id = $1 AND verification_state = 0 AND verification_retry_at IS NULL
    ORDER BY revision, record_id LIMIT $2 FOR UPDATE SKIP LOCKED),
  retried AS MATERIALIZED (
    SELECT ctid AS place FROM farshore.state
    WHERE type_id = $1 AND verification_state IN (0, 3) AND verification_retry_at <= now()
    ORDER BY verification_retry_at LIMIT $3 FOR UPDATE SKIP LOCKED),
  due AS MATERIALIZED (
    SELECT place FROM newest UNION SELECT place FROM oldest UNION SELECT place FROM retried)
  UPDATE farshore.state s SET verification_state = 1, verification_started_at = now()
  FROM due WHERE s.ctid = due.place
  RETURNING s.record_id, s.revision, s.verification_started_at::text AS started,
    s.verification_retry_count AS retry_count
)";

constexpr auto claim_again = "claim_checksums_again";
constexpr auto claim_again_sql = R"(
  SELECT record_id, revision, verification_retry_at::text AS started FROM farshore.state
  WHERE type_id = $1 AND verification_state = 2
    AND verification_retry_at <= CASE WHEN $4 THEN now() ELSE 'epoch'::timestamptz END
    AND record_id <> ALL ($2::bigint[])
  ORDER BY verification_retry_at LIMIT $3
)";

/// `$1` the type's number, `$2` … `$10` the results, `$11` whether the model has columns for them.
std::string finish_sql(const installed_type& type) {
  const std::string key = type.numbered() ? "k.key" : "g.record_id";
  const std::string keys =
      type.numbered() ? " CROSS JOIN LATERAL (SELECT r.key FROM farshore.record_keys r"
                        "  WHERE r.type_id = $1 AND r.record_id = g.record_id LIMIT 1) AS k"
                      : "";
  return "WITH given AS MATERIALIZED (SELECT * FROM unnest($2::bigint[], $3::bigint[],"
         "  $4::smallint[], $5::text[], $6::smallint[], $7::text[], $8::text[], $9::boolean[],"
         "  $10::bigint[]) AS g(record_id, revision, was, started, becomes, sum, failure, missing,"
         "  next_ms)),"
         " standing AS MATERIALIZED (SELECT s.place, g.record_id, g.becomes, decode(g.sum, 'hex') "
         "AS sum,"
         "  g.failure, g.missing, g.next_ms, " +
         key +
         " AS key, g.becomes = 2 AND s.verification_checksum IS DISTINCT FROM"
         "  decode(g.sum, 'hex') AS is_new FROM given g" +
         keys +
         " CROSS JOIN LATERAL (SELECT s.ctid AS place, s.verification_checksum"
         "  FROM farshore.state s"
         "  WHERE s.type_id = $1 AND s.record_id = g.record_id AND s.revision = g.revision"
         "  AND s.verification_state = g.was AND CASE g.was WHEN 1 THEN"
         "  s.verification_started_at ELSE s.verification_retry_at END = g.started::timestamptz"
         "  LIMIT 1) AS s),"
         " judged AS MATERIALIZED (SELECT n.*, n.is_new AND l.ok IS NULL AS blocked,"
         "  CASE WHEN n.is_new AND l.ok THEN nextval('farshore.event_id') END AS event_id"
         "  FROM standing n LEFT JOIN LATERAL (SELECT true AS ok FROM " +
         type.table + " AS m WHERE n.is_new AND m." + type.key + " = n.key" + type.cast() +
         " LIMIT 1 FOR SHARE SKIP LOCKED) AS l ON true),"
         " told AS (INSERT INTO farshore.event_log (id, type_id, operation, " +
         std::string{type.numbered() ? "key" : "record_id"} +
         ") SELECT j.event_id, $1, 5, j.key FROM judged j WHERE j.event_id IS NOT NULL)"
         " UPDATE farshore.state s SET"
         "  revision = coalesce(j.event_id, s.revision),"
         "  verification_state = CASE WHEN j.blocked THEN 0 ELSE j.becomes END,"
         "  verification_retry_count = CASE WHEN j.blocked THEN s.verification_retry_count"
         "   WHEN j.becomes = 3 THEN least(s.verification_retry_count + 1, 32000)"
         "   WHEN j.becomes = 0 THEN s.verification_retry_count ELSE 0 END,"
         "  verification_started_at = NULL,"
         "  verification_retry_at = CASE WHEN j.becomes = 4 THEN NULL ELSE now() +"
         "   interval '1 millisecond' * CASE WHEN j.blocked THEN " +
         std::to_string(held_row_pause_ms) +
         " ELSE j.next_ms END END,"
         "  verified_at = CASE WHEN j.becomes = 2 AND NOT j.blocked THEN now()"
         "   ELSE s.verified_at END,"
         "  verification_checksum = CASE WHEN j.becomes = 4 THEN NULL"
         "   WHEN j.becomes = 2 AND NOT j.blocked THEN j.sum ELSE s.verification_checksum END,"
         "  verification_failure = CASE WHEN j.becomes = 3 THEN j.failure END,"
         "  verification_missing = j.becomes = 3 AND j.missing,"
         "  columns_due = s.columns_due OR $11"
         " FROM judged j WHERE s.ctid = j.place";
}

/// At most so many characters of UTF-8, by leaving away the middle: the end says what to do.
std::string shortened(const std::string& given) {
  const auto text = clean_text(given, 3 * given.size());
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80)
      starts.push_back(i);
  if (starts.size() <= failure_characters_max)
    return text;
  const auto head = failure_characters_max / 2;
  const auto tail = failure_characters_max - head - 1;
  return text.substr(0, starts[head]) + "…" + text.substr(starts[starts.size() - tail]);
}

/// The results as arrays, in the order of finish_sql's parameters.
struct result_columns {
  std::vector<record_id> records;
  std::vector<revision> revisions;
  std::vector<int> were;
  std::vector<std::string> started;
  std::vector<int> become;
  std::vector<std::string> sums;
  std::vector<std::string> failures;
  std::vector<int> missing;
  std::vector<std::int64_t> next_ms;

  explicit result_columns(std::span<const checksum_result> results) {
    for (const auto& one : results) {
      const auto was = one.of.again ? verification_state::succeeded : verification_state::started;
      records.push_back(one.of.record);
      revisions.push_back(one.of.rev);
      were.push_back(static_cast<int>(was));
      started.push_back(one.of.started);
      become.push_back(static_cast<int>(next_state(was, message_of(one.how))));
      sums.push_back(one.how == checksum_result::kind::succeeded ? to_hex(one.sum) : "");
      failures.push_back(shortened(one.failure));
      missing.push_back(one.how == checksum_result::kind::missing ? 1 : 0);
      next_ms.push_back(one.next.count());
    }
  }
};

std::optional<installed_type> find_installed_type(pqxx::dbtransaction& tx,
                                                  const std::string& name) {
  const auto rows = tx.exec_params(std::string{installed_types_sql} + "WHERE t.name = $1", name);
  if (rows.empty())
    return std::nullopt;
  return read_installed(rows[0]);
}

} // namespace

result<void> checksum_table::prepare() {
  return guarded("prepare verification", [&] {
    db_.prepare(claim_due, claim_due_sql);
    db_.prepare(claim_again, claim_again_sql);
    db_.prepare(release_others, release_others_sql);
  });
}

result<std::vector<checksum_claim>> checksum_table::claim(const checksum_request& asked) {
  return guarded("claim records to verify", [&] {
    std::vector<checksum_claim> out;
    pqxx::work tx{db_};
    const auto type = find_installed_type(tx, asked.type);
    if (!type)
      return out;
    const auto share = std::max<std::size_t>(asked.limit * 2 / 5, 1);
    for (const auto& row : tx.exec_prepared(claim_due, type->type_id, share,
                                            std::max<std::size_t>(asked.limit / 5, 1)))
      out.push_back({row["record_id"].as<record_id>(), row["revision"].as<revision>(), false,
                     row["started"].as<std::string>(), row["retry_count"].as<int>()});
    // Those that somebody waits for (mark_some_sql) have a share; the others come only where next
    // to nothing else is due.
    const auto few = std::max<std::size_t>(asked.limit / 10, 1);
    const bool idle = out.size() < few;
    for (const auto& row : tx.exec_prepared(claim_again, type->type_id, array_literal(asked.held),
                                            idle ? asked.limit - out.size() : few, idle))
      out.push_back({row["record_id"].as<record_id>(), row["revision"].as<revision>(), true,
                     row["started"].as<std::string>(), 0});
    tx.commit();
    return out;
  });
}

result<std::size_t> checksum_table::finish(const checksum_report& report) {
  return guarded("record checksums", [&]() -> result<std::size_t> {
    const result_columns columns{report.results};
    std::size_t counted = 0;
    const auto refusal = refused([&] {
      pqxx::work tx{db_};
      tx.exec0("SET LOCAL lock_timeout = '100ms'");
      const auto type = find_installed_type(tx, report.type);
      if (!type)
        return;
      const bool mirrored =
          tx.exec_params1("SELECT verification = 'columns' FROM farshore.replicable_type"
                          " WHERE type_id = $1",
                          type->type_id)[0]
              .as<bool>();
      counted =
          tx.exec_params(finish_sql(*type), type->type_id, array_literal(columns.records),
                         array_literal(columns.revisions), array_literal(columns.were),
                         text_array_literal(columns.started), array_literal(columns.become),
                         text_array_literal(columns.sums), text_array_literal(columns.failures),
                         array_literal(columns.missing), array_literal(columns.next_ms), mirrored)
              .affected_rows();
      tx.commit();
    });
    if (refusal && refusal->passing())
      return fail(ec::overloaded,
                  "checksums of " + report.type + " are recorded later: " + refusal->message);
    if (refusal)
      return fail(ec::type_waiting,
                  "checksums of " + report.type + " can't be recorded: " + refusal->message);
    return counted;
  });
}

result<void> checksum_table::release(const checksum_release& what) {
  return guarded("release records", [&] {
    pqxx::work tx{db_};
    tx.exec_prepared0(release_others, what.type, array_literal(what.held));
    tx.commit();
  });
}

} // namespace farshore
