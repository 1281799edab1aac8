#include "config/values.hpp"
#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "node/fields.hpp"
#include "node/site_lag.hpp"
#include "node/text_table.hpp"

#include <ostream>
#include <sstream>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace farshore {

namespace {

using boost::json::value;

void print_secondary(const value& status, const paint& colour, std::ostream& out) {
  auto now = text_at(status, "/time");
  auto reachable = bool_at(status, "/primary/reachable");
  out << fmt::format("primary         {}, {}, last contact {}\n", text_at(status, "/primary/url"),
                     reachable ? "reachable" : colour.bad("NOT REACHABLE"),
                     with_age(text_at(status, "/primary/last_contact"), now));
  if (auto error = text_at(status, "/primary/error"); !error.empty())
    out << "                " << one_line(error) << '\n';
  out << fmt::format("recovery point  {}\n", with_age(text_at(status, "/recovery_point"), now));
  out << fmt::format("verified point  {}\n",
                     with_age(text_at(status, "/verified_recovery_point"), now));
  out << fmt::format("log             applied to event {} (transaction {}), epoch {}\n",
                     int_at(status, "/log/id"), uint_at(status, "/log/xid"),
                     int_at(status, "/epoch"));
  if (auto pid = int_at(status, "/log/blocker/pid"); pid != 0)
    out << fmt::format("                held back by an open transaction on the primary: process "
                       "{}, for {} s\n",
                       pid, int_at(status, "/log/blocker/age_seconds"));
  out << fmt::format("in flight       {} of {}\n", int_at(status, "/capacity/in_flight"),
                     int_at(status, "/capacity/total"));
  const auto cap = uint_at(status, "/bandwidth/cap");
  out << fmt::format("arriving        {}/s{}\n", readable_bytes(uint_at(status, "/bandwidth/rate")),
                     cap == 0 ? "" : fmt::format(", capped at {}/s", readable_bytes(cap)));
  out << fmt::format("transferred     {} records, {}; {} adopted\n",
                     int_at(status, "/transferred/records"),
                     readable_bytes(uint_at(status, "/transferred/bytes")),
                     int_at(status, "/transferred/adopted"));
}

void print_primary(const value& status, std::ostream& out) {
  out << fmt::format("log             {} events to fold\n", int_at(status, "/log/fold_lag_events"));
  std::string title = "sites";
  for (const auto& one : list_at(status, "/sites")) {
    out << fmt::format("{:<16}{}: {}, last seen {}\n", title, text_at(one, "/site"),
                       lag_of_site(one),
                       with_age(text_at(one, "/last_seen"), text_at(status, "/time")));
    title.clear();
  }
}

/// What keeps a type from being complete, besides its counts.
std::string note_of(const value& type, bool secondary) {
  if (bool_at(type, "/verify_only"))
    return "verified only, not served";
  if (!bool_at(type, "/enabled"))
    return "disabled";
  if (auto waiting = text_at(type, "/waiting"); !waiting.empty())
    return "waiting: " + one_line(waiting);
  if (bool_at(type, "/paused"))
    return "paused";
  if (secondary && !bool_at(type, "/backfill_complete"))
    return "backfill runs";
  if (auto held = int_at(type, "/check/held"); held > 0)
    return fmt::format("{} removals held back", held);
  if (auto stage = text_at(type, "/check/stage"); stage == "reading" || stage == "confirming")
    return fmt::format("check runs, {} seen", int_at(type, "/check/seen"));
  return "";
}

void print_secondary_types(const value& status, const paint& colour, std::ostream& out) {
  using align = text_table::align;
  text_table table{{{"type"},
                    {"records", align::right},
                    {"synced", align::right},
                    {"%", align::right},
                    {"verified", align::right},
                    {"due", align::right},
                    {"failed", align::right},
                    {"damaged", align::right},
                    {"missing", align::right},
                    {"recovery point"},
                    {"verified point"},
                    {"note"}}};
  for (const auto& type : list_at(status, "/types")) {
    auto missing = int_at(type, "/missing_on_primary_count");
    auto count = [&](std::string_view path) { return int_at(type, path); };
    auto note = note_of(type, true);
    if (auto outside = count("/out_of_scope_count"); outside > 0)
      note += fmt::format("{}{} out of scope", note.empty() ? "" : "; ", outside);
    table.add({text_at(type, "/plural"), std::to_string(count("/registry_count")),
               std::to_string(count("/synced_count")),
               fmt::format("{:.1f}", number_at(type, "/synced_in_percentage")),
               std::to_string(count("/verified_count")),
               std::to_string(count("/pending_count") + count("/started_count")),
               colour.fault(count("/failed_count") - missing),
               colour.fault(count("/verification_failed_count")), colour.fault(missing),
               with_age(text_at(type, "/recovery_point"), text_at(status, "/time")),
               with_age(text_at(type, "/verified_recovery_point"), text_at(status, "/time")),
               std::move(note)});
  }
  table.print(out);
}

/// What else is to be known of a scanned type.
std::string scan_note(const value& type) {
  std::string note;
  const auto add = [&note](const std::string& text) { note += (note.empty() ? "" : "; ") + text; };
  if (auto why = text_at(type, "/scan/not_watched"); !why.empty())
    add("not watched, only scanned: " + one_line(why));
  if (auto others = int_at(type, "/unsupported_count"); others > 0)
    add(fmt::format("{} unsupported, see farshore list {} --unsupported", others,
                    text_at(type, "/name")));
  return note;
}

void print_primary_types(const value& status, const paint& colour, std::ostream& out) {
  using align = text_table::align;
  text_table table{{{"type"},
                    {"records", align::right},
                    {"checksummed", align::right},
                    {"due", align::right},
                    {"failed", align::right},
                    {"missing", align::right},
                    {"note"}}};
  for (const auto& type : list_at(status, "/types")) {
    auto note = note_of(type, false);
    const auto missing = int_at(type, "/checksum_missing_count");
    table.add({text_at(type, "/plural"), std::to_string(int_at(type, "/count")),
               std::to_string(int_at(type, "/checksummed_count")),
               std::to_string(int_at(type, "/checksum_pending_count")),
               colour.fault(int_at(type, "/checksum_failed_count") - missing),
               colour.fault(missing), note.empty() ? scan_note(type) : note});
  }
  table.print(out);
}

std::string painted_health(const std::string& health, const paint& colour) {
  return health == "ok"         ? colour.good(health)
         : health == "starting" ? colour.warning(health)
                                : colour.bad(health);
}

void print_status(const value& status, const paint& colour, std::ostream& out) {
  const bool secondary = text_at(status, "/role") == "secondary";
  out << fmt::format("health          {}\n", painted_health(text_at(status, "/health"), colour));
  for (const auto& problem : list_at(status, "/problems"))
    out << "                " << colour.bad(one_line(text_at(problem, ""))) << '\n';
  out << fmt::format("site            {} ({}), farshore {}\n",
                     colour.strong(text_at(status, "/site")), text_at(status, "/role"),
                     text_at(status, "/version"));
  if (secondary)
    print_secondary(status, colour, out);
  else
    print_primary(status, out);
  if (list_at(status, "/types").empty()) {
    out << "\nno replicable types are declared\n";
    return;
  }
  out << '\n';
  if (secondary)
    print_secondary_types(status, colour, out);
  else
    print_primary_types(status, colour, out);
}

int status_once(const site_access& site, const status_options& options, console io) {
  auto status = site.call({"GET", "/api/v1/status"});
  if (!status)
    return report(status.error(), site, io);
  if (options.as_json)
    io.out << boost::json::serialize(*status) << '\n';
  else
    print_status(*status, options.colour, io.out);
  return exit_code::done;
}

} // namespace

int status_command(const site_access& site, const status_options& options, console io,
                   const std::function<bool(std::chrono::milliseconds)>& sleep) {
  if (!options.watch)
    return status_once(site, options, io);
  int last = exit_code::done;
  do {
    // Drawn in one piece: a picture that is half gone flickers.
    std::ostringstream picture;
    last = status_once(site, options, {picture, picture});
    if (options.redraw)
      io.out << "\x1b[H\x1b[2J";
    io.out << picture.str() << std::flush;
  } while (sleep(options.every));
  return last;
}

} // namespace farshore
