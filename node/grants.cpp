#include "registry/grants.hpp"
#include "node/commands.hpp"
#include "node/exit_codes.hpp"

#include <ostream>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

namespace farshore {

namespace {

/// The URL's parameter, where it has it.
std::string parameter_of(const boost::urls::url_view& url, const char* name) {
  for (const auto& parameter : url.params())
    if (parameter.key == name)
      return parameter.value;
  return {};
}

} // namespace

int grants_command(const config& settings, console io) {
  if (settings.database == "managed") {
    io.out << "-- nothing to grant: the managed database is the node's own\n";
    return exit_code::done;
  }
  const auto url = boost::urls::parse_uri(settings.database);
  if (!url) {
    io.err << "farshore: [site] database is no address that can be taken apart; write "
              "postgresql://USER@HOST/DATABASE\n";
    return exit_code::usage;
  }
  auto user = parameter_of(*url, "user");
  if (user.empty())
    user = url->user();
  auto database = parameter_of(*url, "dbname");
  if (const auto path = url->path(); database.empty() && path.size() > 1)
    database = path.substr(1);
  if (user.empty() || database.empty()) {
    io.err << "farshore: [site] database does not say who connects, and where to; write "
              "postgresql://USER@HOST/DATABASE\n";
    return exit_code::usage;
  }
  io.out << grants_sql(settings, user, database);
  return exit_code::done;
}

} // namespace farshore
