// How long does a secondary take to read and verify all that it has, and how long does sha256sum
// take for the same files with as many processes?
//
// Ours: from `farshore reverify document --all` to the end of `farshore wait`: every row is marked,
// every file read and hashed at rest, every result written. sha256sum: one process for each core,
// 1,000 files each time, over the very same files. They take turns, and each pair gives one ratio.
//
// And what does it cost the sync of new changes? So many small files with a row each, committed one
// by one, until all of them are synced: while all is being verified, and with nothing else to do,
// in turns.

#include "bench/support/document_tree.hpp"
#include "bench/support/two_sites.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace farshore::bench {
namespace {

using namespace std::chrono_literals;
using watch = std::chrono::steady_clock;

constexpr std::chrono::seconds patience = 1800s;
constexpr int changes_in_round = 1000;

template <class Work>
double seconds_of(Work work) {
  const auto begun = watch::now();
  work();
  return std::chrono::duration<double>(watch::now() - begun).count();
}

/// What an application adds, a transaction each.
void add_changes(pqxx::connection& db, const std::filesystem::path& store, int first, int count) {
  std::filesystem::create_directories(store / "changes");
  for (int i = first; i < first + count; ++i) {
    const auto path = fmt::format("changes/{}", i);
    std::ofstream{store / path} << "change " << i;
    pqxx::work tx{db};
    tx.exec_params("INSERT INTO documents (path) VALUES ($1)", path);
    tx.commit();
  }
}

std::vector<measure> measure_verification(const options& chosen, tree_options tree) {
  if (chosen.smoke)
    tree.files = std::min<std::size_t>(tree.files, 200);
  two_sites sites{chosen};
  const auto files = copy_tree(tree, sites.primary().store());
  double bytes = 0;
  for (const auto& one : files)
    bytes += static_cast<double>(one.bytes);
  fmt::print("{} files of {}, {:.0f} MB\n", files.size(), tree.tree.string(), bytes / 1e6);
  std::fflush(stdout);
  sites.start_primary();
  add_rows(*sites.primary().sql(), files);
  sites.primary().command({"wait"});
  sites.make_secondary();
  auto& secondary = sites.secondary();
  secondary.stop();
  sites.enable_secondary();
  secondary.start();
  sites.wait_for_synced(static_cast<std::int64_t>(files.size()), patience);
  const auto wait = [&] {
    secondary.command({"wait", "--strict", "--timeout", std::to_string(patience.count())});
  };
  wait();

  measure ratio{"ours / sha256sum", "x", {}, 1.3};
  measure ours{"ours", "s", {}};
  measure peer{"sha256sum", "s", {}};
  measure rate{"ours, records", "1/s", {}};
  const auto processes = std::max(1u, std::thread::hardware_concurrency());
  for (int i = 0; i < chosen.repeat; ++i) {
    const auto mine = seconds_of([&] {
      secondary.command({"reverify", "document", "--all"});
      wait();
    });
    const auto other = seconds_of([&] {
      run({"sh", "-c",
           fmt::format(
               "find '{}' -name .farshore -prune -o -type f -print0 | xargs -0 -P {} -n 1000 "
               "sha256sum > /dev/null",
               secondary.store().string(), processes)},
          secondary.folder() / "sha256sum.log");
    });
    ratio.values.push_back(mine / other);
    ours.values.push_back(mine);
    peer.values.push_back(other);
    rate.values.push_back(static_cast<double>(files.size()) / mine);
    fmt::print("  round {}: ours {:.2f} s, sha256sum {:.2f} s\n", i + 1, mine, other);
    std::fflush(stdout);
  }

  measure cost{"new changes, beside verification / alone", "x", {}};
  measure alone{"new changes alone", "s", {}};
  const auto db = sites.primary().sql();
  const int changes = chosen.smoke ? 20 : changes_in_round;
  auto records = static_cast<std::int64_t>(files.size());
  int made = 0;
  const auto change = [&] {
    return seconds_of([&] {
      add_changes(*db, sites.primary().store(), std::exchange(made, made + changes), changes);
      sites.wait_for_synced(records += changes, patience);
    });
  };
  for (int i = 0; i < chosen.repeat; ++i) {
    secondary.command({"reverify", "document", "--all"});
    const auto beside = change();
    wait();
    alone.values.push_back(change());
    wait();
    cost.values.push_back(beside / alone.values.back());
    fmt::print("  {} new changes: {:.2f} s beside verification, {:.2f} s alone\n", changes, beside,
               alone.values.back());
    std::fflush(stdout);
  }
  return {ratio, ours, peer, rate, cost, alone};
}

} // namespace
} // namespace farshore::bench

int main(int argc, char** argv) {
  using namespace farshore::bench;
  tree_options tree;
  return benchmark_main(
      argc, argv,
      {"verification", "How long does it take to verify all at rest, beside sha256sum?",
       [&](CLI::App& app) { tree.declare(app); },
       [&](const options& chosen) { return measure_verification(chosen, tree); }});
}
