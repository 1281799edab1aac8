#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "node/fields.hpp"

#include <ostream>

#include <boost/json.hpp>

namespace farshore {

int reverify_command(const site_access& site, const reverify_options& options, console io) {
  boost::json::object body{{"type", options.type}};
  if (options.all)
    body["all"] = true;
  else if (options.failed)
    body["failed"] = true;
  else
    body["ids"] = boost::json::array(options.ids.begin(), options.ids.end());
  auto answer = site.call({"POST", "/api/v1/reverify", std::move(body)});
  if (!answer)
    return report(answer.error(), site, io);
  const auto marked = int_at(*answer, "/marked");
  io.out << marked << " record" << (marked == 1 ? "" : "s") << " of " << options.type
         << (options.all || options.failed ? " will be verified again, in the background\n"
                                           : " will be verified again\n");
  const auto asked = static_cast<std::int64_t>(options.ids.size());
  if (!options.all && !options.failed && marked < asked) {
    io.err << "farshore: " << asked - marked << " of the " << asked
           << " ids given are not known here\n";
    return exit_code::no;
  }
  return exit_code::done;
}

} // namespace farshore
