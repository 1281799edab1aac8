// How much memory do the nodes take while very many records are due?
//
// A million rows are inserted at the primary while the secondary's type is paused; none of their
// files exists, so that all stay due. Three stages: the events arrive and wait (paused), the
// records are tried (resumed), and a new secondary finds all of them by backfill while it tries
// them. The resident memory of both nodes' processes, without their PostgreSQL, is sampled every
// 100 ms.

#include "bench/support/two_sites.hpp"
#include "node/fields.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace farshore::bench {
namespace {

using namespace std::chrono_literals;

constexpr double mebibyte = 1024.0 * 1024.0;
constexpr double limit_mebibytes = 200;
constexpr std::chrono::seconds patience = 1800s;

struct backlog {
  std::int64_t records = 1'000'000;
  int seconds = 60;
};

struct peak {
  std::uint64_t primary = 0;
  std::uint64_t secondary = 0;

  void take(two_sites& sites) {
    sites.primary().node().must_run();
    sites.secondary().node().must_run();
    primary = std::max(primary, sites.primary().node().memory());
    secondary = std::max(secondary, sites.secondary().node().memory());
  }
};

/// Samples until it is so; `reached` is asked once a second. Says how it went.
peak sample(two_sites& sites, const std::string& stage, const std::function<bool()>& reached) {
  peak most;
  int turn = 0;
  const auto begun = std::chrono::steady_clock::now();
  wait_until(stage, patience, [&] {
    pause(80ms);
    most.take(sites);
    return ++turn % 10 == 0 && reached();
  });
  const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  const auto status = sites.secondary().status();
  fmt::print(
      "  {}: {:.0f} s, {} rows, {} pending, {} missing; peak {:.0f} MiB, primary {:.0f} MiB\n",
      stage, took, int_at(status, "/types/0/registry_count"),
      int_at(status, "/types/0/pending_count"), int_at(status, "/types/0/missing_on_primary_count"),
      static_cast<double>(most.secondary) / mebibyte, static_cast<double>(most.primary) / mebibyte);
  std::fflush(stdout);
  return most;
}

std::vector<measure> measure_memory(const options& chosen, backlog wanted) {
  if (chosen.smoke)
    wanted = {5'000, 2};
  measure arriving{"secondary, events arrive", "MiB", {}, limit_mebibytes};
  measure trying{"secondary, records are tried", "MiB", {}, limit_mebibytes};
  measure backfilling{"secondary, backfill", "MiB", {}, limit_mebibytes};
  measure primary{"primary, all the time", "MiB", {}, limit_mebibytes};
  for (int i = 0; i < chosen.repeat; ++i) {
    two_sites sites{chosen};
    sites.start_primary();
    auto db = sites.primary().sql();
    pqxx::nontransaction{*db}.exec(
        "CREATE TABLE documents (id bigserial PRIMARY KEY, path text NOT NULL, bytes bigint)");
    sites.make_secondary();
    sites.secondary().stop();
    sites.enable_secondary();
    auto& secondary = sites.secondary();
    secondary.start();
    sites.wait_for_synced(0, 60s);
    secondary.command({"pause", "document"});
    pqxx::nontransaction{*db}.exec(
        fmt::format("INSERT INTO documents (path, bytes) SELECT "
                    "'folder-' || i % 1000 || '/a-name-of-usual-length-' || i, 1000 "
                    "FROM generate_series(1, {}) i",
                    wanted.records));
    const auto all_there = [&] {
      return int_at(secondary.status(), "/types/0/registry_count") == wanted.records;
    };
    const auto events = sample(sites, "events arrive", all_there);

    secondary.command({"resume", "document"});
    const auto for_so_long = [&, end = std::chrono::steady_clock::now() +
                                       std::chrono::seconds{wanted.seconds}] {
      return std::chrono::steady_clock::now() > end;
    };
    const auto tries = sample(sites, "records are tried", for_so_long);

    secondary.stop();
    sites.remove_secondary();
    secondary.start();
    secondary.wait_for_answer();
    const auto backfill = sample(sites, "backfill", all_there);

    const auto in_mebibytes = [](std::uint64_t bytes) {
      return static_cast<double>(bytes) / mebibyte;
    };
    arriving.values.push_back(in_mebibytes(events.secondary));
    trying.values.push_back(in_mebibytes(tries.secondary));
    backfilling.values.push_back(
        in_mebibytes(std::max(backfill.secondary, secondary.node().peak_memory())));
    primary.values.push_back(in_mebibytes(sites.primary().node().peak_memory()));
  }
  return {arriving, trying, backfilling, primary};
}

} // namespace
} // namespace farshore::bench

int main(int argc, char** argv) {
  using namespace farshore::bench;
  backlog wanted;
  return benchmark_main(argc, argv,
                        {"memory",
                         "How much memory do the nodes take while very many records are due?",
                         [&](CLI::App& app) {
                           app.add_option("--records", wanted.records, "So many")
                               ->check(CLI::PositiveNumber)
                               ->capture_default_str();
                           app.add_option("--seconds", wanted.seconds, "They are tried for so long")
                               ->check(CLI::PositiveNumber)
                               ->capture_default_str();
                         },
                         [&](const options& chosen) { return measure_memory(chosen, wanted); }});
}
