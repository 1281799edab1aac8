#include "net/api_json.hpp"

#include "config/version.hpp"

#include <algorithm>
#include <optional>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace farshore {

namespace json = boost::json;

namespace {

json::value time_or_null(const std::optional<wall_time>& t) {
  return t ? json::value(to_rfc3339(*t)) : json::value(nullptr);
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

/// Never 100 before the last one is there.
double percentage(std::int64_t part, std::int64_t whole) {
  if (whole == 0 || part >= whole)
    return 100.0;
  return std::min(99.99, 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

/// One word for how the store is: what was noticed stays until all is looked at again.
std::string store_state(const secondary_status::type_line& line) {
  switch (line.store.now) {
  case store_view::condition::opening:
    return "opening";
  case store_view::condition::away:
    return "away";
  case store_view::condition::good:
    break;
  }
  const bool looked_at = line.registry.counts.never_synced == 0;
  return looked_at || line.store.known.noticed.empty() ? "good" : line.store.known.noticed;
}

/// What was noticed, and what is done about it.
std::string notice_of(const secondary_status::type_line& line) {
  const auto& known = line.store.known;
  return "the store " + known.path + " " + std::string{sentence(verdict_of(known.noticed))} +
         (known.noticed_at ? " at " + to_rfc3339(*known.noticed_at) : "") +
         "; its records are looked at again, " + std::to_string(line.registry.counts.never_synced) +
         " are left";
}

json::value store_json(const secondary_status::type_line& line) {
  const auto& known = line.store.known;
  return {
      {"path", line.declared.store.string()},
      {"identity", text_or_null(known.mark.id)},
      {"state", line.declared.enabled ? json::value(store_state(line)) : nullptr},
      {"noticed", text_or_null(known.noticed)},
      {"noticed_at", time_or_null(known.noticed_at)},
  };
}

json::object type_json(const secondary_status::type_line& line, bool starting) {
  const auto& counts = line.registry.counts;
  return {
      {"name", line.declared.name},
      {"plural", line.declared.plural},
      {"enabled", line.declared.enabled},
      {"paused", line.registry.paused},
      {"waiting", line.waiting.empty() && starting ? json::value("the primary was not reached yet")
                                                   : text_or_null(line.waiting)},
      {"generation", line.backfill.generation},
      {"backfill_complete", line.backfill.complete},
      {"registry_count", counts.registry},
      {"pending_count", counts.pending},
      {"started_count", counts.started},
      {"synced_count", counts.synced},
      {"failed_count", counts.failed},
      {"missing_on_primary_count", counts.missing_on_primary},
      {"removing_count", counts.removing},
      {"never_synced_count", counts.never_synced},
      {"synced_in_percentage", percentage(counts.synced, counts.registry)},
      {"in_flight", line.totals.in_flight},
      {"recovery_point", time_or_null(line.registry.recovery_point)},
      {"store", store_json(line)},
  };
}

/// The oldest of the enabled types' recovery points; nothing while one of them has none.
std::optional<wall_time> site_recovery_point(const secondary_status& status) {
  std::optional<wall_time> oldest;
  for (const auto& line : status.types) {
    if (!line.declared.enabled)
      continue;
    if (!line.registry.recovery_point)
      return std::nullopt;
    if (!oldest || *line.registry.recovery_point < *oldest)
      oldest = line.registry.recovery_point;
  }
  return oldest;
}

json::array problems_of(const secondary_status& status) {
  json::array problems;
  if (!status.log.reachable && !status.log.trouble.empty())
    problems.emplace_back("primary: " + status.log.trouble);
  if (status.log.blocker)
    problems.emplace_back("a transaction on the primary (pid " +
                          std::to_string(status.log.blocker->pid) + ") has been open for " +
                          std::to_string(status.log.blocker->age.count()) +
                          " s and holds back everything committed since");
  for (const auto& line : status.types) {
    const auto& counts = line.registry.counts;
    if (line.declared.enabled && !line.waiting.empty())
      problems.emplace_back(line.declared.name + ": " + line.waiting);
    if (const auto state = store_state(line);
        line.declared.enabled && state != "good" && state == line.store.known.noticed)
      problems.emplace_back(line.declared.name + ": " + notice_of(line));
    if (const auto failing = counts.failed - counts.missing_on_primary; failing > 0)
      problems.emplace_back(line.declared.name + ": " + std::to_string(failing) +
                            " records can't be synced; see farshore list " + line.declared.name +
                            " --state failed");
    if (counts.missing_on_primary > 0)
      problems.emplace_back(line.declared.name + ": " + std::to_string(counts.missing_on_primary) +
                            " records are missing on the primary");
  }
  return problems;
}

} // namespace

json::value to_json(const secondary_status& status, const config& settings, wall_time now) {
  const auto& log = status.log;
  const bool starting = !log.last_contact && log.trouble.empty();
  json::array types;
  transfer_totals totals;
  for (const auto& line : status.types) {
    types.emplace_back(type_json(line, starting));
    totals.in_flight += line.totals.in_flight;
    totals.records += line.totals.records;
    totals.bytes += line.totals.bytes;
    totals.adopted += line.totals.adopted;
  }
  auto problems = problems_of(status);
  json::value blocker = nullptr;
  if (log.blocker)
    blocker = {{"pid", log.blocker->pid}, {"age_seconds", log.blocker->age.count()}};
  return {
      {"site", settings.site_name},
      {"role", "secondary"},
      {"version", program_version()},
      {"time", to_rfc3339(now)},
      {"health", starting           ? "starting"
                 : problems.empty() ? "ok"
                                    : "degraded"},
      {"problems", std::move(problems)},
      {"primary",
       {{"url", settings.primary_url},
        {"reachable", log.reachable},
        {"identity", text_or_null(log.cursor.identity)},
        {"last_contact", time_or_null(log.last_contact)},
        {"error", text_or_null(log.trouble)}}},
      {"epoch", log.cursor.epoch},
      {"log",
       {{"xid", log.cursor.place.xid},
        {"id", log.cursor.place.id},
        {"covered_xid", log.cursor.covered_xid},
        {"horizon", time_or_null(log.cursor.horizon)},
        {"blocker", std::move(blocker)}}},
      {"recovery_point", time_or_null(site_recovery_point(status))},
      {"capacity", {{"total", settings.capacity}, {"in_flight", totals.in_flight}}},
      {"transferred",
       {{"records", totals.records}, {"bytes", totals.bytes}, {"adopted", totals.adopted}}},
      {"types", std::move(types)},
  };
}

json::value to_json(const primary_status& status, const config& settings, std::string_view identity,
                    wall_time now) {
  json::array types;
  json::array problems;
  for (const auto& declared : settings.types) {
    type_status stands;
    for (const auto& one : status.types)
      if (one.name == declared.name)
        stands = one;
    primary_counts counts;
    for (const auto& one : status.counts)
      if (one.type == declared.name)
        counts = one;
    if (declared.enabled && !stands.waiting.empty())
      problems.emplace_back(declared.name + ": " + stands.waiting);
    types.emplace_back(json::object{
        {"name", declared.name},
        {"plural", declared.plural},
        {"enabled", declared.enabled},
        {"waiting", text_or_null(stands.waiting)},
        {"generation", stands.generation},
        {"count", counts.records},
        {"checksummed_count", counts.checksummed},
        {"checksum_failed_count", counts.checksum_failed},
    });
  }
  return {
      {"site", settings.site_name},
      {"role", "primary"},
      {"version", program_version()},
      {"time", to_rfc3339(now)},
      {"health", problems.empty() ? "ok" : "degraded"},
      {"problems", std::move(problems)},
      {"identity", identity},
      {"log", {{"fold_lag_events", status.fold_lag}}},
      {"types", std::move(types)},
  };
}

json::value to_json(const std::vector<registry_row>& rows, std::size_t limit) {
  json::array records;
  for (const auto& row : rows)
    records.emplace_back(json::object{
        {"record_id", row.record},
        {"key", row.key},
        {"locator", row.locator},
        {"state", to_string(row.state)},
        {"target_revision", row.target_revision},
        {"synced_revision", row.synced_revision ? json::value(*row.synced_revision) : nullptr},
        {"wanted", row.wanted},
        {"missing_on_primary", row.missing_on_primary},
        {"retry_count", row.retry_count},
        {"retry_at", time_or_null(row.retry_at)},
        {"last_sync_failure", text_or_null(row.last_sync_failure)},
        {"last_synced_at", time_or_null(row.last_synced_at)},
        {"checksum", row.sum ? json::value(to_hex(*row.sum)) : nullptr},
        {"size", row.size ? json::value(*row.size) : nullptr},
    });
  const bool more = rows.size() == limit && !rows.empty();
  return {{"records", std::move(records)},
          {"next", more ? json::value(rows.back().record) : nullptr}};
}

} // namespace farshore
