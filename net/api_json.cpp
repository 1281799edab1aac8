#include "net/api_json.hpp"

#include "config/locator.hpp"
#include "config/values.hpp"
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

json::value checksum_or_null(const std::optional<checksum>& sum) {
  return sum ? json::value(to_hex(*sum)) : json::value(nullptr);
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

json::object check_json(const backfill_state& walk) {
  return {
      {"stage", to_string(walk.stage)},
      {"seen", walk.seen},
      {"missing", walk.found_missing},
      {"gone", walk.found_gone},
      {"held", walk.held},
      {"ended_at", time_or_null(walk.ended_at)},
  };
}

/// The fields by which the reference system calls what a type has, at the top of the document. What
/// is not known at this site is null.
struct reference_counts {
  std::optional<std::int64_t> records = {};
  std::optional<std::int64_t> checksummed = {};
  std::optional<std::int64_t> checksum_failed = {};
  std::optional<std::int64_t> checksum_total = {};
  std::optional<registry_counts> registry = {};
  std::optional<wall_time> oldest_unsynced = {};
};
void add_reference_fields(json::object& to, const std::string& plural,
                          const reference_counts& counts) {
  const auto add = [&](const char* name, json::value value) {
    to[plural + "_" + name] = std::move(value);
  };
  const auto number = [](const std::optional<std::int64_t>& n) {
    return n ? json::value(*n) : json::value(nullptr);
  };
  const auto& here = counts.registry;
  const auto of_registry = [&](std::int64_t registry_counts::*count) {
    return here ? json::value((*here).*count) : json::value(nullptr);
  };
  add("count", number(counts.records));
  add("checksum_total_count", number(counts.checksum_total));
  add("checksummed_count", number(counts.checksummed));
  add("checksum_failed_count", number(counts.checksum_failed));
  add("registry_count", of_registry(&registry_counts::registry));
  add("synced_count", of_registry(&registry_counts::synced));
  add("failed_count", of_registry(&registry_counts::failed));
  add("verified_count", of_registry(&registry_counts::verified));
  add("verification_failed_count", of_registry(&registry_counts::verification_failed));
  add("synced_in_percentage",
      here ? json::value(percentage(here->synced, here->registry)) : json::value(nullptr));
  add("verified_in_percentage",
      here ? json::value(percentage(here->verified, here->registry)) : json::value(nullptr));
  add("oldest_unsynced_time", time_or_null(counts.oldest_unsynced));
}

reference_counts reference_of(const secondary_status::type_line& line) {
  reference_counts out;
  out.registry = line.registry.counts;
  out.records = out.registry->registry - out.registry->removing;
  // Everything committed before the recovery point is here: what is not was made at it, or later.
  if (out.registry->synced < out.registry->registry)
    out.oldest_unsynced = line.registry.recovery_point;
  return out;
}

reference_counts reference_of(const primary_counts& counts) {
  return {counts.records,
          counts.checksummed,
          counts.checksum_failed,
          counts.records - counts.disabled,
          {},
          {}};
}

/// What a check holds back, and what to do.
std::string held_back(const std::string& type, const backfill_state& walk, std::int64_t rows) {
  return type + ": check: " + std::to_string(walk.held) + " of " + std::to_string(rows) +
         " records are gone from the primary although no delete was seen, or not for this site and "
         "none would be left; that many are not removed without your word: farshore approve " +
         type + ", or farshore recheck " + type + " to look again";
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

/// What the primary has of the type and this site does not want: its records, as it last told, less
/// the wanted ones here. Null until all that is wanted is known.
json::value out_of_scope(const secondary_status::type_line& line, const cursor_status& log) {
  const auto there = std::ranges::find(log.primary_types, line.declared.name, &type_status::name);
  if (there == log.primary_types.end() || !there->records || !line.registry.walk.complete)
    return nullptr;
  const auto& counts = line.registry.counts;
  return std::max<std::int64_t>(*there->records - (counts.registry - counts.removing), 0);
}

json::object type_json(const secondary_status::type_line& line, const cursor_status& log,
                       bool starting) {
  const auto& counts = line.registry.counts;
  return {
      {"name", line.declared.name},
      {"plural", line.declared.plural},
      {"enabled", line.declared.enabled},
      {"paused", line.registry.paused},
      {"waiting", line.waiting.empty() && starting ? json::value("the primary was not reached yet")
                                                   : text_or_null(line.waiting)},
      {"generation", line.registry.walk.generation},
      {"backfill_complete", line.registry.walk.complete},
      {"check", check_json(line.registry.walk)},
      {"registry_count", counts.registry},
      {"pending_count", counts.pending},
      {"started_count", counts.started},
      {"synced_count", counts.synced},
      {"failed_count", counts.failed},
      {"missing_on_primary_count", counts.missing_on_primary},
      {"removing_count", counts.removing},
      {"never_synced_count", counts.never_synced},
      {"out_of_scope_count", out_of_scope(line, log)},
      {"synced_in_percentage", percentage(counts.synced, counts.registry)},
      {"verified_count", counts.verified},
      {"verification_pending_count", counts.verification_pending},
      {"marked_count", counts.marked},
      {"verification_failed_count", counts.verification_failed},
      {"verification_disabled_count", counts.verification_disabled},
      {"verified_in_percentage", percentage(counts.verified, counts.registry)},
      {"marking", line.registry.marking},
      {"reverifying", line.registry.reverifying},
      {"in_flight", line.totals.in_flight},
      {"short_of_space", text_or_null(line.totals.short_of_space)},
      {"recovery_point", time_or_null(line.registry.recovery_point)},
      {"verified_recovery_point", time_or_null(line.registry.verified_point)},
      {"store", store_json(line)},
  };
}

/// The oldest of the enabled types' points; nothing while one of them has none.
std::optional<wall_time> site_point(const secondary_status& status,
                                    std::optional<wall_time> registry_type_status::*point) {
  std::optional<wall_time> oldest;
  for (const auto& line : status.types) {
    if (!line.declared.enabled)
      continue;
    const auto& own = line.registry.*point;
    if (!own)
      return std::nullopt;
    if (!oldest || *own < *oldest)
      oldest = own;
  }
  return oldest;
}

json::array problems_of(const secondary_status& status) {
  json::array problems;
  if (!status.log.reachable && !status.log.trouble.empty())
    problems.emplace_back("primary: " + status.log.trouble);
  if (!status.log.gap.empty())
    problems.emplace_back(status.log.gap + "; every record is being compared with its catalogue");
  if (status.log.blocker)
    problems.emplace_back("a transaction on the primary (pid " +
                          std::to_string(status.log.blocker->pid) + ") has been open for " +
                          std::to_string(status.log.blocker->age.count()) +
                          " s and holds back everything committed since");
  for (const auto& line : status.types) {
    const auto& counts = line.registry.counts;
    if (line.declared.enabled && !line.waiting.empty())
      problems.emplace_back(line.declared.name + ": " + line.waiting);
    if (!line.totals.short_of_space.empty())
      problems.emplace_back(line.declared.name + ": " + line.totals.short_of_space);
    if (const auto state = store_state(line);
        line.declared.enabled && state != "good" && state == line.store.known.noticed)
      problems.emplace_back(line.declared.name + ": " + notice_of(line));
    if (const auto failing = counts.failed - counts.missing_on_primary; failing > 0)
      problems.emplace_back(line.declared.name + ": " + std::to_string(failing) +
                            " records can't be synced; see farshore list " + line.declared.name +
                            " --state failed");
    if (counts.verification_failed > 0)
      problems.emplace_back(line.declared.name + ": " + std::to_string(counts.verification_failed) +
                            " records were found damaged here, and are fetched again; see farshore "
                            "list " +
                            line.declared.name + " --verification failed");
    if (line.registry.walk.held > 0)
      problems.emplace_back(held_back(line.declared.name, line.registry.walk, counts.registry));
    if (counts.missing_on_primary > 0)
      problems.emplace_back(line.declared.name + ": " + std::to_string(counts.missing_on_primary) +
                            " records are missing on the primary");
  }
  return problems;
}

json::object site_json(const site_standing& site) {
  return {
      {"site", site.last.name},
      {"last_seen", to_rfc3339(site.last.seen)},
      {"first_seen", to_rfc3339(site.first_seen)},
      {"cut_off", site.cut_off},
      {"lag_events", site.cut_off ? json::value(nullptr) : json::value(site.lag_events)},
      {"lag_seconds", site.lag && !site.cut_off
                          ? json::value(static_cast<double>(site.lag->count()) / 1000)
                          : json::value(nullptr)},
      {"held_bytes", site.cut_off ? 0 : site.held_bytes},
      {"holds_log", site.slowest},
      {"version", text_or_null(site.last.program)},
      {"wire", site.last.wire},
      {"address", site.last.address},
      {"cursor_xid", site.last.place.xid},
      {"cursor_id", site.last.place.id},
  };
}

/// Once the slowest site keeps half of what the log may hold.
std::optional<std::string> retention_alarm(const primary_status& status) {
  const auto found = std::ranges::find_if(status.sites, &site_standing::slowest);
  if (found == status.sites.end())
    return std::nullopt;
  const auto age = found->lag.value_or(std::chrono::milliseconds{0});
  const auto& keep = status.retention;
  const auto bytes = static_cast<std::uint64_t>(found->held_bytes);
  if (age < keep.age / 2 && bytes < keep.bytes / 2)
    return std::nullopt;
  const auto whole = [](std::chrono::milliseconds time) {
    return show_duration(std::chrono::floor<std::chrono::seconds>(time));
  };
  return "site " + found->last.name + " has not read events of " + whole(age) + ", " +
         std::to_string(bytes / 1'000'000) +
         " MB of them: it is cut off when they reach [events] retention (" +
         show_duration(keep.age) + ", in " +
         whole(std::max(keep.age - age, std::chrono::milliseconds{0})) + ") or retention_bytes (" +
         show_bytes(keep.bytes) +
         "), and compares all records when it comes back; see to it, or where it is no more: "
         "farshore site forget " +
         found->last.name;
}

void add_problems(json::array& problems, const scan_report& scan) {
  const auto add = [&](const std::string& what) { problems.emplace_back(scan.type + ": " + what); };
  if (!scan.trouble.empty())
    add(scan.trouble);
  if (scan.held > 0)
    add("of " + std::to_string(scan.held_of) + " files " + std::to_string(scan.held) +
        " are gone at once, and are not taken for deleted: bring them back, or run farshore "
        "approve " +
        scan.type);
  if (scan.closed > 0)
    add(std::to_string(scan.closed) +
        " folders can't be looked into, and what is known of them "
        "stays as it is; the first: " +
        scan.first_closed);
}

/// Faults in the primary's own data are to show before a failover does.
void add_verification_problems(json::array& problems, const std::string& type,
                               const primary_counts& counts) {
  if (!counts.columns_trouble.empty())
    problems.emplace_back(type + ": " + counts.columns_trouble);
  const auto see = "; see farshore list " + type + " --verification failed";
  if (counts.missing > 0)
    problems.emplace_back(type + ": " + std::to_string(counts.missing) +
                          " records have no file where their row says" + see);
  if (const auto unreadable = counts.checksum_failed - counts.missing; unreadable > 0)
    problems.emplace_back(type + ": " + std::to_string(unreadable) + " records can't be read" +
                          see);
}

/// Null before the first report.
json::value scan_json(const scan_report* scan) {
  if (scan == nullptr)
    return nullptr;
  return {
      {"watch", scan->not_watched.empty() ? "on" : "off"},
      {"not_watched", text_or_null(scan->not_watched)},
      {"last_scan", time_or_null(scan->scanned_at)},
      {"last_scan_ms", scan->took.count()},
      {"files", scan->files},
      {"held_removals_count", scan->held},
      {"closed_folders_count", scan->closed},
  };
}

} // namespace

json::value to_json(const secondary_status& status, const config& settings,
                    const bandwidth_use& bandwidth, wall_time now) {
  const auto& log = status.log;
  const bool starting = !log.last_contact && log.trouble.empty();
  json::array types;
  transfer_totals totals;
  for (const auto& line : status.types) {
    types.emplace_back(type_json(line, log, starting));
    totals.in_flight += line.totals.in_flight;
    totals.records += line.totals.records;
    totals.bytes += line.totals.bytes;
    totals.adopted += line.totals.adopted;
  }
  auto problems = problems_of(status);
  json::value blocker = nullptr;
  if (log.blocker)
    blocker = {{"pid", log.blocker->pid}, {"age_seconds", log.blocker->age.count()}};
  json::object out{
      {"recovery_point", time_or_null(site_point(status, &registry_type_status::recovery_point))},
      {"verified_recovery_point",
       time_or_null(site_point(status, &registry_type_status::verified_point))},
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
        {"gap", text_or_null(log.gap)},
        {"blocker", std::move(blocker)}}},
      {"capacity", {{"total", settings.capacity}, {"in_flight", totals.in_flight}}},
      {"bandwidth",
       {{"cap", bandwidth.cap == 0 ? json::value(nullptr) : json::value(bandwidth.cap)},
        {"rate", bandwidth.rate}}},
      {"transferred",
       {{"records", totals.records}, {"bytes", totals.bytes}, {"adopted", totals.adopted}}},
      {"types", std::move(types)},
  };
  for (const auto& line : status.types)
    add_reference_fields(out, line.declared.plural, reference_of(line));
  return out;
}

json::value to_json(const primary_status& status, const config& settings, std::string_view identity,
                    wall_time now) {
  json::array types;
  json::array problems;
  json::object reference;
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
    json::object type{
        {"name", declared.name},
        {"plural", declared.plural},
        {"enabled", declared.enabled},
        {"waiting", text_or_null(stands.waiting)},
        {"generation", stands.generation},
        {"count", counts.records},
        {"checksummed_count", counts.checksummed},
        {"checksum_failed_count", counts.checksum_failed},
        {"checksum_missing_count", counts.missing},
        {"checksum_pending_count", counts.pending},
        {"checksum_disabled_count", counts.disabled},
        {"verification", to_string(declared.verification)},
        {"verify_only", declared.verify_only},
    };
    add_verification_problems(problems, declared.name, counts);
    add_reference_fields(reference, declared.plural, reference_of(counts));
    if (declared.scanned()) {
      const auto scan = std::ranges::find(status.scans, declared.name, &scan_report::type);
      const auto* report = scan == status.scans.end() ? nullptr : &*scan;
      type["scan"] = scan_json(report);
      type["unsupported_count"] = report ? report->unsupported : 0;
      if (report)
        add_problems(problems, *report);
    }
    types.emplace_back(std::move(type));
  }
  for (const auto& one : status.checksum_troubles)
    problems.emplace_back(one.type + ": " + one.what);
  if (auto alarm = retention_alarm(status))
    problems.emplace_back(std::move(*alarm));
  json::object out{
      {"site", settings.site_name},
      {"role", "primary"},
      {"version", program_version()},
      {"time", to_rfc3339(now)},
      {"health", problems.empty() ? "ok" : "degraded"},
      {"problems", std::move(problems)},
      {"identity", identity},
      {"log", {{"fold_lag_events", status.fold_lag}}},
      {"sites", to_json(status.sites)},
      {"types", std::move(types)},
  };
  for (auto& [name, value] : reference)
    out[name] = std::move(value);
  return out;
}

json::value to_json(const std::vector<site_standing>& sites) {
  json::array out;
  for (const auto& one : sites)
    out.emplace_back(site_json(one));
  return out;
}

json::value to_json(const std::vector<unsupported_file>& files) {
  json::array listed;
  for (const auto& file : files)
    listed.emplace_back(json::object{{"locator", encode_locator(file.path)}, {"what", file.what}});
  return {{"unsupported", std::move(listed)}};
}

namespace {

json::object record_json(const checksum_row& row) {
  return {
      {"record_id", row.record},
      {"key", row.key},
      {"revision", row.rev},
      {"verification_state", to_string(row.state)},
      {"missing", row.missing},
      {"verification_retry_count", row.retry_count},
      {"verification_retry_at", time_or_null(row.retry_at)},
      {"verified_at", time_or_null(row.verified_at)},
      {"verification_failure", text_or_null(row.failure)},
      {"verification_checksum", row.sum ? json::value(to_hex(*row.sum)) : nullptr},
  };
}

json::object record_json(const registry_row& row) {
  return {
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
      {"checksum", checksum_or_null(row.sum)},
      {"size", row.size ? json::value(*row.size) : nullptr},
      {"primary_checksum", checksum_or_null(row.primary_checksum)},
      {"verification_state", to_string(row.verification)},
      {"verified_at", time_or_null(row.verified_at)},
      {"verification_failure", text_or_null(row.verification_failure)},
      {"findings", text_or_null(row.findings)},
      {"verification_checksum", checksum_or_null(row.sum)},
      {"checksum_mismatch", row.checksum_mismatch},
      {"verification_checksum_mismatched", checksum_or_null(row.verification_checksum_mismatched)},
      {"force_to_redownload", row.force_to_redownload},
  };
}

template <class Listed>
json::value page_json(const Listed& page) {
  json::array records;
  for (const auto& row : page.rows)
    records.emplace_back(record_json(row));
  return {{"records", std::move(records)}, {"next", page.next ? json::value(*page.next) : nullptr}};
}

json::value story_json(json::object record, const record_story& story) {
  json::array events;
  for (const auto& one : story.events)
    events.push_back({{"at", to_rfc3339(one.at)}, {"what", one.what}});
  return {{"record", std::move(record)},
          {"story", std::move(events)},
          {"summary", story.summary},
          {"cause", text_or_null(story.cause)},
          {"next_step", story.next_step}};
}

} // namespace

json::value to_json(const listed_checksums& page) {
  return page_json(page);
}
json::value to_json(const listed_rows& page) {
  return page_json(page);
}
json::value to_json(const checksum_row& row, const record_story& story) {
  return story_json(record_json(row), story);
}
json::value to_json(const registry_row& row, const record_story& story) {
  return story_json(record_json(row), story);
}

} // namespace farshore
