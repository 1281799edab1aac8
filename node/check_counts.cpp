#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "registry/count_check.hpp"
#include "registry/managed_cluster.hpp"
#include "registry/registry_count_check.hpp"

#include <ostream>

#include <fmt/format.h>

namespace farshore {

int check_counts_command(const config& settings, console io) {
  const auto url = settings.database == "managed"
                       ? managed_cluster::url_of(settings.data / "postgres")
                       : settings.database;
  const auto differences =
      settings.role == site_role::primary ? check_primary_counts(url) : check_registry_counts(url);
  if (!differences) {
    io.err << "farshore: " << differences.error().message
           << (settings.database == "managed" ? "; the node must run, its database runs with it"
                                              : "")
           << '\n';
    return exit_code::no;
  }
  for (const auto& one : *differences)
    io.out << fmt::format("{}: {} is kept as {}, and counted {}\n", one.type, one.counter, one.kept,
                          one.counted);
  if (!differences->empty())
    return exit_code::no;
  io.out << "every count is right\n";
  return exit_code::done;
}

} // namespace farshore
