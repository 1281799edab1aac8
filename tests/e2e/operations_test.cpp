// What an operator and a service manager see of real nodes: readiness, health, the doctor, the
// audit log, grants, uninstall.

#include "tests/e2e/sites.hpp"
#include "tests/support/database.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace farshore::test {

namespace {

namespace fs = std::filesystem;
using Catch::Contains;

const std::string files_table = "CREATE TABLE files (id bigserial PRIMARY KEY, path text)";

/// Status and body of an unsigned GET; 0 where nobody listens.
std::pair<int, std::string> get(int port, const std::string& target) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto request = "GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  std::string answer;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
    char block[4096];
    ssize_t got = 0;
    while ((got = ::recv(fd, block, sizeof block, 0)) > 0)
      answer.append(block, static_cast<std::size_t>(got));
  }
  ::close(fd);
  const auto body = answer.find("\r\n\r\n");
  if (body == std::string::npos)
    return {0, {}};
  return {std::stoi(answer.substr(9, 3)), answer.substr(body + 4)};
}

/// Plays systemd: the socket that a node tells how it stands.
class notify_socket {
public:
  explicit notify_socket(const fs::path& at) : path_{at.string()} {
    fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    // A message that does not come fails the test rather than hang it.
    const timeval patience{120, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~notify_socket() { ::close(fd_); }
  notify_socket(const notify_socket&) = delete;
  notify_socket& operator=(const notify_socket&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

  /// The next one; empty where none came. Without `wait`: what is there already.
  [[nodiscard]] std::string next(bool wait = true) const {
    char message[4096];
    const auto got = ::recv(fd_, message, sizeof message, wait ? 0 : MSG_DONTWAIT);
    return got > 0 ? std::string(message, static_cast<std::size_t>(got)) : std::string{};
  }
  /// The next one that begins so, others in between left out.
  [[nodiscard]] std::string next_that_begins(const std::string& with) const {
    for (auto message = next(); !message.empty(); message = next())
      if (message.starts_with(with))
        return message;
    return {};
  }

private:
  std::string path_;
  int fd_ = -1;
};

/// A child of a process, by /proc.
std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> found;
  std::ifstream list{"/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) +
                     "/children"};
  for (pid_t pid = 0; list >> pid;)
    found.push_back(pid);
  return found;
}

} // namespace

TEST_CASE("a service manager hears when a node is ready, alive, reloads and stops", "[e2e]") {
  two_sites sites;
  sites.declare({{}});
  const notify_socket manager{sites.folder() / "notify"};
  ::setenv("NOTIFY_SOCKET", manager.path().c_str(), 1);
  ::setenv("WATCHDOG_USEC", "200000", 1);
  sites.primary.launch();
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("WATCHDOG_USEC");

  const auto ready = manager.next();
  CHECK_THAT(ready, Catch::StartsWith("READY=1\nSTATUS=site harbour listens at 127.0.0.1:"));
  CHECK(get(sites.primary.port(), "/healthz").first == 200); // it does listen by then
  CHECK(manager.next_that_begins("WATCHDOG=1") == "WATCHDOG=1");

  sites.primary.send(SIGHUP);
  const auto reloading = manager.next_that_begins("RELOADING=1");
  REQUIRE_THAT(reloading, Catch::StartsWith("RELOADING=1\nMONOTONIC_USEC="));
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto told = std::stoll(reloading.substr(reloading.rfind('=') + 1));
  CHECK(told > 0);
  CHECK(told <= now.tv_sec * 1'000'000LL + now.tv_nsec / 1000);
  CHECK(manager.next_that_begins("READY=1") == ready);

  // Its database does not answer: no more signs of life, until it does.
  const auto database = sites.primary.postmaster();
  REQUIRE(database > 0);
  auto stopped = children_of(database);
  for (const auto pid : stopped)
    ::kill(pid, SIGSTOP);
  CHECK(eventually([&] { return get(sites.primary.port(), "/healthz").first == 503; }));
  CHECK(get(sites.primary.port(), "/readyz").first == 503);
  const auto silent = [&] {
    return sites.primary.log().find("actors did not answer") != std::string::npos;
  };
  CHECK(eventually(silent));
  while (!manager.next(false).empty()) {
  }
  const auto misses = [&] {
    const auto text = sites.primary.log();
    int found = 0;
    for (auto at = text.find("actors did not answer"); at != std::string::npos;
         at = text.find("actors did not answer", at + 1))
      ++found;
    return found;
  };
  const auto before = misses();
  CHECK(eventually([&] { return misses() >= before + 2; }));
  CHECK(manager.next(false).empty());
  for (const auto pid : stopped)
    ::kill(pid, SIGCONT);
  CHECK(manager.next_that_begins("WATCHDOG=1") == "WATCHDOG=1");
  CHECK(eventually([&] { return get(sites.primary.port(), "/healthz").first == 200; }));

  sites.primary.send(SIGTERM);
  CHECK_THAT(manager.next_that_begins("STOPPING=1"), Contains("STATUS=stopping"));
  CHECK(sites.primary.wait_for_end() == 0);
}

TEST_CASE("readiness tells a load balancer when a site does what it is for", "[e2e]") {
  two_sites sites;
  sites.declare({{}});
  sites.primary.start();
  sites.secondary.start();
  const auto ready = [](const site& at) { return get(at.port(), "/readyz").first; };
  // The table is not there yet.
  CHECK(eventually([&] { return ready(sites.primary) == 503; }));
  CHECK_THAT(get(sites.primary.port(), "/readyz").second,
             Contains("1 of 1 types are not installed yet"));
  CHECK(ready(sites.secondary) == 503);
  CHECK(get(sites.primary.port(), "/healthz").first == 200);
  CHECK(get(sites.secondary.port(), "/healthz").first == 200);
  sites.primary.sql(files_table);
  CHECK(eventually([&] { return ready(sites.primary) == 200; }));
  CHECK(eventually([&] { return ready(sites.secondary) == 200; }));
  // What is here can be served, wherever the primary is.
  CHECK(sites.primary.stop() == 0);
  CHECK(eventually([&] { return sites.secondary.number("/primary/reachable") == 0; }));
  CHECK(ready(sites.secondary) == 200);
  CHECK(ready(sites.primary) == 0);
}

TEST_CASE("what people do is in the node's log, with who they are", "[e2e]") {
  two_sites sites;
  sites.secondary.more_settings = "[log]\nlevel = \"error\"\nformat = \"json\"\n";
  sites.start(files_table);
  sites.write("one", "1");
  sites.primary.sql("INSERT INTO files (path) VALUES ('one')");
  CHECK(sites.difference() == "");
  CHECK(sites.secondary.command({"resync", "file", "--all"}).code == 0);
  CHECK(sites.secondary.command({"pause"}).code == 0);
  CHECK(sites.secondary.command({"resync", "fiel", "--all"}).code == 1);
  CHECK(sites.primary.command({"publish", "file", "1", "updated"}).code == 0);

  std::vector<boost::json::value> lines;
  std::istringstream log{sites.secondary.log()};
  for (std::string line; std::getline(log, line);)
    if (line.find("\"level\":\"audit\"") != std::string::npos)
      lines.push_back(boost::json::parse(line));
  REQUIRE(lines.size() == 3);
  const std::string user = ::geteuid() == 0 ? "root" : lines[0].at("user").as_string().c_str();
  CHECK(lines[0].at("action").as_string() == "resync");
  CHECK(lines[0].at("on").as_string() == "file");
  CHECK(lines[0].at("records").as_int64() == 1);
  CHECK(lines[0].at("user").as_string().c_str() == user);
  CHECK(lines[0].at("site").as_string() == "lisbon");
  CHECK_THAT(lines[0].at("remote").as_string().c_str(), Catch::StartsWith("127.0.0.1:"));
  CHECK(lines[1].at("on").as_string() == "all types");
  CHECK(lines[2].at("outcome").as_string() == "refused");
  CHECK(lines[2].at("code").as_string() == "not_found");
  CHECK_THAT(sites.primary.log(), Contains(" audit " + user + " of site harbour (127.0.0.1:") &&
                                      Contains(") did publish on file/1: done"));
}

TEST_CASE("the doctor finds both sites well, and what is wrong when it is", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  sites.write("one", "1");
  sites.primary.sql("INSERT INTO files (path) VALUES ('one')");
  CHECK(sites.difference() == "");
  // The shell's own limit of open files is not what this is about.
  const auto well = [](const site& at) {
    const auto said = at.command({"doctor", "--json"});
    const auto findings = boost::json::parse(said.out);
    std::string wrong;
    for (const auto& one : findings.at("checks").as_array())
      if (one.at("result").as_string() == "wrong" && one.at("check").as_string() != "open files")
        wrong += boost::json::serialize(one) + "\n";
    return wrong;
  };
  CHECK(well(sites.primary) == "");
  CHECK(well(sites.secondary) == "");
  CHECK_THAT(sites.primary.command({"doctor"}).out,
             Contains("the first 1 records can be read") && Contains("configuration         ok "));

  // A file that is gone, and one of another secret.
  fs::remove(sites.primary.store() / "one");
  const auto missing = sites.primary.command({"doctor"});
  CHECK(missing.code == 1);
  CHECK_THAT(missing.out, Contains("records readable      wrong    file/1: "));
  const auto other = sites.folder() / "other-secret";
  CHECK(run({FARSHORE_PROGRAM, "secret", "--output", other.string()}).code == 0);
  sites.secondary.secret_file = other;
  sites.secondary.declare({{}});
  const auto refused = sites.secondary.command({"doctor"});
  CHECK(refused.code == 1);
  CHECK_THAT(refused.out, Contains("secret                wrong    ") &&
                              Contains("the secret files of the two sites differ"));

  CHECK(sites.primary.stop() == 0);
  const auto alone = sites.secondary.command({"doctor"});
  CHECK(alone.code == 1);
  CHECK_THAT(alone.out, Contains("primary's address     wrong    no connection to http://"));
  CHECK_THAT(sites.primary.command({"doctor"}).out,
             Contains("start it with: farshore node -c") &&
                 Contains("database              skipped  the managed database runs only while"));
}

TEST_CASE("the doctor tells a primary from what only looks like one", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  // The secondary's own port instead of its primary's.
  std::ifstream file{sites.secondary.config()};
  std::stringstream text;
  text << file.rdbuf();
  auto toml = text.str();
  const auto primary = "127.0.0.1:" + std::to_string(sites.primary.port());
  toml.replace(toml.rfind(primary), primary.size(),
               "127.0.0.1:" + std::to_string(sites.secondary.port()));
  std::ofstream{sites.secondary.config()} << toml;
  CHECK_THAT(sites.secondary.command({"doctor"}).out,
             Contains("primary answers       wrong    ") && Contains("but no primary"));
}

TEST_CASE("uninstall takes Farshore out of both databases, and a node can begin anew", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  sites.write("one", "1");
  sites.primary.sql("INSERT INTO files (path) VALUES ('one')");
  CHECK(sites.difference() == "");
  for (auto* one : {&sites.primary, &sites.secondary}) {
    const auto refused = one->command({"uninstall", "--yes"});
    CHECK(refused.code == 1);
    CHECK_THAT(refused.err, Contains("a node works on this database: stop it first"));
    CHECK(one->stop() == 0);
    const auto asked = one->command({"uninstall"});
    CHECK(asked.code == 1);
    CHECK_THAT(asked.out, Contains("schema farshore"));
    CHECK_THAT(asked.err, Contains("give --yes"));
    const auto done = one->command({"uninstall", "--yes"});
    CHECK(done.code == 0);
    CHECK_THAT(done.out, Contains("removed\n"));
    CHECK_THAT(one->command({"uninstall", "--yes"}).out, Contains("nothing to remove"));
    CHECK(processes_in(one->data()).empty());
  }
  CHECK(sites.there("one") == "1");
  CHECK(fs::exists(sites.secondary.store() / ".farshore/identity"));
  sites.primary.start();
  CHECK(sites.primary.value("SELECT count(*) FROM files") == "1");
  CHECK(sites.verified());
  sites.secondary.start();
  CHECK(sites.difference() == "");
  CHECK(sites.secondary.number("/transferred/adopted") == 1);
}

TEST_CASE("a node replicates from an existing database with exactly the printed grants", "[e2e]") {
  database existing;
  two_sites sites;
  const auto name = existing.query_value("SELECT current_database()");
  existing.exec("CREATE ROLE shop LOGIN; CREATE TABLE files (id bigserial PRIMARY KEY, path text);"
                "ALTER TABLE files OWNER TO shop");
  auto url = existing.url();
  const auto from = url.find("://") + 3;
  sites.primary.database = url.replace(from, url.find('@') - from, "replicator");
  sites.declare({{}});
  const auto grants = sites.primary.command({"check", "--grants"});
  REQUIRE(grants.code == 0);
  CHECK_THAT(grants.out, Contains("CREATE ROLE \"replicator\" LOGIN"));
  existing.exec(grants.out);
  sites.primary.start();
  sites.secondary.start();
  sites.write("one", "1");
  existing.exec("SET ROLE shop; INSERT INTO files (path) VALUES ('one'); RESET ROLE");
  CHECK(sites.difference() == "");
  CHECK(sites.there("one") == "1");
  CHECK(sites.primary.value("SELECT current_user") == "replicator");
  CHECK(sites.primary.stop() == 0);
  CHECK(sites.primary.command({"uninstall", "--yes"}).code == 0);
  CHECK(existing.query_value("SELECT count(*) FROM files") == "1");
}

} // namespace farshore::test
