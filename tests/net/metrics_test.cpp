// What Prometheus is told; where promtool is installed, it judges it.

#include "net/metrics.hpp"

#include "actors/meters.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>
#include <unistd.h>

using namespace farshore;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

const wall_time now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24}};

secondary_status secondary() {
  secondary_status status;
  secondary_status::type_line line;
  line.declared.name = "file";
  line.declared.plural = "files";
  auto& counts = line.registry.counts;
  counts.registry = 10;
  counts.synced = 7;
  counts.failed = 2;
  counts.missing_on_primary = 1;
  counts.removing = 1;
  counts.verified = 6;
  line.registry.recovery_point = now;
  line.totals.records = 7;
  line.totals.bytes = 700;
  status.types = {line};
  status.log.reachable = true;
  return status;
}

primary_status primary() {
  primary_status status;
  primary_counts counts;
  counts.type = "file";
  counts.records = 10;
  counts.checksummed = 8;
  counts.checksum_failed = 1;
  counts.missing = 1;
  status.counts = {counts};
  site_standing site;
  site.last.name = "lis\"bon\n"; // names are checked, and labels escaped all the same
  site.last.seen = now - 90s;
  site.lag_events = 12;
  site.lag = 1500ms;
  status.sites = {site};
  return status;
}

config file_settings() {
  config settings;
  replicable_type file;
  file.name = "file";
  file.plural = "files";
  settings.types = {file};
  return settings;
}

/// What promtool finds wrong; empty: nothing, or there is no promtool.
std::string complaints(const std::string& metrics) {
  const std::string promtool = FARSHORE_PROMTOOL;
  if (promtool.empty())
    return {};
  const auto file =
      std::filesystem::temp_directory_path() / ("farshore-metrics-" + std::to_string(::getpid()));
  std::ofstream{file} << metrics;
  auto* const said =
      ::popen((promtool + " check metrics < " + file.string() + " 2>&1").c_str(), "r");
  REQUIRE(said != nullptr);
  std::string out;
  for (char buffer[256]; std::fgets(buffer, sizeof buffer, said) != nullptr;)
    out += buffer;
  const auto status = ::pclose(said);
  std::filesystem::remove(file);
  return status == 0 ? out : "promtool refuses it: " + out;
}

} // namespace

TEST_CASE("a secondary's metrics have the reference's names, and ours", "[metrics]") {
  const auto text = metrics_of(secondary(), {});
  for (const auto* line :
       {"geo_files 9\n", "geo_files_registry 10\n", "geo_files_synced 7\n", "geo_files_failed 2\n",
        "geo_files_verified 6\n", "geo_files_verification_failed 0\n",
        "geo_files_oldest_unsynced_time 1795478400\n",
        "farshore_recovery_point_timestamp_seconds{type=\"file\"} 1795478400\n",
        "farshore_transferred_bytes_total{type=\"file\"} 700\n", "farshore_primary_reachable 1\n",
        "farshore_healthy 0\n"})
    CHECK_THAT(text, Contains(line));
  CHECK(complaints(text) == "");
}

TEST_CASE("what is not known has no value", "[metrics]") {
  auto status = secondary();
  status.types.front().registry.recovery_point.reset();
  CHECK_THAT(metrics_of(status, {}),
             !Contains("oldest_unsynced_time") && !Contains("farshore_recovery_point"));
  status = secondary();
  status.types.front().registry.counts.synced = 10;
  CHECK_THAT(metrics_of(status, {}), !Contains("oldest_unsynced_time"));
}

TEST_CASE("a primary's metrics tell of its own data, and of its sites", "[metrics]") {
  const auto text = metrics_of(primary(), file_settings(), now);
  for (const auto* line :
       {"geo_files 10\n", "geo_files_checksummed 8\n", "geo_files_checksum_failed 1\n",
        "farshore_checksum_missing{type=\"file\"} 1\n",
        "farshore_cursor_lag_events{site=\"lis\\\"bon\\n\"} 12\n",
        "farshore_cursor_lag_seconds{site=\"lis\\\"bon\\n\"} 1.5\n",
        "farshore_site_silent_seconds{site=\"lis\\\"bon\\n\"} 90\n"})
    CHECK_THAT(text, Contains(line));
  CHECK(complaints(text) == "");
}

TEST_CASE("what is measured is told by type and cause", "[metrics]") {
  meters measures;
  measures.synced("file", 20ms);
  measures.synced("file", 2s);
  measures.failed("file", ec::no_space);
  measures.committed(30, 4ms);
  const auto text = measures.text();
  for (const auto* line : {"farshore_sync_duration_seconds_count{type=\"file\"} 2\n",
                           "farshore_sync_duration_seconds_bucket{type=\"file\",le=\"0.05\"} 1\n",
                           "farshore_sync_retries_total{cause=\"no_space\",type=\"file\"} 1\n",
                           "farshore_registry_commit_changes_bucket{le=\"50\"} 1\n"})
    CHECK_THAT(text, Contains(line));
  CHECK(complaints(metrics_of(secondary(), {}) + text) == "");
}
