#include "node/doctor.hpp"

#include "config/secret.hpp"
#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "node/fields.hpp"
#include "registry/managed_cluster.hpp"

#include <array>
#include <ostream>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace farshore {

namespace {

using at = doctor_check::at;

constexpr std::array checks{
    doctor_check{"node", at::both, check_node},
    doctor_check{"data folder", at::both, check_data},
    doctor_check{"database", at::both, check_database},
    doctor_check{"database rights", at::both, check_database_rights},
    doctor_check{"database connections", at::both, check_connections},
    doctor_check{"open transactions", at::primary, check_transactions},
    doctor_check{"primary's address", at::secondary, check_primary_address},
    doctor_check{"primary's TLS", at::secondary, check_primary_tls},
    doctor_check{"primary answers", at::secondary, check_primary_answers},
    doctor_check{"clock", at::secondary, check_clock},
    doctor_check{"secret", at::secondary, check_secret},
    doctor_check{"versions", at::both, check_versions},
    doctor_check{"records readable", at::primary, check_records},
    doctor_check{"stores", at::both, check_stores},
    doctor_check{"free space", at::both, check_space},
    doctor_check{"open files", at::both, check_open_files},
    doctor_check{"folder watches", at::primary, check_watches},
};

std::string_view word(doctor_finding::kind how) {
  switch (how) {
  case doctor_finding::kind::ok:
    return "ok";
  case doctor_finding::kind::wrong:
    return "wrong";
  case doctor_finding::kind::skipped:
    break;
  }
  return "skipped";
}

/// Prints findings as they come, or all of them as JSON at the end.
class findings_printer {
public:
  findings_printer(bool as_json, std::ostream& out) : as_json_{as_json}, out_{out} {}

  void add(std::string_view name, const doctor_finding& found) {
    any_wrong_ = any_wrong_ || found.how == doctor_finding::kind::wrong;
    if (as_json_)
      list_.emplace_back(
          boost::json::object{{"check", name}, {"result", word(found.how)}, {"text", found.text}});
    else
      out_ << fmt::format("{:<21} {:<8} {}\n", name, word(found.how), one_line(found.text))
           << std::flush;
  }

  int finish() {
    if (as_json_)
      out_ << boost::json::serialize(
                  boost::json::object{{"ok", !any_wrong_}, {"checks", std::move(list_)}})
           << '\n';
    return any_wrong_ ? exit_code::no : exit_code::done;
  }

private:
  bool as_json_;
  std::ostream& out_;
  boost::json::array list_;
  bool any_wrong_ = false;
};

} // namespace

std::span<const doctor_check> doctor_checks() {
  return checks;
}

patient::patient(config given, std::filesystem::path file, node_api call)
    : settings{std::move(given)}, config_file{std::move(file)}, call_{std::move(call)} {}

const api_answer& patient::status() {
  if (!status_)
    status_ = call_({"GET", "/api/v1/status", {}, std::chrono::seconds{10}});
  return *status_;
}

const api_answer& patient::process() {
  if (!process_)
    process_ = call_({"GET", "/api/v1/doctor", {}, std::chrono::seconds{10}});
  return *process_;
}

const tl::expected<site_answer, contact_failure>& patient::primary() {
  if (!primary_)
    primary_ = ask_primary(settings, "/healthz", {});
  return *primary_;
}

const tl::expected<site_answer, contact_failure>& patient::signed_primary() {
  if (!signed_primary_) {
    const auto secrets = load_secrets(settings);
    if (secrets)
      signed_primary_ = ask_primary(settings, "/v1/position", secrets->front());
    else
      signed_primary_ = tl::make_unexpected(
          contact_failure{contact_failure::stage::answer, secrets.error().message});
  }
  return *signed_primary_;
}

std::string patient::database_url() const {
  return settings.database == "managed" ? managed_cluster::url_of(settings.data / "postgres")
                                        : settings.database;
}

database_checkup* patient::database() {
  if (!database_tried_) {
    database_tried_ = true;
    if (auto opened = database_checkup::open(database_url()))
      database_ = std::move(*opened);
    else
      database_trouble_ = opened.error().message;
  }
  return database_.get();
}

int doctor_command(const std::filesystem::path& config_file,
                   const std::function<node_api(const config&)>& call, bool as_json, console io) {
  findings_printer print{as_json, io.out};
  auto loaded = load_config(config_file);
  if (!loaded.mistakes.empty()) {
    for (const auto& mistake : loaded.mistakes)
      print.add("configuration", wrong(to_string(mistake)));
    return print.finish();
  }
  print.add("configuration", all_well(config_file.string() + " is good"));
  patient of{loaded.settings, config_file, call(loaded.settings)};
  for (const auto& check : checks)
    if (check.where == at::both || (check.where == at::primary) == of.is_primary())
      print.add(check.name, check.look(of));
  return print.finish();
}

} // namespace farshore
