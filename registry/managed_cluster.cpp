#include "registry/managed_cluster.hpp"

#include "registry/database.hpp"
#include "registry/server_process.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace farshore {

namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

constexpr auto poll_pause = 10ms;
/// sun_path holds 108 bytes with its NUL.
constexpr std::size_t socket_path_bytes_max = 107;
constexpr std::uintmax_t log_bytes_max = 16u << 20;

fs::path absolute_of(const fs::path& folder) {
  std::error_code ec;
  auto path = fs::weakly_canonical(folder, ec);
  return ec ? fs::absolute(folder) : path;
}

/// Folder of the socket: within the cluster's own, or a short one where that path is too long for a
/// socket's address, or has a byte that PostgreSQL's list of folders or a URL takes for its own.
fs::path socket_folder(const fs::path& folder) {
  const auto own = (folder / "socket").string();
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '.' || c == '_' || c == '-';
  };
  if (own.size() + std::strlen("/.s.PGSQL.5432") <= socket_path_bytes_max &&
      std::ranges::all_of(own, plain))
    return own;
  std::uint64_t hash = 14695981039346656037u; // FNV-1a: the same in every build of the program
  for (const char c : folder.string())
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  char name[40];
  std::snprintf(name, sizeof name, "/tmp/farshore-%016llx", static_cast<unsigned long long>(hash));
  return name;
}

std::string url_for(const fs::path& folder, std::string_view database) {
  return "postgresql://farshore@/" + std::string{database} +
         "?host=" + socket_folder(folder).string() + "&port=5432";
}

tl::unexpected<error> cannot(const std::string& what, const fs::path& path, int number) {
  return fail(ec::database_unavailable,
              "managed database: cannot " + what + " " + path.string() + ": " +
                  std::strerror(number) + "; the node's data folder must be its own, and writable");
}

/// A folder that is the server's alone. One that belongs to somebody else is refused: in /tmp it
/// could be a trap.
result<void> make_private_folder(const server_account& account, const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return cannot("make", folder, errno);
  struct stat found {};
  if (::lstat(folder.c_str(), &found) != 0)
    return cannot("examine", folder, errno);
  if (!S_ISDIR(found.st_mode) || (found.st_uid != account.uid && found.st_uid != ::geteuid()))
    return fail(ec::database_unavailable, "managed database: " + folder.string() +
                                              " is not a folder of its own (it belongs to user " +
                                              std::to_string(found.st_uid) +
                                              "): remove it, or run the node as that user");
  if (account.substituted && ::chown(folder.c_str(), account.uid, account.gid) != 0)
    return cannot("give away", folder, errno);
  if (::chmod(folder.c_str(), 0700) != 0)
    return cannot("protect", folder, errno);
  return {};
}

result<void> flush_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int failed = fd < 0 || ::fsync(fd) != 0 ? errno : 0;
  if (fd >= 0)
    ::close(fd);
  if (failed != 0)
    return cannot("flush", folder, failed);
  return {};
}

class starter {
public:
  starter(fs::path folder, server_account account, clock::time_point until)
      : folder_{std::move(folder)}, account_{std::move(account)}, until_{until} {}

  result<server_process> run() {
    if (auto ok = prepare(); !ok)
      return fail(std::move(ok).error());
    if (auto ok = wait_for_predecessor(); !ok)
      return fail(std::move(ok).error());
    for (;;) {
      auto server = launch();
      if (!server)
        return server;
      if (auto ok = wait_until_it_answers(*server); ok)
        return server;
      else if (server->running() || !leftovers_in_the_way() || late())
        return fail(std::move(ok).error());
      std::this_thread::sleep_for(poll_pause);
    }
  }

private:
  [[nodiscard]] fs::path data() const { return folder_ / "data"; }
  [[nodiscard]] fs::path log() const { return folder_ / "log"; }
  [[nodiscard]] bool late() const { return clock::now() >= until_; }

  result<void> prepare() {
    std::error_code ec;
    fs::create_directories(folder_, ec);
    if (ec)
      return cannot("make", folder_, ec.value());
    if (fs::file_size(log(), ec) > log_bytes_max && !ec)
      fs::resize_file(log(), 0, ec);
    if (auto ok = make_private_folder(account_, socket_folder(folder_)); !ok)
      return ok;
    return fs::exists(data(), ec) ? result<void>{} : create();
  }

  /// Built beside its place: what a kill leaves half made is thrown away by the next start.
  result<void> create() {
    const auto made = folder_ / "data.new";
    std::error_code ec;
    fs::remove_all(made, ec);
    if (ec)
      return cannot("remove", made, ec.value());
    if (auto ok = make_private_folder(account_, made); !ok)
      return ok;
    mark_log();
    auto initdb = server_process::start(account_,
                                        {"initdb", "-D", made, "-U", "farshore", "-A", "trust",
                                         "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"},
                                        made, log());
    if (!initdb)
      return fail(std::move(initdb).error());
    // Never short of time for the one run that matters: a slow disk is no reason to start over.
    if (const auto status = initdb->wait(10min); status != 0)
      return complain("initdb failed in " + made.string());
    fs::rename(made, data(), ec);
    if (ec)
      return cannot("rename to its place", made, ec.value());
    return flush_folder(folder_);
  }

  /// The process that the folder's lock file names, if it is a PostgreSQL at work there.
  [[nodiscard]] std::pair<int, bool> predecessor() const {
    int pid = 0;
    std::ifstream{data() / "postmaster.pid"} >> pid;
    if (pid <= 0)
      return {0, false};
    std::error_code ec;
    const auto where = fs::read_symlink("/proc/" + std::to_string(pid) + "/cwd", ec);
    return {pid, !ec && where == data()};
  }

  /// A node that was killed leaves a PostgreSQL that is still shutting down.
  result<void> wait_for_predecessor() {
    for (;;) {
      const auto [pid, lives] = predecessor();
      if (!lives) {
        // After a reboot the number may be another process's, and PostgreSQL would not start.
        std::error_code ec;
        if (pid > 0 && fs::exists("/proc/" + std::to_string(pid), ec))
          fs::remove(data() / "postmaster.pid", ec);
        return {};
      }
      if (late())
        return fail(ec::database_unavailable,
                    "managed database: another PostgreSQL (pid " + std::to_string(pid) +
                        ") works in " + data().string() +
                        " and does not end; if no node runs on this folder, stop it: kill -INT " +
                        std::to_string(pid));
      std::this_thread::sleep_for(poll_pause);
    }
  }

  result<server_process> launch() {
    mark_log();
    return server_process::start(account_,
                                 {"postgres",
                                  "-D",
                                  data(),
                                  "-c",
                                  "unix_socket_directories=" + socket_folder(folder_).string(),
                                  "-c",
                                  "unix_socket_permissions=0700",
                                  "-c",
                                  "listen_addresses=",
                                  "-c",
                                  "port=5432",
                                  "-c",
                                  "cluster_name=farshore",
                                  "-c",
                                  "max_connections=60",
                                  "-c",
                                  "shared_buffers=128MB",
                                  "-c",
                                  "wal_level=replica",
                                  "-c",
                                  "max_wal_size=2GB",
                                  "-c",
                                  "autovacuum=on",
                                  "-c",
                                  "logging_collector=off",
                                  "-c",
                                  "log_min_messages=warning",
                                  "-c",
                                  "jit=off"},
                                 data(), log());
  }

  result<void> wait_until_it_answers(server_process& server) {
    for (;;) {
      auto made = make_database();
      if (made)
        return {};
      if (!server.running())
        return complain("PostgreSQL ended while it was starting in " + data().string());
      if (late())
        return complain("PostgreSQL in " + data().string() + " did not answer in time (" +
                        made.error().message + ")");
      std::this_thread::sleep_for(poll_pause);
    }
  }

  result<void> make_database() {
    return guarded("create database farshore", [&]() -> result<void> {
      pqxx::connection db{url_for(folder_, "postgres")};
      pqxx::nontransaction tx{db};
      // A restored backup answers readers long before it takes a write.
      if (tx.exec1("SELECT pg_is_in_recovery()")[0].as<bool>())
        return fail(ec::database_unavailable, "it is still recovering, or a standby");
      if (!tx.exec("SELECT 1 FROM pg_database WHERE datname = 'farshore'").empty())
        return {};
      // By default a schema of the user's own name comes first: the application's tables would land
      // in Farshore's.
      tx.exec("ALTER ROLE farshore SET search_path = public");
      tx.exec("CREATE DATABASE farshore");
      return {};
    });
  }

  /// Sessions of a killed server may outlive it for a moment; PostgreSQL refuses to start beside
  /// them.
  [[nodiscard]] bool leftovers_in_the_way() const {
    const auto text = log_tail(log(), log_from_);
    return text.find("is still in use") != std::string::npos;
  }

  void mark_log() {
    std::error_code ec;
    const auto size = fs::file_size(log(), ec);
    log_from_ = ec ? 0 : size;
  }

  tl::unexpected<error> complain(const std::string& what) const {
    const auto text = log_tail(log(), log_from_);
    return fail(ec::database_unavailable, "managed database: " + what + "; " + log().string() +
                                              (text.empty() ? " is empty" : " says:\n" + text));
  }

  fs::path folder_;
  server_account account_;
  clock::time_point until_;
  std::uintmax_t log_from_ = 0;
};

} // namespace

managed_cluster::managed_cluster(std::string url, std::unique_ptr<server_process> server)
    : url_{std::move(url)}, server_{std::move(server)} {}

managed_cluster::~managed_cluster() = default;

std::string managed_cluster::url_of(const fs::path& folder) {
  return url_for(absolute_of(folder), "farshore");
}

result<std::unique_ptr<managed_cluster>> managed_cluster::start(const fs::path& folder,
                                                                std::chrono::seconds deadline) {
  auto account = find_server_account();
  if (!account)
    return fail(std::move(account).error());
  std::error_code ec;
  fs::create_directories(folder, ec); // so that its absolute name is final
  const auto path = absolute_of(folder);
  auto server = starter{path, std::move(*account), clock::now() + deadline}.run();
  if (!server)
    return fail(std::move(server).error());
  return std::unique_ptr<managed_cluster>{new managed_cluster{
      url_for(path, "farshore"), std::make_unique<server_process>(std::move(*server))}};
}

int managed_cluster::pid() const {
  return server_->pid();
}

bool managed_cluster::running() {
  return server_->running();
}

} // namespace farshore
