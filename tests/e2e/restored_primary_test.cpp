// Primaries that are restored, replaced or promoted: what a real secondary makes of a database that
// is not the one it followed. The backups are those that people make: copies of the cluster's
// folder, pg_basebackup of a running one, and pg_dump.

#include "registry/managed_cluster.hpp"
#include "tests/e2e/sites.hpp"

#include <filesystem>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace farshore::test {

namespace {

namespace fs = std::filesystem;

/// Records that a restored primary no longer has are found by the consistency check. Until it runs
/// by itself after a new epoch, their rows and files stay.
constexpr bool records_of_another_history_are_removed = true;

constexpr int files = 40;
constexpr std::int64_t file_bytes = 1000;

std::string postgres_program(const std::string& name) {
  for (const auto& version : fs::directory_iterator{"/usr/lib/postgresql"})
    if (fs::exists(version.path() / "bin" / name))
      return version.path() / "bin" / name;
  return name;
}

void must_run(const std::vector<std::string>& line) {
  const auto done = run(line);
  INFO(line.front() << ": " << done.err);
  REQUIRE(done.code == 0);
}

void copy_tree(const fs::path& from, const fs::path& to) {
  fs::remove_all(to);
  must_run({"cp", "-a", from.string(), to.string()});
}

/// Both sites with files of the first history, all synced, and a way to make others.
class restorable_sites : public two_sites {
public:
  restorable_sites() {
    start("CREATE TABLE files (id bigserial PRIMARY KEY, path text)");
    add(1, files, "first");
    REQUIRE(difference() == "");
    epoch_ = secondary.number("/epoch");
  }

  void add(int from, int upto, const std::string& history) const {
    for (int i = from; i <= upto; ++i)
      write(name(i, history), noise(file_bytes, unsigned(i) + unsigned(history.size()) * 1000));
    primary.sql("INSERT INTO files (path) SELECT '" + history + "/' || i FROM generate_series(" +
                std::to_string(from) + ", " + std::to_string(upto) + ") i");
  }
  void change(int i, unsigned seed) const {
    write(name(i, "first"), noise(file_bytes, seed));
    primary.sql("UPDATE files SET path = path WHERE id = " + std::to_string(i));
  }
  static std::string name(int i, const std::string& history) {
    return history + "/" + std::to_string(i);
  }

  [[nodiscard]] fs::path cluster() const { return primary.data() / "postgres"; }
  [[nodiscard]] fs::path backup() const { return folder() / "backup"; }
  [[nodiscard]] fs::path store_backup() const { return folder() / "store-backup"; }

  void back_up_cold() {
    CHECK(primary.stop() == 0);
    copy_tree(cluster(), backup());
    copy_tree(primary.store(), store_backup());
    primary.start();
  }
  /// The database and the files are what they were; the node is down.
  void restore() {
    if (primary.running())
      CHECK(primary.stop() == 0);
    copy_tree(backup(), cluster());
    copy_tree(store_backup(), primary.store());
  }

  [[nodiscard]] bool begins_a_new_epoch() {
    return eventually([&] { return secondary.number("/epoch") > epoch_; });
  }
  [[nodiscard]] std::int64_t epoch() const { return epoch_; }
  [[nodiscard]] std::int64_t transferred() const { return secondary.number("/transferred/bytes"); }

private:
  std::int64_t epoch_ = 0;
};

/// A dump of the database, loaded into a new cluster or, under its old name, into the same one.
void dump_and_load(const restorable_sites& sites, const std::string& dump, bool new_cluster) {
  if (new_cluster)
    fs::remove_all(sites.cluster());
  const auto server = managed_cluster::start(sites.cluster());
  REQUIRE(server);
  if (!new_cluster) {
    auto url = (*server)->url();
    url.replace(url.find("/farshore?"), 10, "/postgres?");
    pqxx::connection db{url};
    pqxx::nontransaction tx{db};
    tx.exec("DROP DATABASE farshore WITH (FORCE)");
    tx.exec("CREATE DATABASE farshore");
  }
  must_run({postgres_program("pg_restore"), "--exit-on-error", "-d", (*server)->url(), dump});
}

std::string database_url(const site& at) {
  auto url = at.command({"database-url"}).out;
  url.erase(url.find_last_not_of('\n') + 1);
  return url;
}

} // namespace

TEST_CASE("a primary that is restored to an older backup, and reuses its numbers, is another one",
          "[e2e][restored]") {
  restorable_sites sites;
  sites.back_up_cold();
  sites.add(files + 1, files + 20, "lost");
  sites.change(3, 303);
  REQUIRE(sites.difference() == "");

  sites.restore();
  sites.primary.start();
  // The same ids, and transactions of about the same numbers, with other content.
  sites.change(4, 404);
  sites.add(files + 1, files + 30, "second");
  CHECK(sites.begins_a_new_epoch());
  CHECK(sites.difference() == "");
}

TEST_CASE("a primary that is restored while its secondary is down is found out at the start",
          "[e2e][restored]") {
  restorable_sites sites;
  sites.back_up_cold();
  sites.add(files + 1, files + 20, "lost");
  REQUIRE(sites.difference() == "");
  CHECK(sites.secondary.stop() == 0);

  sites.restore();
  sites.primary.start();
  sites.add(files + 1, files + 30, "second");
  sites.secondary.start();
  CHECK(sites.begins_a_new_epoch());
  CHECK(sites.difference() == "");
  CHECK(sites.transferred() == 30 * file_bytes);
}

TEST_CASE("what a restored primary no longer has does not keep the rest from being equal",
          "[e2e][restored]") {
  restorable_sites sites;
  sites.back_up_cold();
  sites.add(files + 1, files + 5, "lost");
  sites.change(3, 303);
  REQUIRE(sites.difference() == "");
  sites.restore();
  sites.primary.start();
  CHECK(sites.begins_a_new_epoch());
  CHECK(eventually([&] {
    return sites.secondary.value("SELECT count(*) FROM farshore.file_registry WHERE state = 2 AND "
                                 "record_id <= " +
                                 std::to_string(files)) == std::to_string(files);
  }));
  for (int i = 1; i <= files; ++i)
    CHECK(sites.there(restorable_sites::name(i, "first")) ==
          read_file(sites.primary.store() / restorable_sites::name(i, "first")));
  if (records_of_another_history_are_removed)
    CHECK(sites.difference() == "");
}

TEST_CASE(
    "a wait that begins while a primary is restored does not end by the old history's numbers",
    "[e2e][restored]") {
  restorable_sites sites;
  sites.back_up_cold();
  for (int i = 0; i < 50; ++i)
    sites.change(3, unsigned(i)); // the secondary covers more than the backup knows of
  REQUIRE(sites.difference() == "");
  sites.restore();
  sites.primary.start();
  sites.change(5, 505);
  // As early as can be: whether or not the secondary has heard of it.
  CHECK(sites.wait().code == 0);
  CHECK(sites.secondary.number("/epoch") > sites.epoch());
  CHECK(sites.there(restorable_sites::name(5, "first")) == noise(file_bytes, 505));
}

TEST_CASE("a pg_basebackup of the running primary is another one once it is behind",
          "[e2e][restored]") {
  restorable_sites sites;
  const auto taken = sites.folder() / "base";
  must_run({postgres_program("pg_basebackup"), "-D", taken.string(), "-X", "stream", "-c", "fast",
            "-d", database_url(sites.primary)});
  copy_tree(sites.primary.store(), sites.store_backup());
  sites.add(files + 1, files + 20, "lost");
  REQUIRE(sites.difference() == "");
  CHECK(sites.primary.stop() == 0);

  const auto data = sites.cluster() / "data";
  struct stat owner {};
  REQUIRE(::stat(data.c_str(), &owner) == 0);
  copy_tree(taken, data);
  must_run({"chown", "-R", std::to_string(owner.st_uid) + ":" + std::to_string(owner.st_gid),
            data.string()});
  copy_tree(sites.store_backup(), sites.primary.store());
  sites.primary.start();
  sites.add(files + 1, files + 30, "second");
  CHECK(sites.begins_a_new_epoch());
  CHECK(sites.difference() == "");
}

TEST_CASE("a promoted primary is another one, though nothing was lost", "[e2e][restored]") {
  restorable_sites sites;
  const auto before = sites.transferred();
  CHECK(sites.primary.stop() == 0);
  const auto data = sites.cluster() / "data";
  struct stat owner {};
  REQUIRE(::stat(data.c_str(), &owner) == 0);
  std::ofstream{data / "recovery.signal"};
  REQUIRE(::chown((data / "recovery.signal").c_str(), owner.st_uid, owner.st_gid) == 0);
  std::ofstream{data / "postgresql.auto.conf", std::ios::app} << "restore_command = 'false'\n";

  sites.primary.start();
  CHECK(sites.begins_a_new_epoch());
  CHECK(sites.difference() == "");
  CHECK(sites.transferred() == before); // all of it was recognised
  const auto all = sites.primary.status();
  CHECK(std::string{all.at("identity").as_string()}.find("-2-") != std::string::npos);
}

TEST_CASE("a dump that is loaded into a new cluster is another primary", "[e2e][restored]") {
  restorable_sites sites;
  {
    // The log's transactions are far above those of a new cluster.
    const auto db = sites.primary.connect();
    pqxx::nontransaction tx{*db};
    tx.exec("DO $$ BEGIN FOR i IN 1..5000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; "
            "END $$");
  }
  sites.change(2, 202);
  REQUIRE(sites.difference() == "");
  const auto dump = (sites.folder() / "dump").string();
  must_run({postgres_program("pg_dump"), "-Fc", "-f", dump, database_url(sites.primary)});
  const auto before = sites.transferred();
  CHECK(sites.primary.stop() == 0);

  dump_and_load(sites, dump, true);
  sites.primary.start();
  CHECK(sites.begins_a_new_epoch());
  CHECK(sites.difference() == "");
  CHECK(sites.transferred() == before);
  sites.change(3, 303); // and its log is followed
  sites.add(files + 1, files + 10, "second");
  CHECK(sites.difference() == "");
}

TEST_CASE("a dump that is loaded into the same cluster again is another primary",
          "[e2e][restored]") {
  restorable_sites sites;
  const auto dump = (sites.folder() / "dump").string();
  must_run({postgres_program("pg_dump"), "-Fc", "-f", dump, database_url(sites.primary)});
  copy_tree(sites.primary.store(), sites.store_backup());
  sites.add(files + 1, files + 20, "lost");
  REQUIRE(sites.difference() == "");
  CHECK(sites.primary.stop() == 0);

  dump_and_load(sites, dump, false);
  copy_tree(sites.store_backup(), sites.primary.store());
  sites.primary.start();
  sites.change(3, 303);
  sites.add(files + 1, files + 30, "second");
  CHECK(sites.begins_a_new_epoch());
  CHECK(sites.difference() == "");
}

} // namespace farshore::test
