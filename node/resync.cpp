#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "node/fields.hpp"
#include "node/marking_order.hpp"

#include <ostream>

#include <boost/json.hpp>

namespace farshore {

int resync_command(const site_access& site, const marking_options& options, console io) {
  if (!has_role(site, site_role::secondary, "resync", io))
    return exit_code::refused;
  auto answer = site.call({"POST", "/api/v1/resync", marking_order(options)});
  if (!answer)
    return report(answer.error(), site, io);
  auto marked = int_at(*answer, "/marked");
  io.out << marked << " record" << (marked == 1 ? "" : "s") << " of " << options.type
         << " marked as due\n";
  if (const auto unknown = unknown_records(options, marked); unknown > 0) {
    io.err << "farshore: " << unknown << " of the " << options.ids.size()
           << " ids given are not in the registry; see: farshore list " << options.type << '\n';
    return exit_code::no;
  }
  return exit_code::done;
}

} // namespace farshore
