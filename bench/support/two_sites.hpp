// A primary and a secondary node on this machine, real processes with a PostgreSQL each, and one
// replicable type, by default "document", whose table the benchmark makes.

#pragma once

#include "bench/support/benchmark.hpp"
#include "bench/support/child.hpp"
#include "config/config.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include <boost/json/value.hpp>
#include <pqxx/pqxx>

namespace farshore::bench {

/// The type that both sites declare.
struct declared_type {
  std::string name = "document";
  std::string strategy = "blob";
  /// What the primary says of it besides: settings, and then its model.
  std::string at_primary = R"([replicable.model]
table = "documents"
locator = "path"
size = "bytes"
)";
};

/// One node, and its files.
class site {
public:
  site(const options& chosen, std::filesystem::path folder, std::filesystem::path store,
       declared_type type = {});

  void configure_primary();
  /// As a secondary that finds its primary at this address.
  void configure_secondary(const std::string& primary_address, bool enabled);
  /// Where a node that answers listens.
  [[nodiscard]] std::string address() const;
  /// Where git reads its repositories, with a token: "http://USER:TOKEN@HOST:PORT/git/TYPE/".
  [[nodiscard]] std::string git_address() const;
  /// Starts the node, and returns as soon as it has been started.
  void start();
  /// Waits until the node answers.
  void wait_for_answer();
  void stop();
  /// The node's status; null where it does not answer.
  boost::json::value status();
  /// GET of the node; throws unless it answers.
  boost::json::value ask(const std::string& target);
  /// POST to the node; throws unless it says yes.
  void order(const std::string& target, const boost::json::value& body);
  /// Runs `farshore COMMAND …`; throws unless that ends with 0.
  void command(std::vector<std::string> words);
  /// A connection of the benchmark's own to the site's database, while the node runs.
  std::unique_ptr<pqxx::connection> sql();

  [[nodiscard]] child& node() { return *node_; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] const std::filesystem::path& store() const { return store_; }

private:
  /// What the configuration says besides the paths; `more` goes into the [[replicable]] table.
  void configure(const std::string& role, const std::string& tables, const std::string& more);
  [[nodiscard]] config settings() const;

  std::filesystem::path farshore_;
  std::filesystem::path folder_;
  std::filesystem::path store_;
  declared_type type_;
  std::unique_ptr<child> node_;
};

class two_sites {
public:
  explicit two_sites(const options& chosen, const declared_type& type = {});

  /// Starts the primary and waits until it answers. Its table is not there yet.
  void start_primary();
  /// Makes the secondary's database and starts its node; the type is switched off, so that nothing
  /// is replicated.
  void make_secondary();
  /// Switches the type on: the next start replicates.
  void enable_secondary();
  /// Removes the secondary's database and files; its node must have been stopped.
  void remove_secondary();

  /// Waits until the secondary has so many records, all of them synced.
  void wait_for_synced(std::int64_t records, std::chrono::seconds limit);

  site& primary() { return primary_; }
  site& secondary() { return secondary_; }

private:
  void configure_secondary(bool enabled);

  temporary_folder work_;
  temporary_folder stores_;
  site primary_;
  site secondary_;
};

} // namespace farshore::bench
