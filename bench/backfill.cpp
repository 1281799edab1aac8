// How long does a new secondary take for an application that has been there all along, and how long
// does rsync take for the same files?
//
// Ours: from the start of the secondary's node, whose database was made before, to the first status
// (asked every 20 ms) in which every record is synced. In that time it starts its PostgreSQL,
// learns of the type, reads the primary's catalogue, fetches and hashes every file, flushes,
// renames and records it. rsync: `rsync -a` from a daemon on loopback into an empty folder. Both
// read the same folder and write to the same file system; they take turns, and each pair gives one
// ratio.

#include "bench/support/document_tree.hpp"
#include "bench/support/two_sites.hpp"
#include "node/fields.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace farshore::bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using seconds = std::chrono::duration<double>;
using watch = std::chrono::steady_clock;

constexpr std::chrono::seconds patience = 1800s;

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  if (!bound)
    throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

/// An rsync daemon that serves one folder.
class rsync_daemon {
public:
  rsync_daemon(const fs::path& folder, const fs::path& served)
      : log_{folder / "rsync.log"},
        port_{free_port()},
        daemon_{{"rsync", "--daemon", "--no-detach", "--address=127.0.0.1",
                 fmt::format("--port={}", port_), "--config=" + write_settings(folder, served)},
                log_} {
    wait_until("the rsync daemon answers", 10s, [&] {
      daemon_.must_run();
      child question{{"rsync", url("")}, folder / "rsync.probe"};
      return question.wait() == 0;
    });
  }

  seconds fetch(const fs::path& to) {
    const auto begun = watch::now();
    run({"rsync", "-a", url("tree/"), to.string() + "/"}, log_);
    return watch::now() - begun;
  }

private:
  static std::string write_settings(const fs::path& folder, const fs::path& served) {
    const auto file = folder / "rsyncd.conf";
    std::ofstream out{file};
    out << "use chroot = no\nreverse lookup = no\n";
    if (::geteuid() == 0)
      out << "uid = 0\ngid = 0\n";
    out << "[tree]\npath = " << served.string() << "\nread only = yes\n";
    return file;
  }

  [[nodiscard]] std::string url(const std::string& path) const {
    return fmt::format("rsync://127.0.0.1:{}/{}", port_, path);
  }

  fs::path log_;
  std::uint16_t port_;
  child daemon_;
};

std::string query(site& where, const std::string& sql) {
  auto db = where.sql();
  pqxx::nontransaction tx{*db};
  return tx.exec(sql)[0][0].as<std::string>();
}

struct our_round {
  seconds wall;
  seconds primary_cpu;
  seconds secondary_cpu;
  double wal_bytes = 0;
};

our_round backfill(two_sites& sites, const std::vector<file>& files) {
  auto& secondary = sites.secondary();
  sites.make_secondary();
  const auto wal_before = query(secondary, "SELECT pg_current_wal_lsn()");
  secondary.stop();
  sites.enable_secondary();

  const auto primary_before = sites.primary().node().processor_time();
  const auto begun = watch::now();
  secondary.start();
  sites.wait_for_synced(static_cast<std::int64_t>(files.size()), patience);
  our_round round;
  round.wall = watch::now() - begun;
  round.primary_cpu = sites.primary().node().processor_time() - primary_before;
  round.secondary_cpu = secondary.node().processor_time();
  round.wal_bytes = std::stod(
      query(secondary, fmt::format("SELECT pg_current_wal_lsn() - '{}'::pg_lsn", wal_before)));

  secondary.command({"wait", "--strict"});
  run({"diff", "-rq", "--exclude=.farshore", sites.primary().store(), secondary.store()},
      secondary.folder() / "diff");
  secondary.stop();
  sites.remove_secondary();
  return round;
}

std::vector<measure> measure_backfill(const options& chosen, tree_options tree) {
  if (chosen.smoke)
    tree.files = std::min<std::size_t>(tree.files, 200);
  two_sites sites{chosen};
  const auto files = copy_tree(tree, sites.primary().store());
  double bytes = 0;
  for (const auto& one : files)
    bytes += static_cast<double>(one.bytes);
  const auto count = static_cast<double>(files.size());
  fmt::print("{} files of {}, {:.0f} MB\n", files.size(), tree.tree.string(), bytes / 1e6);
  std::fflush(stdout);
  sites.start_primary();
  add_rows(*sites.primary().sql(), files);
  sites.primary().command({"wait"});
  rsync_daemon rsync{sites.primary().folder(), sites.primary().store()};
  const auto copy = sites.secondary().store().parent_path() / "rsync";

  measure ratio{"ours / rsync", "x", {}, 2};
  measure ours{"ours", "s", {}};
  measure peer{"rsync -a", "s", {}};
  measure records{"ours, records", "1/s", {}};
  measure rate{"ours, bytes", "MB/s", {}};
  measure secondary_cpu{"secondary's node, processor time", "s", {}};
  measure primary_cpu{"primary's node, processor time", "s", {}};
  measure wal{"secondary's WAL for each record", "bytes", {}};
  for (int i = 0; i < chosen.repeat; ++i) {
    const auto round = backfill(sites, files);
    fs::create_directories(copy);
    const auto other = rsync.fetch(copy).count();
    fs::remove_all(copy);
    const auto wall = round.wall.count();
    ratio.values.push_back(wall / other);
    ours.values.push_back(wall);
    peer.values.push_back(other);
    records.values.push_back(count / wall);
    rate.values.push_back(bytes / 1e6 / wall);
    secondary_cpu.values.push_back(round.secondary_cpu.count());
    primary_cpu.values.push_back(round.primary_cpu.count());
    wal.values.push_back(round.wal_bytes / count);
    fmt::print("  round {}: ours {:.2f} s, rsync {:.2f} s\n", i + 1, wall, other);
    std::fflush(stdout);
  }
  return {ratio, ours, peer, records, rate, secondary_cpu, primary_cpu, wal};
}

} // namespace
} // namespace farshore::bench

int main(int argc, char** argv) {
  using namespace farshore::bench;
  tree_options tree;
  return benchmark_main(argc, argv,
                        {"backfill",
                         "How long does a new secondary take for all files, beside rsync?",
                         [&](CLI::App& app) { tree.declare(app); },
                         [&](const options& chosen) { return measure_backfill(chosen, tree); }});
}
