// Checks of who answers whom: this site's node, and its primary.

#include "config/clock.hpp"
#include "config/version.hpp"
#include "net/http_error.hpp"
#include "net/http_message.hpp"
#include "net/signing.hpp"
#include "node/doctor.hpp"
#include "node/fields.hpp"

#include <boost/json/array.hpp>
#include <cmath>
#include <fmt/format.h>

namespace farshore {

namespace {

using stage = contact_failure::stage;

/// From here on a request may be refused soon.
constexpr std::int64_t clock_warning_seconds = 10;

/// An answer of a Farshore node, of whatever version.
bool is_ours(const site_answer& answer) {
  return !answer.wire.empty();
}

bool answers_as_ours(patient& of) {
  return of.primary() && is_ours(*of.primary());
}

} // namespace

doctor_finding check_node(patient& of) {
  const auto& status = of.status();
  if (!status) {
    const bool away = status.error().what == api_failure::kind::unreachable;
    return wrong(status.error().why.message +
                 (away ? "; start it with: farshore node -c " + of.config_file.string() : ""));
  }
  const auto health = text_at(*status, "/health");
  std::string problems;
  for (const auto& problem : list_at(*status, "/problems"))
    problems += (problems.empty() ? "" : "; ") + text_at(problem, "");
  const auto text =
      fmt::format("version {} answers; health {}", text_at(*status, "/version"), health);
  return health == "degraded" ? wrong(text + ": " + problems) : all_well(text);
}

doctor_finding check_primary_address(patient& of) {
  const auto& url = of.settings.primary_url;
  const auto& contact = of.primary();
  if (contact || contact.error().at == stage::tls || contact.error().at == stage::answer)
    return all_well(url + " takes connections");
  if (contact.error().at == stage::resolve)
    return wrong(fmt::format("the name in [primary] url = \"{}\" leads nowhere: {}; correct it, or "
                             "the machine's name service",
                             url, contact.error().message));
  return wrong(fmt::format("no connection to {}: {}; does the primary's node run, does it listen "
                           "there ([site] listen), does a firewall let this site through?",
                           url, contact.error().message));
}

doctor_finding check_primary_tls(patient& of) {
  if (!of.settings.primary_url.starts_with("https:"))
    return skipped("plain HTTP: let the way between the sites be a private one");
  const auto& contact = of.primary();
  if (contact || contact.error().at == stage::answer)
    return all_well("the primary's certificate is good");
  return contact.error().at == stage::tls ? wrong(contact.error().message) : skipped("not reached");
}

doctor_finding check_primary_answers(patient& of) {
  const auto& contact = of.primary();
  if (!contact)
    return contact.error().at == stage::answer
               ? wrong("what listens at " + of.settings.primary_url + " does not answer in HTTP: " +
                       contact.error().message + "; does the address lead to a Farshore node?")
               : skipped("not reached");
  if (!is_ours(*contact))
    return wrong(fmt::format("what answers at {} is not Farshore (HTTP status {}): correct "
                             "[primary] url, or the proxy between",
                             of.settings.primary_url, contact->status));
  // A secondary answers /healthz as well; only a primary knows its position.
  const auto& asked = of.signed_primary();
  if (asked && asked->status == 404)
    return wrong(of.settings.primary_url + " is a Farshore node, but no primary: correct [primary] "
                                           "url");
  return contact->status == 200 ? all_well("a Farshore node, and it is well")
                                : wrong(fmt::format("the primary's node says that it is not well "
                                                    "(HTTP status {}): run farshore doctor there",
                                                    contact->status));
}

doctor_finding check_clock(patient& of) {
  const auto& contact = of.primary();
  if (!contact || !contact->clock)
    return skipped("the primary did not tell the time");
  // Its clock is cut to the second.
  const auto ahead = std::chrono::duration<double>(system_time().wall() - *contact->clock).count();
  const auto apart = static_cast<std::int64_t>(std::floor(ahead));
  const auto text = fmt::format("this machine's is {} s {} the primary's", std::abs(apart),
                                apart < 0 ? "behind" : "ahead of");
  if (std::abs(apart) >= clock_warning_seconds)
    return wrong(fmt::format("{}: set the clocks (NTP); beyond {} s requests are refused", text,
                             clock_tolerance.count()));
  return all_well(std::abs(apart) <= 1 ? "within a second of the primary's" : text);
}

doctor_finding check_secret(patient& of) {
  if (!answers_as_ours(of))
    return skipped("no Farshore node answers");
  const auto& asked = of.signed_primary();
  if (!asked)
    return wrong(asked.error().message);
  if (asked->status == 401)
    return wrong(parse_error_answer(asked->status, asked->body).message);
  return all_well("the primary accepts this site's signature");
}

doctor_finding check_versions(patient& of) {
  std::string text = fmt::format("this program {}", program_version());
  bool fits = true;
  if (const auto& status = of.status()) {
    const auto running = text_at(*status, "/version");
    fits = running == program_version();
    text += ", the running node " + running;
  }
  if (!of.is_primary() && answers_as_ours(of)) {
    const auto& asked = of.signed_primary();
    if (asked && asked->status == 426)
      return wrong(parse_error_answer(asked->status, asked->body).message);
    if (asked)
      text += ", the primary " + one_line(asked->program.substr(asked->program.find('/') + 1));
  }
  return fits ? all_well(text) : wrong(text + ": restart the node");
}

} // namespace farshore
