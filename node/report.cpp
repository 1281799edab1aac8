#include "node/commands.hpp"
#include "node/exit_codes.hpp"

#include <ostream>

namespace farshore {

int report(const api_failure& failure, const site_access& site, console io) {
  io.err << "farshore: " << failure.why.message;
  if (failure.what == api_failure::kind::unreachable)
    io.err << "; start it with: farshore node -c " << site.config_file.string();
  io.err << '\n';
  switch (failure.what) {
  case api_failure::kind::unreachable:
    return exit_code::unreachable;
  case api_failure::kind::refused:
    return exit_code::refused;
  case api_failure::kind::not_now:
  case api_failure::kind::no:
    break;
  }
  return failure.why.code == ec::invalid_config ? exit_code::usage : exit_code::no;
}

bool has_role(const site_access& site, site_role needed, std::string_view what, console io) {
  if (site.settings.role == needed)
    return true;
  auto name = [](site_role role) { return role == site_role::primary ? "primary" : "secondary"; };
  io.err << "farshore: " << what << " is for a " << name(needed) << "; site \""
         << site.settings.site_name << "\" is a " << name(site.settings.role)
         << ": give the other site's configuration with -c\n";
  return false;
}

} // namespace farshore
