#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "node/fields.hpp"

#include <ostream>

#include <boost/json.hpp>

namespace farshore {

int publish_command(const site_access& site, const publish_options& options, console io) {
  if (!has_role(site, site_role::primary, "publish", io))
    return exit_code::refused;
  auto answer =
      site.call({"POST", "/api/v1/publish",
                 boost::json::object{
                     {"type", options.type}, {"key", options.key}, {"event", options.event}}});
  if (!answer)
    return report(answer.error(), site, io);
  io.out << "event " << int_at(*answer, "/id") << " published\n";
  return exit_code::done;
}

} // namespace farshore
