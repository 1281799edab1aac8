#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "node/fields.hpp"
#include "node/marking_order.hpp"

#include <ostream>

#include <boost/json.hpp>

namespace farshore {

int reverify_command(const site_access& site, const marking_options& options, console io) {
  auto answer = site.call({"POST", "/api/v1/reverify", marking_order(options)});
  if (!answer)
    return report(answer.error(), site, io);
  const auto marked = int_at(*answer, "/marked");
  io.out << marked << " record" << (marked == 1 ? "" : "s") << " of " << options.type
         << (options.all || options.failed ? " will be verified again, in the background\n"
                                           : " will be verified again\n");
  if (const auto unknown = unknown_records(options, marked); unknown > 0) {
    io.err << "farshore: " << unknown << " of the " << options.ids.size()
           << " ids given are not known here\n";
    return exit_code::no;
  }
  return exit_code::done;
}

} // namespace farshore
