#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "registry/managed_cluster.hpp"

#include <ostream>

namespace farshore {

int database_url_command(const config& settings, console io) {
  io.out << (settings.database == "managed" ? managed_cluster::url_of(settings.data / "postgres")
                                            : settings.database)
         << '\n';
  return exit_code::done;
}

} // namespace farshore
