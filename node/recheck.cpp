#include "node/commands.hpp"
#include "node/exit_codes.hpp"

#include <ostream>

#include <boost/json.hpp>

namespace farshore {

int recheck_command(const site_access& site, const std::string& type, console io) {
  boost::json::object body{{"type", nullptr}};
  if (!type.empty())
    body["type"] = type;
  auto answer = site.call({"POST", "/api/v1/recheck", std::move(body)});
  if (!answer)
    return report(answer.error(), site, io);
  io.out << "the check of " << (type.empty() ? "all types" : type)
         << " begins; farshore status says how far it is\n";
  return exit_code::done;
}

} // namespace farshore
