// The checks of `farshore doctor`: small and independent of each other, in one table. Adding one is
// a function and a line in doctor_checks().

#pragma once

#include "node/api_call.hpp"
#include "registry/database_checkup.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace farshore {

struct doctor_finding {
  enum class kind { ok, wrong, skipped };
  kind how = kind::ok;
  /// What is; what is wrong and what to do; why it could not be looked at.
  std::string text;
};

inline doctor_finding all_well(std::string text) {
  return {doctor_finding::kind::ok, std::move(text)};
}
inline doctor_finding wrong(std::string text) {
  return {doctor_finding::kind::wrong, std::move(text)};
}
inline doctor_finding skipped(std::string why) {
  return {doctor_finding::kind::skipped, std::move(why)};
}

/// Where the checks look: a good configuration, and answers that several of them need, each asked
/// for once. Not thread-safe.
class patient {
public:
  patient(config settings, std::filesystem::path config_file, node_api call);

  const config settings;
  const std::filesystem::path config_file;

  [[nodiscard]] bool is_primary() const { return settings.role == site_role::primary; }
  /// The node's status, and what it knows of its process.
  const api_answer& status();
  const api_answer& process();
  /// The primary's unsigned /healthz, and its signed /v1/position.
  const tl::expected<site_answer, contact_failure>& primary();
  const tl::expected<site_answer, contact_failure>& signed_primary();
  [[nodiscard]] std::string database_url() const;
  /// Null where it can't be reached: database_trouble() says why. A managed one can be while its
  /// node runs.
  database_checkup* database();
  [[nodiscard]] const std::string& database_trouble() const { return database_trouble_; }

private:
  node_api call_;
  std::optional<api_answer> status_;
  std::optional<api_answer> process_;
  std::optional<tl::expected<site_answer, contact_failure>> primary_;
  std::optional<tl::expected<site_answer, contact_failure>> signed_primary_;
  bool database_tried_ = false;
  std::unique_ptr<database_checkup> database_;
  std::string database_trouble_;
};

struct doctor_check {
  enum class at { primary, secondary, both };
  std::string_view name;
  at where;
  doctor_finding (*look)(patient&);
};

/// In the order in which they are shown: what others depend on comes first.
std::span<const doctor_check> doctor_checks();

// doctor_network.cpp
doctor_finding check_node(patient& of);
doctor_finding check_primary_address(patient& of);
doctor_finding check_primary_tls(patient& of);
doctor_finding check_primary_answers(patient& of);
doctor_finding check_clock(patient& of);
doctor_finding check_secret(patient& of);
doctor_finding check_versions(patient& of);
// doctor_database.cpp
doctor_finding check_database(patient& of);
doctor_finding check_database_rights(patient& of);
doctor_finding check_connections(patient& of);
doctor_finding check_transactions(patient& of);
doctor_finding check_records(patient& of);
// doctor_machine.cpp
doctor_finding check_data(patient& of);
doctor_finding check_stores(patient& of);
doctor_finding check_space(patient& of);
doctor_finding check_open_files(patient& of);
doctor_finding check_watches(patient& of);

} // namespace farshore
