#include "config/clock.hpp"
#include "net/signing.hpp"
#include "tests/e2e/sites.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace farshore::test {

namespace {

namespace fs = std::filesystem;

const std::string files_table = "CREATE TABLE files (id bigserial PRIMARY KEY, path text)";

/// A request as it is, and all that comes back until the connection ends.
std::string ask(int port, const std::string& request) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(request.size())) {
    char block[4096];
    ssize_t got = 0;
    while ((got = ::recv(fd, block, sizeof block, 0)) > 0)
      answer.append(block, static_cast<std::size_t>(got));
  }
  ::close(fd);
  return answer;
}

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \n") + 1);
  return text;
}

} // namespace

TEST_CASE("locators that lead out of the store fail, write nothing, and block nothing", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  // Where they would lead at the primary, there is something.
  std::ofstream{sites.primary.folder() / "stores/outside"} << "not in the store";
  std::ofstream{sites.folder() / "absolute"} << "not in the store";
  fs::create_directories(sites.primary.store() / ".farshore");
  std::ofstream{sites.primary.store() / ".farshore/identity"} << "an imposter";
  const auto identity = read_file(sites.secondary.store() / ".farshore/identity");

  sites.primary.sql(
      "INSERT INTO files (id, path) VALUES (1, '../outside'), (2, '" +
      (sites.folder() / "absolute").string() +
      "'), (3, '.farshore/identity'), (4, 'a/../../outside'), (5, ''), (6, '.'), (7, '..'), "
      "(8, 'a//b'), (9, 'a/./b'), (10, '" +
      std::string(256, 'n') + "'), (11, '/'), (12, 'a/')");
  for (int i = 100; i < 150; ++i)
    sites.write("good/" + std::to_string(i), std::to_string(i));
  sites.primary.sql("INSERT INTO files SELECT i, 'good/' || i FROM generate_series(100, 149) i");
  CHECK(eventually([&] { return files_in(sites.secondary.store()).size() == 50; }));
  CHECK(eventually([&] { return sites.secondary.number("/types/0/failed_count") == 12; }));
  CHECK(sites.secondary.number("/types/0/synced_count") == 50);

  CHECK(files_in(sites.secondary.store()).size() == 50);
  CHECK(fs::is_empty(sites.secondary.store() / ".farshore/tmp"));
  CHECK(read_file(sites.secondary.store() / ".farshore/identity") == identity);
  CHECK_FALSE(fs::exists(sites.secondary.folder() / "stores/outside"));
  CHECK(read_file(sites.folder() / "absolute") == "not in the store");
  const auto listed = sites.secondary.command({"list", "file", "--state", "failed", "--json"});
  const auto records = boost::json::parse(listed.out).at("records").as_array();
  REQUIRE(records.size() == 12);
  for (const auto& record : records)
    CHECK_FALSE(record.at("last_sync_failure").as_string().empty());
  CHECK(sites.wait(1).code == 1);

  // Put right, they work; and a delete of one that never worked is done.
  sites.write("fixed", "now within");
  sites.primary.sql("UPDATE files SET path = 'fixed' WHERE id = 1; "
                    "DELETE FROM files WHERE id BETWEEN 2 AND 99");
  fs::remove_all(sites.primary.store() / ".farshore");
  CHECK(sites.difference() == "");
}

TEST_CASE("a symbolic link planted in the store leads nowhere", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  const auto outside = sites.folder() / "outside";
  fs::create_directories(outside);
  std::ofstream{outside / "file"} << "precious";
  fs::create_directory_symlink(outside, sites.secondary.store() / "folder");
  fs::create_symlink(outside / "file", sites.secondary.store() / "link");

  sites.write("folder/new", "must not go outside");
  sites.write("folder/file", "must not overwrite");
  sites.write("link", "replaces the link itself");
  sites.write("beside", "works");
  sites.primary.sql(
      "INSERT INTO files VALUES (1, 'folder/new'), (2, 'folder/file'), (3, 'link'), (4, 'beside')");
  CHECK(eventually([&] { return sites.there("beside") == "works"; }));
  CHECK(eventually([&] { return sites.secondary.number("/types/0/failed_count") >= 2; }));
  CHECK(read_file(outside / "file") == "precious");
  CHECK_FALSE(fs::exists(outside / "new"));

  // A delete does not go through it either.
  sites.primary.sql("DELETE FROM files WHERE id = 2");
  sites.remove("folder/file");
  fs::remove(sites.secondary.store() / "link");
  CHECK(eventually([&] { return sites.there("link") == "replaces the link itself"; }));
  CHECK(read_file(outside / "file") == "precious");

  fs::remove(sites.secondary.store() / "folder");
  CHECK(sites.difference() == "");
  CHECK(read_file(outside / "file") == "precious");
}

TEST_CASE("a site with another secret is refused, and catches up once it has the right one",
          "[e2e]") {
  two_sites sites;
  const auto right = sites.secondary.secret_file;
  const auto wrong = sites.folder() / "wrong";
  CHECK(run({FARSHORE_PROGRAM, "secret", "--output", wrong.string()}).code == 0);
  sites.secondary.secret_file = wrong;
  sites.declare({{}});
  sites.primary.start();
  sites.primary.sql(files_table);
  sites.write("one", "1");
  sites.primary.sql("INSERT INTO files (path) VALUES ('one')");
  sites.secondary.start();

  CHECK(eventually([&] {
    const auto status = sites.secondary.status();
    return status.is_object() && status.at("primary").at("error").is_string();
  }));
  const auto status = sites.secondary.status();
  CHECK_FALSE(status.at("primary").at("reachable").as_bool());
  CHECK(status.at("health").as_string() == "degraded");
  CAPTURE(status.at("primary").at("error").as_string());
  CHECK(status.at("primary").at("error").as_string().find("secret") != std::string::npos);
  CHECK(sites.wait(2).code != 0);
  CHECK(sites.there("one") == "(none)");

  // The command line with another secret than the node's.
  sites.secondary.secret_file = right;
  sites.secondary.declare({{}});
  CHECK(sites.secondary.command({"status"}).code == 4);

  CHECK(sites.secondary.stop() == 0);
  sites.secondary.start();
  CHECK(eventually([&] { return sites.serves("file"); }));
  CHECK(sites.difference() == "");
}

TEST_CASE("a wrong clock is named, and what is signed for another request is refused", "[e2e]") {
  two_sites sites;
  sites.declare({{}});
  sites.primary.start();
  const auto secret = trimmed(read_file(sites.primary.secret_file));
  const auto request = [&](const std::string& target, const std::string& authorization) {
    return ask(sites.primary.port(), "GET " + target +
                                         " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                         "Farshore-Wire: 1\r\nAuthorization: " +
                                         authorization + "\r\n\r\n");
  };
  const auto now = system_time().wall();
  const auto status = "/api/v1/status";
  const auto sign = [&](wall_time at, const std::string& target = "/api/v1/status") {
    return sign_request(secret, "harbour", "GET", target, at);
  };

  CHECK(request(status, sign(now)).find("200 OK") != std::string::npos);
  for (const auto off : {-1h, 1h}) {
    const auto answer = request(status, sign(now + off));
    CAPTURE(answer);
    CHECK(answer.find(" 401 ") != std::string::npos);
    CHECK(answer.find("clock") != std::string::npos);
  }
  CHECK(request(status, sign(now, "/api/v1/other")).find(" 401 ") != std::string::npos);
  CHECK(request(status, "Bearer x.y.z").find(" 401 ") != std::string::npos);
}

TEST_CASE("a site's own key opens nothing of another site's", "[e2e]") {
  two_sites sites;
  sites.declare({{}});
  sites.primary.start();
  const auto secret = trimmed(read_file(sites.primary.secret_file));
  const auto key = to_string(*derive_key(secret, "lisbon"));
  const auto get = [&](const std::string& target, const std::string& authorization) {
    return ask(sites.primary.port(), "GET " + target +
                                         " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                         "Farshore-Wire: 2\r\nAuthorization: " +
                                         authorization + "\r\n\r\n");
  };
  const auto now = system_time().wall();
  const auto sign = [&](const std::string& target) {
    return sign_request(key, "lisbon", "GET", target, now);
  };
  CHECK(get("/v1/position", sign("/v1/position")).find("200 OK") != std::string::npos);
  const auto told = get("/api/v1/status", sign("/api/v1/status"));
  CAPTURE(told);
  CHECK(told.find(" 403 ") != std::string::npos);
  CHECK(told.find("own command line and its tokens") != std::string::npos);

  // In the other's name it can only guess: the text of its key taken for the secret.
  CHECK(sign_request(key, "harbour", "GET", "/api/v1/status", now).empty());
  const auto guessed = sign_request(key.substr(1), "harbour", "GET", "/api/v1/status", now);
  CHECK(get("/api/v1/status", guessed).find(" 401 ") != std::string::npos);
}

TEST_CASE("a second node on a database is refused, with the reason", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  for (auto* one : {&sites.primary, &sites.secondary}) {
    auto url = trimmed(one->command({"database-url"}).out);
    auto text = read_file(one->config());
    const auto replace = [&](const std::string& from, const std::string& to) {
      text.replace(text.find(from), from.size(), to);
    };
    const auto data = sites.folder() / "second";
    replace("data = \"" + one->data().string(),
            "database = \"" + url + "\"\ndata = \"" + data.string());
    replace(":" + std::to_string(one->port()), ":0");
    const auto config = sites.folder() / "second.toml";
    std::ofstream{config, std::ios::trunc} << text;
    const auto log = sites.folder() / "second.log";
    fs::remove(log);
    const auto pid = launch({FARSHORE_PROGRAM, "node", "-c", config.string()}, log);
    int code = -1;
    const bool ended = eventually([&] { return has_ended(pid, code); });
    if (!ended) {
      ::kill(pid, SIGKILL);
      wait_for_end(pid);
    }
    CAPTURE(read_file(log));
    CHECK(ended);
    CHECK(code == 1);
    CHECK(read_file(log).find("another node") != std::string::npos);
  }
  sites.write("one", "1");
  sites.primary.sql("INSERT INTO files (path) VALUES ('one')");
  CHECK(sites.difference() == "");
}

TEST_CASE("what is logged holds no secret", "[e2e]") {
  const std::string format = GENERATE(as<std::string>{}, "text", "json");
  two_sites sites;
  const auto settings = "[log]\nlevel = \"debug\"\nformat = \"" + format + "\"\n";
  sites.primary.more_settings = settings;
  sites.secondary.more_settings = settings;
  sites.start(files_table);
  sites.write("one", "1");
  sites.primary.sql("INSERT INTO files (path) VALUES ('one'), ('missing')");
  CHECK(sites.wait().code == 0);
  ask(sites.primary.port(),
      "GET /api/v1/status HTTP/1.1\r\nConnection: close\r\nAuthorization: Bearer x.y.z\r\n\r\n");
  sites.primary.kill();
  CHECK(eventually([&] { return sites.secondary.number("/primary/reachable") == 0; }));
  sites.primary.start();
  sites.primary.reload();
  CHECK(sites.wait().code == 0);
  const auto secret = trimmed(read_file(sites.primary.secret_file));
  REQUIRE(secret.size() >= 16);
  for (const auto* one : {&sites.primary, &sites.secondary}) {
    const auto log = one->log();
    CHECK(log.size() > 50);
    CHECK(log.find(secret) == std::string::npos);
    CHECK(log.find("Bearer") == std::string::npos);
    if (format == "json")
      CHECK_NOTHROW(boost::json::parse(log.substr(0, log.find('\n'))));
  }
}

TEST_CASE("a file that the primary may not read fails by name, and is tried again", "[e2e]") {
  if (::geteuid() == 0) {
    WARN("root may read everything: not run");
    return;
  }
  two_sites sites;
  sites.start(files_table);
  sites.write("closed", "secret");
  sites.write("open", "public");
  fs::permissions(sites.primary.store() / "closed", fs::perms::none);
  sites.primary.sql("INSERT INTO files (path) VALUES ('closed'), ('open')");
  CHECK(eventually([&] { return sites.there("open") == "public"; }));
  CHECK(eventually([&] { return sites.secondary.number("/types/0/failed_count") == 1; }));
  const auto listed = sites.secondary.command({"list", "file", "--state", "failed"});
  CHECK(listed.out.find("ermission denied") != std::string::npos);
  fs::permissions(sites.primary.store() / "closed", fs::perms::owner_read);
  CHECK(sites.difference() == "");
}

} // namespace farshore::test
