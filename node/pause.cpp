#include "node/commands.hpp"
#include "node/exit_codes.hpp"

#include <ostream>

#include <boost/json.hpp>

namespace farshore {

namespace {

int switch_work(const site_access& site, const std::string& type, bool on, console io) {
  if (!has_role(site, site_role::secondary, on ? "resume" : "pause", io))
    return exit_code::refused;
  boost::json::object body{{"type", nullptr}};
  if (!type.empty())
    body["type"] = type;
  auto answer = site.call({"POST", on ? "/api/v1/resume" : "/api/v1/pause", std::move(body)});
  if (!answer)
    return report(answer.error(), site, io);
  io.out << (type.empty() ? "all types" : type) << (on ? " resumed\n" : " paused\n");
  return exit_code::done;
}

} // namespace

int pause_command(const site_access& site, const std::string& type, console io) {
  return switch_work(site, type, false, io);
}

int resume_command(const site_access& site, const std::string& type, console io) {
  return switch_work(site, type, true, io);
}

} // namespace farshore
