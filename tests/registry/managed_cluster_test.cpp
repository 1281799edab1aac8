// The private PostgreSQL: started, found by its address, killed, and left half made.

#include "registry/managed_cluster.hpp"

#include "registry/server_process.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <pqxx/pqxx>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace farshore;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// Only its owner (root, mostly) may enter, as mkdtemp makes it.
class temporary_folder {
public:
  temporary_folder() {
    std::string name = fs::temp_directory_path() / "farshore-cluster-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~temporary_folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

std::unique_ptr<managed_cluster> started(const fs::path& folder) {
  auto cluster = managed_cluster::start(folder);
  INFO((cluster ? "" : cluster.error().message));
  REQUIRE(cluster);
  return std::move(*cluster);
}

std::string query(const std::string& url, const std::string& sql) {
  pqxx::connection db{url};
  pqxx::nontransaction tx{db};
  return tx.exec1(sql)[0].as<std::string>();
}

void exec(const std::string& url, const std::string& sql) {
  pqxx::connection db{url};
  pqxx::work tx{db};
  tx.exec(sql);
  tx.commit();
}

} // namespace

TEST_CASE("a cluster keeps its rows from one start to the next, at the same address",
          "[managed_cluster]") {
  temporary_folder tmp;
  const auto folder = tmp.path / "database";
  {
    auto cluster = started(folder);
    CHECK(cluster->url() == managed_cluster::url_of(folder));
    CHECK(cluster->running());
    CHECK(query(cluster->url(), "SELECT current_user || '@' || current_database()") ==
          "farshore@farshore");
    CHECK(query(cluster->url(), "SHOW server_encoding") == "UTF8");
    CHECK(query(cluster->url(), "SHOW data_checksums") == "on");
    CHECK(query(cluster->url(), "SHOW fsync") == "on");
    CHECK(query(cluster->url(), "SHOW search_path") == "public");
    CHECK(query(cluster->url(), "SHOW listen_addresses").empty());
    exec(cluster->url(), "CREATE TABLE kept AS SELECT 42 AS value");
  }
  CHECK_THROWS_AS(pqxx::connection{managed_cluster::url_of(folder)}, pqxx::broken_connection);
  auto again = started(folder);
  CHECK(query(again->url(), "SELECT value FROM kept") == "42");
}

TEST_CASE("a cluster whose server was killed says so, and recovers at the next start",
          "[managed_cluster]") {
  temporary_folder tmp;
  const auto folder = tmp.path / "database";
  {
    auto cluster = started(folder);
    exec(cluster->url(), "CREATE TABLE kept AS SELECT 42 AS value");
    ::kill(cluster->pid(), SIGKILL);
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(cluster->pid()), &ended, WEXITED | WNOWAIT);
    CHECK_FALSE(cluster->running());
  }
  auto again = started(folder);
  CHECK(query(again->url(), "SELECT value FROM kept") == "42");
}

TEST_CASE("the node's death takes the server along, and the next start waits for its end",
          "[managed_cluster]") {
  temporary_folder tmp;
  const auto folder = tmp.path / "database";
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  const auto node = ::fork();
  if (node == 0) {
    auto cluster = managed_cluster::start(folder);
    const int pid = cluster ? (*cluster)->pid() : -1;
    (void)!::write(pipe_ends[1], &pid, sizeof pid);
    for (;;)
      ::pause();
  }
  int server = -1;
  REQUIRE(::read(pipe_ends[0], &server, sizeof server) == sizeof server);
  REQUIRE(server > 0);
  exec(managed_cluster::url_of(folder), "CREATE TABLE kept AS SELECT 42 AS value");
  ::kill(node, SIGKILL);
  ::waitpid(node, nullptr, 0);

  auto again = started(folder);
  CHECK(again->pid() != server);
  CHECK(query(again->url(), "SELECT value FROM kept") == "42");
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
}

TEST_CASE("a cluster that was left half made is made anew", "[managed_cluster]") {
  temporary_folder tmp;
  const auto folder = tmp.path / "database";
  fs::create_directories(folder / "data.new" / "base");
  std::ofstream{folder / "data.new" / "PG_VERSION"} << "15\n";
  auto cluster = started(folder);
  CHECK_FALSE(fs::exists(folder / "data.new"));
  CHECK(query(cluster->url(), "SELECT 1") == "1");
}

TEST_CASE("a lock file that names a stranger's process does not stop a cluster",
          "[managed_cluster]") {
  temporary_folder tmp;
  const auto folder = tmp.path / "database";
  started(folder).reset();
  std::ofstream{folder / "data" / "postmaster.pid"} << ::getpid() << '\n';
  auto cluster = started(folder);
  CHECK(query(cluster->url(), "SELECT 1") == "1");
}

TEST_CASE("a second cluster on the same folder is refused by the pid of the first",
          "[managed_cluster]") {
  temporary_folder tmp;
  auto first = started(tmp.path);
  auto second = managed_cluster::start(tmp.path, 0s);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ec::database_unavailable);
  CHECK_THAT(second.error().message, Catch::Contains(std::to_string(first->pid())));
  CHECK(first->running());
}

TEST_CASE("a folder whose path is too long or odd for a socket still gets one",
          "[managed_cluster]") {
  temporary_folder tmp;
  const auto folder = tmp.path / std::string(100, 'x') / "a, \"b\" & c";
  const auto url = managed_cluster::url_of(folder);
  CHECK_THAT(url, Catch::Contains("host=/tmp/farshore-"));
  auto cluster = started(folder);
  CHECK(cluster->url() == url);
  CHECK(query(url, "SELECT 1") == "1");
  cluster.reset();
  const auto begin = url.find("/tmp/farshore-");
  fs::remove_all(url.substr(begin, url.find('&', begin) - begin));
}

TEST_CASE("data that PostgreSQL refuses fails with what PostgreSQL says", "[managed_cluster]") {
  temporary_folder tmp;
  started(tmp.path).reset();
  std::ofstream{tmp.path / "data" / "PG_VERSION"} << "9.6\n";
  auto cluster = managed_cluster::start(tmp.path);
  REQUIRE_FALSE(cluster);
  CHECK(cluster.error().code == ec::database_unavailable);
  CHECK_THAT(cluster.error().message, Catch::Contains("not compatible with this version"));
}

TEST_CASE("a folder that cannot be made fails with its name", "[managed_cluster]") {
  temporary_folder tmp;
  std::ofstream{tmp.path / "file"} << "in the way";
  auto cluster = managed_cluster::start(tmp.path / "file" / "database");
  REQUIRE_FALSE(cluster);
  CHECK(cluster.error().code == ec::database_unavailable);
  CHECK_THAT(cluster.error().message, Catch::Contains("file/database"));
}
