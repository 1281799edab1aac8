#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "node/fields.hpp"
#include "node/site_lag.hpp"
#include "node/text_table.hpp"

#include <ostream>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace farshore {

std::string lag_of_site(const boost::json::value& site) {
  if (bool_at(site, "/cut_off"))
    return "cut off";
  const auto events = int_at(site, "/lag_events");
  if (events == 0)
    return "level";
  const auto seconds = number_at(site, "/lag_seconds");
  const auto since = seconds > 0 ? fmt::format(" ({:.1f} s)", seconds) : std::string{};
  return fmt::format("{} event{} behind{}", events, events == 1 ? "" : "s", since);
}

int site_list_command(const site_access& site, bool as_json, console io) {
  if (!has_role(site, site_role::primary, "site list", io))
    return exit_code::refused;
  auto answer = site.call({"GET", "/api/v1/sites"});
  if (!answer)
    return report(answer.error(), site, io);
  if (as_json) {
    io.out << boost::json::serialize(*answer) << '\n';
    return exit_code::done;
  }
  const auto& sites = list_at(*answer, "/sites");
  if (sites.empty()) {
    io.out << "no secondary has ever read here\n";
    return exit_code::done;
  }
  text_table table{
      {{"site"}, {"last seen"}, {"behind"}, {"version"}, {"wire"}, {"address"}, {"note"}}};
  for (const auto& one : sites) {
    const auto version = text_at(one, "/version");
    table.add({text_at(one, "/site"),
               with_age(text_at(one, "/last_seen"), text_at(*answer, "/time")), lag_of_site(one),
               version.empty() ? "-" : version, text_at(one, "/wire"), text_at(one, "/address"),
               bool_at(one, "/holds_log")
                   ? fmt::format("holds the log: {}", readable_bytes(uint_at(one, "/held_bytes")))
               : bool_at(one, "/cut_off") ? "a full check is due"
                                          : ""});
  }
  table.print(io.out);
  return exit_code::done;
}

int site_forget_command(const site_access& site, const std::string& name, console io) {
  if (!has_role(site, site_role::primary, "site forget", io))
    return exit_code::refused;
  auto answer = site.call({"POST", "/api/v1/sites/forget", {{"site", name}}});
  if (!answer)
    return report(answer.error(), site, io);
  io.out << "site " << name << " is forgotten\n";
  return exit_code::done;
}

} // namespace farshore
