// How long after an application's commit is its change at the secondary?
//
// 100 times a second for a minute a file is written and its row inserted. The clock starts when the
// COMMIT has returned to the application. "On disk" is when the file gets its name in the
// secondary's store (inotify), "recorded" when the secondary's registry has committed that it is
// synced (PostgreSQL's commit time-stamps, switched on for this). Both sites are on this machine
// and see one clock.

#include "bench/support/two_sites.hpp"
#include "node/fields.hpp"
#include "strategies/unique_fd.hpp"

#include <array>
#include <atomic>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>
#include <poll.h>
#include <sys/inotify.h>

namespace farshore::bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using wall = std::chrono::system_clock;

struct load {
  int per_second = 100;
  int duration_seconds = 60;
};

/// Notes when each file of a folder appears under its name.
class arrivals {
public:
  explicit arrivals(const fs::path& folder) : inotify_{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)} {
    if (!inotify_ || ::inotify_add_watch(inotify_.get(), folder.c_str(), IN_MOVED_TO) < 0)
      throw std::runtime_error("cannot watch " + folder.string());
    thread_ = std::thread{[this] { watch(); }};
  }
  ~arrivals() { stop(); }

  /// To be called once no more are expected.
  const std::unordered_map<std::string, wall::time_point>& stop() {
    stopped_ = true;
    if (thread_.joinable())
      thread_.join();
    return seen_;
  }

private:
  void watch() {
    alignas(inotify_event) std::array<char, 64 * 1024> buffer{};
    while (!stopped_) {
      pollfd ready{inotify_.get(), POLLIN, 0};
      if (::poll(&ready, 1, 100) <= 0)
        continue;
      const auto now = wall::now();
      const auto size = ::read(inotify_.get(), buffer.data(), buffer.size());
      for (ssize_t at = 0; at < size;) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof event);
        if (event.len > 0)
          seen_.emplace(buffer.data() + at + sizeof event, now);
        at += static_cast<ssize_t>(sizeof event + event.len);
      }
    }
  }

  unique_fd inotify_;
  std::atomic<bool> stopped_ = false;
  std::unordered_map<std::string, wall::time_point> seen_;
  std::thread thread_;
};

/// The application: one change each time.
class application {
public:
  application(site& primary) : folder_{primary.store() / "notes"}, db_{primary.sql()} {
    fs::create_directories(folder_);
    db_->prepare("add", "INSERT INTO documents (path, bytes) VALUES ($1, $2)");
  }

  /// When its commit returned.
  wall::time_point change(const std::string& name) {
    const auto content = "the content of " + name;
    std::ofstream{folder_ / name} << content;
    pqxx::work tx{*db_};
    tx.exec_prepared0("add", "notes/" + name, content.size());
    tx.commit();
    return wall::now();
  }

private:
  fs::path folder_;
  std::unique_ptr<pqxx::connection> db_;
};

/// When the registry committed each record's last write, by the name of its file.
std::unordered_map<std::string, wall::time_point> recorded(site& secondary) {
  auto db = secondary.sql();
  pqxx::nontransaction tx{*db};
  std::unordered_map<std::string, wall::time_point> found;
  for (const auto& row : tx.exec(
           "SELECT substr(locator, 7) AS name, (extract(epoch FROM "
           "pg_xact_commit_timestamp(xmin)) * 1000000)::bigint AS us "
           "FROM farshore.registry WHERE state = 2 AND pg_xact_commit_timestamp(xmin) IS NOT NULL"))
    found.emplace(row["name"].as<std::string>(),
                  wall::time_point{std::chrono::microseconds{row["us"].as<std::int64_t>()}});
  return found;
}

struct round_result {
  std::vector<double> on_disk;
  std::vector<double> in_registry;
  int lost = 0;
};

round_result one_round(const options& chosen, const load& wanted) {
  two_sites sites{chosen};
  sites.start_primary();
  {
    auto db = sites.primary().sql();
    pqxx::nontransaction{*db}.exec("CREATE TABLE documents (id bigserial PRIMARY KEY, "
                                   "path text NOT NULL UNIQUE, bytes bigint)");
  }
  sites.make_secondary();
  pqxx::nontransaction{*sites.secondary().sql()}.exec(
      "ALTER SYSTEM SET track_commit_timestamp = on");
  sites.secondary().stop();
  sites.enable_secondary();
  sites.secondary().start();
  sites.secondary().wait_for_answer();
  application app{sites.primary()};
  app.change("first"); // makes the folder there, and shows that all is running
  sites.wait_for_synced(1, 60s);

  arrivals arrived{sites.secondary().store() / "notes"};
  std::unordered_map<std::string, wall::time_point> committed;
  const int changes = wanted.per_second * wanted.duration_seconds;
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < changes; ++i) {
    const auto due = begun + i * (1'000'000us / wanted.per_second);
    if (const auto now = std::chrono::steady_clock::now(); now < due)
      pause(std::chrono::duration_cast<std::chrono::microseconds>(due - now));
    const auto name = std::to_string(i);
    committed.emplace(name, app.change(name));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  fmt::print("  {} changes in {:.1f} s\n", changes, took.count());
  std::fflush(stdout);
  sites.wait_for_synced(changes + 1, 120s);

  const auto& files = arrived.stop();
  const auto rows = recorded(sites.secondary());
  round_result result;
  for (const auto& [name, at] : committed) {
    const auto file = files.find(name);
    const auto row = rows.find(name);
    if (file == files.end() || row == rows.end()) {
      ++result.lost;
      continue;
    }
    result.on_disk.push_back(std::chrono::duration<double, std::milli>(file->second - at).count());
    result.in_registry.push_back(
        std::chrono::duration<double, std::milli>(row->second - at).count());
  }
  return result;
}

std::vector<measure> measure_latency(const options& chosen, load wanted) {
  if (chosen.smoke)
    wanted.duration_seconds = 2;
  std::vector<measure> measures{{"on disk, median", "ms", {}, 50}, {"on disk, 99 %", "ms", {}},
                                {"on disk, worst", "ms", {}},      {"recorded, median", "ms", {}},
                                {"recorded, 99 %", "ms", {}},      {"recorded, worst", "ms", {}},
                                {"changes lost", "", {}, 0}};
  for (int i = 0; i < chosen.repeat; ++i) {
    const auto round = one_round(chosen, wanted);
    std::size_t next = 0;
    for (const auto* times : {&round.on_disk, &round.in_registry})
      for (const auto share : {0.5, 0.99, 1.0})
        measures[next++].values.push_back(quantile(*times, share));
    measures[next].values.push_back(round.lost);
  }
  return measures;
}

} // namespace
} // namespace farshore::bench

int main(int argc, char** argv) {
  using namespace farshore::bench;
  load wanted;
  return benchmark_main(argc, argv,
                        {"latency", "How long after a commit is the change at the secondary?",
                         [&](CLI::App& app) {
                           app.add_option("--rate", wanted.per_second, "Changes a second")
                               ->check(CLI::Range(1, 100'000))
                               ->capture_default_str();
                           app.add_option("--seconds", wanted.duration_seconds, "For so long")
                               ->check(CLI::PositiveNumber)
                               ->capture_default_str();
                         },
                         [&](const options& chosen) { return measure_latency(chosen, wanted); }});
}
