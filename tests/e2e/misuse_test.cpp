// What an application, its database's owner and an operator do to running sites without thinking of
// Farshore.

#include "tests/e2e/sites.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include <catch2/catch.hpp>
#include <sys/stat.h>

namespace farshore::test {

namespace {

namespace fs = std::filesystem;

const std::string files_table = "CREATE TABLE files (id bigserial PRIMARY KEY, path text)";

/// Starts a node that is expected to end by itself: its code, or -1, and what it logged.
std::pair<int, std::string> node_that_ends(const two_sites& sites, const std::string& config_text) {
  const auto config = sites.folder() / "doomed.toml";
  const auto log = sites.folder() / "doomed.log";
  std::ofstream{config, std::ios::trunc} << config_text;
  fs::remove(log);
  const auto pid = launch({FARSHORE_PROGRAM, "node", "-c", config.string()}, log);
  int code = -1;
  if (!eventually([&] { return has_ended(pid, code); })) {
    ::kill(pid, SIGKILL);
    wait_for_end(pid);
  }
  return {code, read_file(log)};
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  text.replace(text.find(from), from.size(), to);
  return text;
}

std::string failure_of(const site& at, std::int64_t record, const std::string& type = "file") {
  const auto listed = at.command({"list", type, "--json"});
  if (listed.code != 0)
    return {};
  const auto page = boost::json::parse(listed.out);
  for (const auto& one : page.at("records").as_array())
    if (one.at("record_id").as_int64() == record && one.at("last_sync_failure").is_string())
      return std::string{one.at("last_sync_failure").as_string()};
  return {};
}

} // namespace

// -- the operator ---------------------------------------------------------------------------------

TEST_CASE("a second node on a data folder is refused at once, with the first one's pid", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  for (const auto* one : {&sites.primary, &sites.secondary}) {
    const auto begun = std::chrono::steady_clock::now();
    const auto [code, log] = node_that_ends(
        sites, with(read_file(one->config()), ":" + std::to_string(one->port()), ":0"));
    CAPTURE(log);
    CHECK(code == 1);
    CHECK(std::chrono::steady_clock::now() - begun < 10s);
    CHECK(log.find("another node (pid " + std::to_string(one->pid()) + ")") != std::string::npos);
  }
  sites.write("one", "1");
  sites.primary.sql("INSERT INTO files (path) VALUES ('one')");
  CHECK(sites.difference() == "");
}

TEST_CASE("a port in use ends the node with the address and what to do", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  const auto data = sites.folder() / "other";
  const auto text =
      with(read_file(sites.secondary.config()), sites.secondary.data().string(), data.string());
  const auto [code, log] = node_that_ends(sites, text);
  CAPTURE(log);
  CHECK(code == 1);
  CHECK(log.find("can't listen on 127.0.0.1:" + std::to_string(sites.secondary.port())) !=
        std::string::npos);
}

// -- the application ------------------------------------------------------------------------------

TEST_CASE("two records of one place share its file, and the last of them takes it along", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  sites.write("shared", "of both");
  sites.primary.sql("INSERT INTO files VALUES (1, 'shared'), (2, 'shared')");
  CHECK(sites.wait(60, true).code == 0);
  CHECK(sites.there("shared") == "of both");
  sites.primary.sql("DELETE FROM files WHERE id = 1");
  CHECK(sites.wait(60, true).code == 0);
  CHECK(sites.there("shared") == "of both");
  sites.primary.sql("DELETE FROM files WHERE id = 2");
  sites.remove("shared");
  CHECK(sites.wait(60, true).code == 0);
  CHECK(sites.there("shared") == "(none)");
}

TEST_CASE("what is no regular file at the primary is named, and the others arrive", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  fs::create_directories(sites.primary.store() / "folder/inner");
  REQUIRE(::mkfifo((sites.primary.store() / "fifo").c_str(), 0600) == 0);
  sites.write("good", "a file");
  fs::create_symlink(sites.primary.store() / "good", sites.primary.store() / "link");
  sites.primary.sql(
      "INSERT INTO files VALUES (1, 'folder'), (2, 'fifo'), (3, 'link'), (4, 'good')");
  CHECK(eventually([&] { return sites.there("good") == "a file"; }));
  CHECK(eventually([&] { return sites.secondary.number("/types/0/failed_count") == 3; }));
  for (const int record : {1, 2, 3}) {
    const auto failure = failure_of(sites.secondary, record);
    CAPTURE(record, failure);
    CHECK(failure.find("no regular file") != std::string::npos);
    CHECK(failure.find("file/" + std::to_string(record)) != std::string::npos);
  }
  CHECK(files_in(sites.secondary.store()).size() == 1);
}

TEST_CASE("a folder in a file's place at the secondary is named, and gives way once it is empty",
          "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  fs::create_directories(sites.secondary.store() / "here/mine");
  std::ofstream{sites.secondary.store() / "here/mine/text"} << "somebody's own";
  sites.write("here", "the record's");
  sites.write("beside", "works");
  sites.primary.sql("INSERT INTO files VALUES (1, 'here'), (2, 'beside')");
  CHECK(eventually([&] { return sites.there("beside") == "works"; }));
  CHECK(eventually([&] { return !failure_of(sites.secondary, 1).empty(); }));
  CHECK(read_file(sites.secondary.store() / "here/mine/text") == "somebody's own");
  fs::remove_all(sites.secondary.store() / "here/mine");
  CHECK(sites.difference() == "");
}

TEST_CASE("a role without any right on Farshore's schema goes on writing its table", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  sites.primary.sql("CREATE ROLE application LOGIN; "
                    "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON files TO application; "
                    "GRANT USAGE ON SEQUENCE files_id_seq TO application");
  sites.write("one", "1");
  sites.write("two", "2");
  const auto as_application = [&](const std::string& statement) {
    sites.primary.sql("SET LOCAL ROLE application; " + statement);
  };
  as_application("INSERT INTO files (path) VALUES ('one'), ('two'), ('three')");
  as_application("DELETE FROM files WHERE path = 'three'");
  CHECK_THROWS(as_application("SELECT * FROM farshore.event_log"));
  CHECK_THROWS(as_application("INSERT INTO farshore.event_log (type_id, operation) VALUES (1, 3)"));
  CHECK(sites.difference() == "");
  as_application("TRUNCATE files");
  for (const auto* name : {"one", "two"})
    sites.remove(name);
  CHECK(sites.difference() == "");
}

TEST_CASE("a column that is renamed stops its type alone, with a sentence, until it is back",
          "[e2e]") {
  two_sites sites;
  const type_declaration other{.name = "other", .table = "others"};
  sites.start(files_table + "; CREATE TABLE others (id bigserial PRIMARY KEY, path text)",
              {{}, other});
  sites.write("before", "1");
  sites.primary.sql("INSERT INTO files (path) VALUES ('before')");
  CHECK(sites.wait(60, true).code == 0);

  const std::string column = GENERATE(as<std::string>{}, "path", "id");
  sites.primary.sql("ALTER TABLE files RENAME COLUMN " + column + " TO moved");
  CHECK(eventually([&] {
    const auto status = sites.secondary.status();
    return status.is_object() && status.at("types").at(0).at("waiting").is_string();
  }));
  const auto waiting =
      std::string{sites.primary.status().at("types").at(0).at("waiting").as_string()};
  CAPTURE(waiting);
  CHECK(waiting.find("\"files\"") != std::string::npos);
  CHECK(waiting.find(column) != std::string::npos);

  // The application goes on, with this table and with others.
  sites.write("while", "2");
  sites.write("there", "3", "other");
  sites.primary.sql("INSERT INTO files (" + std::string{column == "path" ? "moved" : "path"} +
                    ") VALUES ('while'); INSERT INTO others (path) VALUES ('there')");
  CHECK(eventually([&] { return sites.there("there", "other") == "3"; }));
  CHECK(sites.there("before") == "1");

  sites.primary.sql("ALTER TABLE files RENAME COLUMN moved TO " + column);
  CHECK(eventually([&] { return sites.there("while") == "2"; }));
  CHECK(sites.difference() == "");
  CHECK(sites.difference("other", "others") == "");
}

TEST_CASE("a transaction that stays open is named, and holds up no one once it has ended",
          "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  sites.write("open", "1");
  sites.write("later", "2");
  const auto session = sites.primary.connect();
  pqxx::work open{*session};
  open.exec("INSERT INTO files (path) VALUES ('open')");
  sites.primary.sql("INSERT INTO files (path) VALUES ('later')");
  // What began after it waits: a reader that went on would miss it. That is said, with its pid.
  CHECK(eventually(
      [&] { return sites.secondary.number("/log/blocker/pid") == session->backendpid(); }));
  CHECK(sites.secondary.number("/log/blocker/age_seconds") >= 10);
  const auto waited = sites.wait(1);
  CHECK(waited.code == 1);
  CHECK(waited.err.find("process " + std::to_string(session->backendpid())) != std::string::npos);
  open.commit();
  CHECK(eventually([&] { return sites.there("open") == "1" && sites.there("later") == "2"; }));
  CHECK(sites.difference() == "");
}

TEST_CASE("a database that is restarted under the nodes interrupts nothing for long", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  for (int i = 0; i < 50; ++i)
    sites.write("a/" + std::to_string(i), std::to_string(i));
  sites.primary.sql("INSERT INTO files (path) SELECT 'a/' || i FROM generate_series(0, 49) i");
  for (auto* one : {&sites.primary, &sites.secondary}) {
    const auto before = one->postmaster();
    REQUIRE(before > 0);
    ::kill(before, SIGINT); // a fast shutdown, as `pg_ctl restart` begins
    CHECK(eventually([&] {
      const auto now = one->postmaster();
      return now > 0 && now != before;
    }));
    one->wait_until_it_answers();
  }
  sites.write("after", "x");
  sites.primary.sql("INSERT INTO files (path) VALUES ('after')");
  CHECK(sites.difference() == "");
}

} // namespace farshore::test
