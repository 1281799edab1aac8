#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "node/fields.hpp"

#include <ostream>

#include <boost/json.hpp>

namespace farshore {

int approve_command(const site_access& site, const std::string& type, console io) {
  auto answer = site.call({"POST", "/api/v1/approve", boost::json::object{{"type", type}}});
  if (!answer)
    return report(answer.error(), site, io);
  const auto approved = int_at(*answer, "/approved");
  if (approved == 0) {
    io.err << "farshore: nothing of " << type << " is held back\n";
    return exit_code::no;
  }
  io.out << approved << " record" << (approved == 1 ? "" : "s") << " of " << type
         << " may be removed; those that are still gone will be\n";
  return exit_code::done;
}

} // namespace farshore
