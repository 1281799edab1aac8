#include "node/run_node.hpp"

#include "config/backoff.hpp"
#include "config/clock.hpp"
#include "config/config.hpp"
#include "config/logging.hpp"
#include "node/node_signals.hpp"
#include "node/primary_node.hpp"
#include "node/secondary_node.hpp"
#include "registry/managed_cluster.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <memory>
#include <optional>

#include <spdlog/spdlog.h>

namespace farshore {

namespace {

constexpr std::chrono::milliseconds restart_base{500};
constexpr std::chrono::milliseconds restart_cap{30'000};
/// A run that lasted this long was a good one: the next failure waits from the short end again.
constexpr std::chrono::minutes good_run{1};

void print(const std::vector<config_mistake>& mistakes) {
  for (const auto& one : mistakes)
    std::fprintf(stderr, "%s\n", to_string(one).c_str());
}

/// Failures of the surroundings, which time may mend: the node starts over by itself. All others
/// are ours, or the operator's to decide: it ends.
bool may_pass(ec code) {
  return code == ec::database_unavailable || code == ec::database_in_doubt;
}

/// What only a restart changes.
bool needs_restart(const config& a, const config& b) {
  return a.site_name != b.site_name || a.role != b.role || a.listen != b.listen ||
         a.data != b.data || a.database != b.database || a.primary_url != b.primary_url ||
         a.capacity != b.capacity || a.connections != b.connections ||
         a.large_blob_bytes != b.large_blob_bytes || a.lease != b.lease ||
         a.secret_file != b.secret_file;
}

void reload(site_node& site, config& settings, const std::filesystem::path& file) {
  auto loaded = load_config(file);
  if (!loaded.mistakes.empty()) {
    spdlog::error("reload: the configuration has mistakes and is not used; the node goes on with "
                  "the one it has");
    print(loaded.mistakes);
    return;
  }
  if (needs_restart(settings, loaded.settings))
    spdlog::warn("reload: only [[replicable]], [events] and the secrets' content take effect; the "
                 "other changes need a restart");
  settings.types = loaded.settings.types;
  settings.events = loaded.settings.events;
  if (auto ok = site.declare(settings); ok)
    spdlog::info("reload: {} replicable types declared", settings.types.size());
  else
    spdlog::error("reload: {}", ok.error().message);
}

/// One life of the node, from the database up, until a signal ends it or something fails.
result<void> run_site(config& settings, node_signals& signals, const std::filesystem::path& file) {
  signals.forget_failure();
  std::unique_ptr<managed_cluster> cluster;
  std::string url = settings.database;
  if (settings.database == "managed") {
    auto started = managed_cluster::start(settings.data / "postgres");
    if (!started)
      return fail(std::move(started).error());
    cluster = std::move(*started);
    url = cluster->url();
  }
  auto on_failure = [&signals](const error& why) { signals.report_failure(why); };
  auto site = settings.role == site_role::primary ? start_primary(settings, url, on_failure)
                                                  : start_secondary(settings, url, on_failure);
  if (!site)
    return fail(std::move(site).error());
  {
    std::ofstream address{settings.data / "listen", std::ios::trunc};
    address << (*site)->address() << '\n';
  }
  spdlog::info("site {} ({}) listens at {}", settings.site_name,
               settings.role == site_role::primary ? "primary" : "secondary", (*site)->address());
  for (;;) {
    switch (signals.wait()) {
    case node_signals::event::stop:
      spdlog::info("stopping");
      (*site)->stop();
      return {};
    case node_signals::event::reload:
      reload(**site, settings, file);
      break;
    case node_signals::event::child:
      if (cluster && !cluster->running())
        return fail(ec::database_unavailable, "the managed PostgreSQL has ended");
      break;
    case node_signals::event::failed:
      return fail(*signals.failure());
    }
  }
}

/// Waits before the next life; false if a signal says that there is to be none.
bool pause(std::chrono::milliseconds wait) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  const timespec until{wait.count() / 1000, wait.count() % 1000 * 1'000'000};
  return sigtimedwait(&stop, nullptr, &until) < 0;
}

} // namespace

int run_node(const std::filesystem::path& config_file) {
  auto loaded = load_config(config_file);
  if (!loaded.mistakes.empty()) {
    print(loaded.mistakes);
    return 2;
  }
  auto& settings = loaded.settings;
  set_up_logging(settings.log_format, settings.log_level);
  std::error_code ignored;
  std::filesystem::create_directories(settings.data, ignored); // what uses it says what is wrong
  node_signals signals;
  random_source random{random_seed()};
  for (int failures = 0;;) {
    const auto begun = system_time().now();
    const auto run = run_site(settings, signals, config_file);
    if (run)
      return 0;
    const auto& why = run.error();
    if (!may_pass(why.code)) {
      spdlog::critical("the node ends: {} ({})", why.message, to_string(why.code));
      return 1;
    }
    failures = system_time().now() - begun > good_run ? 1 : failures + 1;
    const auto wait = backoff(failures, restart_base, restart_cap, random);
    spdlog::error("{}; starting over in {} ms", why.message, wait.count());
    if (!pause(wait))
      return 0;
  }
}

} // namespace farshore
