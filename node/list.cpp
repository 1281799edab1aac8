#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "node/fields.hpp"
#include "node/registry_page.hpp"
#include "node/text_table.hpp"

#include <ostream>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace farshore {

namespace {

using boost::json::value;

std::string retry_of(const value& record) {
  auto at = text_at(record, "/retry_at");
  if (at.empty())
    return "-";
  return fmt::format("{} (try {})", at, int_at(record, "/retry_count") + 1);
}

std::string note_of(const value& record) {
  auto failure = one_line(text_at(record, "/last_sync_failure"));
  if (bool_at(record, "/missing_on_primary"))
    return failure.empty() ? "missing on the primary" : "missing on the primary: " + failure;
  if (text_at(record, "/verification_state") == "failed")
    return "damaged: " + one_line(text_at(record, "/verification_failure")) +
           (failure.empty() ? "" : "; " + failure);
  if (const auto findings = one_line(text_at(record, "/findings")); !findings.empty())
    return findings + (failure.empty() ? "" : "; " + failure);
  if (!bool_at(record, "/wanted"))
    return failure.empty() ? "to be removed" : "to be removed: " + failure;
  return failure;
}

void print_records(const boost::json::array& records, std::ostream& out) {
  using align = text_table::align;
  text_table table{{{"record", align::right},
                    {"state"},
                    {"revision", align::right},
                    {"synced", align::right},
                    {"last synced"},
                    {"next try"},
                    {"locator"},
                    {"note"}}};
  for (const auto& record : records) {
    auto synced_at = text_at(record, "/last_synced_at");
    table.add({std::to_string(int_at(record, "/record_id")), text_at(record, "/state"),
               std::to_string(int_at(record, "/target_revision")),
               std::to_string(int_at(record, "/synced_revision")),
               synced_at.empty() ? "-" : synced_at, retry_of(record), text_at(record, "/locator"),
               note_of(record)});
  }
  table.print(out);
}

/// The node knows the first thousand.
int list_unsupported(const site_access& site, const list_options& options, console io) {
  if (!has_role(site, site_role::primary, "list --unsupported", io))
    return exit_code::refused;
  auto answer = site.call({"GET", "/api/v1/unsupported/" + options.type});
  if (!answer)
    return report(answer.error(), site, io);
  auto files = list_at(*answer, "/unsupported");
  const bool more = files.size() > options.limit;
  if (more)
    files.resize(options.limit);
  if (options.as_json) {
    io.out << boost::json::serialize(boost::json::object{{"unsupported", files}}) << '\n';
    return exit_code::done;
  }
  if (files.empty()) {
    io.out << "nothing that can't be replicated\n";
    return exit_code::done;
  }
  text_table table{{{"locator"}, {"what it is"}}};
  for (const auto& file : files)
    table.add({text_at(file, "/locator"), one_line(text_at(file, "/what"))});
  table.print(io.out);
  if (more)
    io.out << "… and more; give a higher --limit\n";
  return exit_code::done;
}

/// "missing" is a failure that mends itself.
std::string verification_note(const value& record) {
  auto failure = one_line(text_at(record, "/verification_failure"));
  return bool_at(record, "/missing") ? "missing: " + failure : failure;
}

int list_verification(const site_access& site, const list_options& options, console io) {
  const auto page = read_records(
      site, "/api/v1/verification/" + options.type,
      options.verification.empty() ? "" : "&state=" + options.verification, options.limit);
  if (!page)
    return report(page.error(), site, io);
  if (options.as_json) {
    io.out << boost::json::serialize(
                  boost::json::object{{"records", page->records}, {"next", page->next}})
           << '\n';
    return exit_code::done;
  }
  if (page->records.empty()) {
    io.out << "no records"
           << " whose verification is at " << options.verification << '\n';
    return exit_code::done;
  }
  using align = text_table::align;
  text_table table{
      {{"record", align::right}, {"key"}, {"verification"}, {"verified"}, {"next"}, {"note"}}};
  for (const auto& record : page->records) {
    const auto or_dash = [&](std::string_view path) {
      auto text = text_at(record, path);
      return text.empty() ? "-" : text;
    };
    table.add({std::to_string(int_at(record, "/record_id")), one_line(text_at(record, "/key")),
               text_at(record, "/verification_state"), or_dash("/verified_at"),
               or_dash("/verification_retry_at"), verification_note(record)});
  }
  table.print(io.out);
  if (page->next.is_int64())
    io.out << "… and more; give a higher --limit\n";
  return exit_code::done;
}

} // namespace

int list_command(const site_access& site, const list_options& options, console io) {
  if (options.unsupported)
    return list_unsupported(site, options, io);
  if (!options.verification.empty() && site.settings.role == site_role::primary)
    return list_verification(site, options, io);
  if (!has_role(site, site_role::secondary, "list", io))
    return exit_code::refused;
  auto page = read_registry(site, options.type,
                            {options.state, options.verification, options.findings}, options.limit);
  if (!page)
    return report(page.error(), site, io);
  if (options.as_json) {
    boost::json::object out{{"records", std::move(page->records)}, {"next", std::move(page->next)}};
    io.out << boost::json::serialize(out) << '\n';
    return exit_code::done;
  }
  if (page->records.empty()) {
    io.out << "no records" << (options.state.empty() ? "" : " in state " + options.state)
           << (options.verification.empty() ? ""
                                            : " whose verification is at " + options.verification)
           << (options.findings ? " with findings" : "") << '\n';
    return exit_code::done;
  }
  print_records(page->records, io.out);
  if (page->next.is_int64())
    io.out << "… and more; give a higher --limit\n";
  return exit_code::done;
}

} // namespace farshore
