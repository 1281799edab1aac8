// Two real sites (or more) on this machine for end-to-end tests: a primary and a secondary node,
// each a process of its own with a PostgreSQL of its own, in a temporary folder that goes with the
// object. With FARSHORE_KEEP in the environment the folder stays.
//
// Use it on the thread that runs the test cases (see child.hpp); status, sql and the commands may
// be used on any thread, with a connection for each.

#pragma once

#include "tests/e2e/child.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <list>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <pqxx/pqxx>

namespace farshore::test {

using namespace std::chrono_literals;

/// One [[replicable]] of both sites; its store is the folder of that name beneath the site's.
struct type_declaration {
  std::string name = "file";
  /// Empty: a type without a model; `more` says what it has instead.
  std::string table = "files";
  std::string primary_key = "id";
  std::string locator = "path";
  /// Further lines of the type's own table; those for the model; those at the secondary alone.
  std::string more = {};
  std::string more_model = {};
  std::string at_secondary = {};
  std::string strategy = "blob";
};

/// Asks again and again, until yes or `patience` is over.
bool eventually(const std::function<bool()>& yes, std::chrono::milliseconds patience = 60s);

class site {
public:
  site(std::filesystem::path folder, std::string name, bool primary, int port, int primary_port);
  ~site();
  site(const site&) = delete;
  site& operator=(const site&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] std::filesystem::path config() const { return folder_ / "farshore.toml"; }
  [[nodiscard]] std::filesystem::path data() const { return folder_ / "data"; }
  [[nodiscard]] std::filesystem::path store(const std::string& type = "file") const {
    return folder_ / "stores" / type;
  }
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string log() const { return read_file(folder_ / "log"); }

  /// Lines of [limits] and of tables behind it, of [site] and of [primary], and a secret of its
  /// own, or instead a key; in force with the next declare.
  std::string more_settings;
  std::string in_site;
  std::string in_primary;
  /// An existing database's URL, instead of a managed one; in force with the next declare.
  std::string database;
  std::filesystem::path secret_file;
  std::filesystem::path key_file;
  /// How a secondary asks its primary.
  std::string scheme = "http";

  /// Writes the configuration.
  void declare(const std::vector<type_declaration>& types);

  /// Starts the node. start() also waits until it answers, and throws with the log's end where it
  /// does not.
  void launch();
  void start();
  void wait_until_it_answers();
  [[nodiscard]] bool running() const { return pid_ > 0; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  void send(int signal) const;
  /// SIGTERM; the exit code.
  int stop();
  /// SIGKILL.
  void kill();
  /// The code of a node that is expected to end by itself.
  int wait_for_end();
  /// Asks a running node to read its configuration again, and waits until it did.
  void reload();

  /// The managed PostgreSQL's first process; 0 where none runs.
  [[nodiscard]] pid_t postmaster() const;

  /// `farshore COMMAND … -c FILE`.
  finished command(std::vector<std::string> words) const;
  /// `farshore status --json`; null where the node does not answer.
  [[nodiscard]] boost::json::value status() const;
  /// A number or flag of the status, -1 where it is not there.
  [[nodiscard]] std::int64_t number(const std::string& pointer) const;

  /// A new connection to the site's database.
  [[nodiscard]] std::unique_ptr<pqxx::connection> connect() const;
  /// Statements in a transaction of their own.
  void sql(const std::string& statements) const;
  /// The one value, as text; "NULL" for a null.
  [[nodiscard]] std::string value(const std::string& query) const;

private:
  std::filesystem::path folder_;
  std::string name_;
  bool primary_;
  int port_;
  int primary_port_;
  pid_t pid_ = -1;
};

class two_sites {
  /// Before the sites, which are made in it.
  class temporary_folder {
  public:
    temporary_folder();
    ~temporary_folder();
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    std::filesystem::path path;
  } folder_;

public:
  two_sites();
  /// Both started; the table is made then; returns once the types are served.
  void start(const std::string& table_sql, const std::vector<type_declaration>& types = {{}});
  void declare(const std::vector<type_declaration>& types);
  /// Whether the secondary has read all of the type's records, and follows its changes.
  [[nodiscard]] bool serves(const std::string& type) const { return serves(secondary, type); }
  [[nodiscard]] static bool serves(const site& at, const std::string& type);
  /// One more secondary, not declared or started yet.
  site& add_secondary(const std::string& name);

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path; }

  site primary;
  site secondary;
  std::list<site> more_secondaries;

  /// Writes a file of the primary's store as an application would: whole, or not at all.
  void write(const std::string& locator, const std::string& content,
             const std::string& type = "file") const;
  void remove(const std::string& locator, const std::string& type = "file") const;
  /// What the secondary has at a locator; "(none)" where there is no file.
  [[nodiscard]] std::string there(const std::string& locator,
                                  const std::string& type = "file") const;

  /// Waits until the primary has verified all that it has of its first type: no checksum's event
  /// comes any more.
  [[nodiscard]] bool verified() const;

  /// `farshore wait` at the secondary.
  finished wait(int seconds = 60, bool strict = false) const;

  /// Waits, then looks whether both stores of the type hold the same files, and nothing else lies
  /// on the secondary, and all registry rows are synced. Empty, or what is different.
  [[nodiscard]] std::string difference(const std::string& type = "file",
                                       const std::string& table = "files") const {
    return difference(secondary, type, table);
  }
  [[nodiscard]] std::string difference(const site& at, const std::string& type = "file",
                                       const std::string& table = "files") const;

private:
  void furnish(site& one) const;
};

/// The first few differences of two folders, farshore's own left out; empty if there are none.
std::string compare(const std::filesystem::path& one, const std::filesystem::path& other);

/// Files beneath a folder, farshore's own left out.
std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder);

/// Bytes that do not compress or repeat, the same for a seed.
std::string noise(std::size_t bytes, unsigned seed);

} // namespace farshore::test
