#include "net/metrics.hpp"

#include "config/version.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace farshore {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using labels = std::vector<ClientMetric::Label>;

double seconds_of(wall_time t) {
  return std::chrono::duration<double>(t.time_since_epoch()).count();
}

/// Families by the order in which they were begun.
class exposition {
public:
  void gauge(const std::string& name, const std::string& help, double value, labels of = {}) {
    ClientMetric one;
    one.label = std::move(of);
    one.gauge.value = value;
    family(name, help, MetricType::Gauge).metric.push_back(std::move(one));
  }
  void counter(const std::string& name, const std::string& help, double value, labels of = {}) {
    ClientMetric one;
    one.label = std::move(of);
    one.counter.value = value;
    family(name, help, MetricType::Counter).metric.push_back(std::move(one));
  }
  void time(const std::string& name, const std::string& help, const std::optional<wall_time>& at,
            labels of = {}) {
    if (at) // what is not known has no value
      gauge(name, help, seconds_of(*at), std::move(of));
  }

  [[nodiscard]] std::string text() const { return prometheus::TextSerializer{}.Serialize(all_); }

private:
  MetricFamily& family(const std::string& name, const std::string& help, MetricType type) {
    const auto known = std::ranges::find(all_, name, &MetricFamily::name);
    if (known != all_.end())
      return *known;
    return all_.emplace_back(MetricFamily{name, help, type, {}});
  }

  std::vector<MetricFamily> all_;
};

void add_program(exposition& to, bool healthy) {
  to.gauge("farshore_build_info", "The program's version.", 1,
           {{"version", std::string{program_version()}}});
  to.gauge("farshore_healthy", "1 where status names no problem.", healthy ? 1 : 0);
}

/// What the reference system has of a type, under its names.
void add_reference(exposition& to, const secondary_status::type_line& line) {
  const auto& counts = line.registry.counts;
  const auto geo = "geo_" + line.declared.plural;
  const auto add = [&](const char* suffix, const char* help, std::int64_t value) {
    to.gauge(geo + suffix, help, static_cast<double>(value));
  };
  add("", "Records that the site wants and knows of.", counts.registry - counts.removing);
  add("_registry", "Rows of the registry.", counts.registry);
  add("_synced", "Rows that are synced.", counts.synced);
  add("_failed", "Rows whose last sync failed.", counts.failed);
  add("_verified", "Rows whose content was verified.", counts.verified);
  add("_verification_failed", "Rows whose content was found damaged.", counts.verification_failed);
  if (counts.synced < counts.registry)
    to.time(geo + "_oldest_unsynced_time", "No change that is not here is older (Unix time).",
            line.registry.recovery_point);
}

void add_type(exposition& to, const secondary_status::type_line& line) {
  const labels of{{"type", line.declared.name}};
  const auto& counts = line.registry.counts;
  const auto add = [&](const char* name, const char* help, std::int64_t value) {
    to.gauge(name, help, static_cast<double>(value), of);
  };
  add("farshore_pending", "Rows that wait for their turn.", counts.pending);
  add("farshore_missing_on_primary", "Rows whose content the primary does not have.",
      counts.missing_on_primary);
  add("farshore_held_removals", "Removals that wait for an approval.", line.registry.walk.held);
  add("farshore_in_flight", "Records that are being worked on.",
      static_cast<std::int64_t>(line.totals.in_flight));
  add("farshore_paused", "1 where the type is paused.", line.registry.paused ? 1 : 0);
  add("farshore_backfill_complete", "1 once all that the primary has was read.",
      line.registry.walk.complete ? 1 : 0);
  to.time("farshore_recovery_point_timestamp_seconds",
          "Everything committed on the primary before it is here.", line.registry.recovery_point,
          of);
  to.time("farshore_verified_recovery_point_timestamp_seconds",
          "Everything committed on the primary before it is here and verified.",
          line.registry.verified_point, of);
  to.counter("farshore_transferred_records_total", "Records that were synced by a transfer.",
             static_cast<double>(line.totals.records), of);
  to.counter("farshore_transferred_bytes_total", "Bytes that were received for them.",
             static_cast<double>(line.totals.bytes), of);
  to.counter("farshore_adopted_records_total", "Records that were here already.",
             static_cast<double>(line.totals.adopted), of);
}

bool has_problem(const secondary_status& status) {
  return !status.log.reachable || !status.log.gap.empty() ||
         std::ranges::any_of(status.types, [](const auto& line) {
           const auto& counts = line.registry.counts;
           return line.declared.enabled &&
                  (!line.waiting.empty() || counts.failed > 0 || counts.verification_failed > 0 ||
                   line.registry.walk.held > 0);
         });
}

bool has_problem(const primary_status& status) {
  return !status.checksum_troubles.empty() ||
         std::ranges::any_of(status.types, [](const auto& one) { return !one.waiting.empty(); }) ||
         std::ranges::any_of(status.counts,
                             [](const auto& one) { return one.checksum_failed > 0; });
}

void add_site(exposition& to, const site_standing& site, wall_time now) {
  const labels of{{"site", site.last.name}};
  to.gauge("farshore_site_silent_seconds", "Since the site asked for events last.",
           std::max(0.0, std::chrono::duration<double>(now - site.last.seen).count()), of);
  to.gauge("farshore_site_cut_off", "1 where the log was trimmed past the site's place.",
           site.cut_off ? 1 : 0, of);
  to.gauge("farshore_site_held_bytes", "What the log holds because of the site.",
           site.cut_off ? 0 : static_cast<double>(site.held_bytes), of);
  if (site.cut_off)
    return;
  to.gauge("farshore_cursor_lag_events", "Events that the site has not read.",
           static_cast<double>(site.lag_events), of);
  if (site.lag)
    to.gauge("farshore_cursor_lag_seconds", "How old the first of them is.",
             std::chrono::duration<double>(*site.lag).count(), of);
}

} // namespace

std::string metrics_of(const secondary_status& status, const bandwidth_use& bandwidth) {
  exposition out;
  add_program(out, !has_problem(status));
  out.gauge("farshore_primary_reachable", "1 where the last request to the primary succeeded.",
            status.log.reachable ? 1 : 0);
  out.time("farshore_primary_last_contact_timestamp_seconds", "The primary's last answer.",
           status.log.last_contact);
  out.time("farshore_log_horizon_timestamp_seconds",
           "Everything committed on the primary before it is applied.", status.log.cursor.horizon);
  out.gauge("farshore_log_cursor_id", "The last event that is applied.",
            static_cast<double>(status.log.cursor.place.id));
  out.gauge("farshore_arriving_bytes_per_second", "Over the last five seconds.",
            static_cast<double>(bandwidth.rate));
  for (const auto& line : status.types)
    add_reference(out, line);
  for (const auto& line : status.types)
    add_type(out, line);
  return out.text();
}

std::string metrics_of(const primary_status& status, const config& settings, wall_time now) {
  exposition out;
  add_program(out, !has_problem(status));
  out.gauge("farshore_fold_lag_events", "Events that the counts do not contain yet.",
            static_cast<double>(status.fold_lag));
  for (const auto& type : settings.types) {
    const auto counts = std::ranges::find(status.counts, type.name, &primary_counts::type);
    if (counts == status.counts.end())
      continue;
    const auto geo = "geo_" + type.plural;
    const auto add = [&](const char* suffix, const char* help, std::int64_t value) {
      out.gauge(geo + suffix, help, static_cast<double>(value));
    };
    add("", "Records.", counts->records);
    add("_checksummed", "Records whose checksum is known.", counts->checksummed);
    add("_checksum_failed", "Records that could not be read.", counts->checksum_failed);
    out.gauge("farshore_checksum_missing", "Records without content where their row says.",
              static_cast<double>(counts->missing), {{"type", type.name}});
    out.gauge("farshore_checksum_pending", "Records that are due to be read.",
              static_cast<double>(counts->pending), {{"type", type.name}});
  }
  for (const auto& site : status.sites)
    add_site(out, site, now);
  return out.text();
}

} // namespace farshore
