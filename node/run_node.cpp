#include "node/run_node.hpp"

#include "config/backoff.hpp"
#include "config/clock.hpp"
#include "config/config.hpp"
#include "config/logging.hpp"
#include "node/data_lock.hpp"
#include "node/exit_codes.hpp"
#include "node/node_signals.hpp"
#include "node/primary_node.hpp"
#include "node/secondary_node.hpp"
#include "node/service_manager.hpp"
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
         a.retry_base != b.retry_base || a.retry_cap != b.retry_cap ||
         a.git_clones != b.git_clones || a.metrics != b.metrics;
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
    spdlog::warn("reload: only [[replicable]], [selective_sync], [events], [limits] bandwidth "
                 "and min_free, [site] serve_unsynced, secrets and certificates take effect; the "
                 "other changes need a restart");
  auto next = settings;
  next.types = loaded.settings.types;
  next.scope = loaded.settings.scope;
  next.events = loaded.settings.events;
  next.bandwidth = loaded.settings.bandwidth;
  next.min_free = loaded.settings.min_free;
  next.serve_unsynced = loaded.settings.serve_unsynced;
  next.secret_file = loaded.settings.secret_file;
  next.key_file = loaded.settings.key_file;
  next.previous_secret_file = loaded.settings.previous_secret_file;
  next.tls_certificate = loaded.settings.tls_certificate;
  next.tls_key = loaded.settings.tls_key;
  next.primary_tls_ca = loaded.settings.primary_tls_ca;
  if (auto ok = site.declare(next); !ok) {
    spdlog::error("reload: {}", ok.error().message);
    return;
  }
  settings = std::move(next);
  spdlog::info("reload: {} replicable types declared", settings.types.size());
}

/// One life of the node, from the database up, until a signal ends it or something fails.
result<void> run_site(config& settings, node_signals& signals, const std::filesystem::path& file,
                      const service_manager& manager) {
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
  const auto listens = "site " + settings.site_name + " listens at " + (*site)->address();
  manager.ready(listens);
  for (;;) {
    switch (signals.wait(manager.watchdog_period())) {
    case node_signals::event::timeout:
      if ((*site)->alive())
        manager.alive();
      else
        spdlog::warn("the node's actors did not answer within a second");
      break;
    case node_signals::event::stop:
      manager.stopping();
      spdlog::info("stopping");
      (*site)->stop();
      return {};
    case node_signals::event::reload:
      manager.reloading();
      reload(**site, settings, file);
      manager.ready(listens);
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
    return exit_code::usage;
  }
  auto& settings = loaded.settings;
  set_up_logging(settings.log_format, settings.log_level);
  const auto alone = lock_data_folder(settings.data);
  if (!alone) {
    spdlog::critical("the node ends: {} ({})", alone.error().message,
                     to_string(alone.error().code));
    return exit_code::no;
  }
  const service_manager manager;
  node_signals signals;
  random_source random{random_seed()};
  for (int failures = 0;;) {
    const auto begun = system_time().now();
    const auto run = run_site(settings, signals, config_file, manager);
    if (run)
      return exit_code::done;
    const auto& why = run.error();
    if (!may_pass(why.code)) {
      spdlog::critical("the node ends: {} ({})", why.message, to_string(why.code));
      return exit_code::no;
    }
    failures = system_time().now() - begun > good_run ? 1 : failures + 1;
    const auto wait = backoff(failures, restart_base, restart_cap, random);
    spdlog::error("{}; starting over in {} ms", why.message, wait.count());
    manager.status("waiting: " + why.message);
    if (!pause(wait))
      return exit_code::done;
    manager.alive(); // it is at work on starting over
  }
}

} // namespace farshore
