#include "registry/uninstall.hpp"
#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "registry/managed_cluster.hpp"

#include <memory>
#include <ostream>

namespace farshore {

namespace {

/// The site's database; a managed one is started for as long as this lives.
struct open_database {
  std::unique_ptr<managed_cluster> cluster;
  std::string url;
};

result<open_database> open(const config& settings) {
  if (settings.database != "managed")
    return open_database{nullptr, settings.database};
  const auto folder = settings.data / "postgres";
  // A node that runs has it open already: then this one can't be started, and need not.
  auto url = managed_cluster::url_of(folder);
  if (find_installed(url, settings.role))
    return open_database{nullptr, std::move(url)};
  auto cluster = managed_cluster::start(folder);
  if (!cluster)
    return fail(std::move(cluster).error());
  url = (*cluster)->url();
  return open_database{std::move(*cluster), std::move(url)};
}

int failed(const error& why, console io) {
  io.err << "farshore: " << why.message << '\n';
  return exit_code::no;
}

void explain(const config& settings, const installed_parts& parts, std::ostream& out) {
  const bool primary = settings.role == site_role::primary;
  out << "To be removed from the database of site \"" << settings.site_name << "\":\n";
  for (const auto& table : parts.traced_tables)
    out << "  Farshore's triggers on table " << table << '\n';
  out << "  schema farshore, "
      << (primary ? "with the event log and the state of each record\n"
                  : "with the registry: what is synced, and what is not\n");
  if (primary)
    out << "The application's tables and rows, and the stores, stay as they are. Secondaries keep "
           "what they have,\nand hear of no change any more. Once a node has run here again, each "
           "of them looks at every record\nanew; what it has already is not copied again.\n";
  else
    out << "The stores stay as they are, their folders .farshore too. A node that is started here "
           "again looks at\nevery record anew; what it has already is not copied again.\n";
}

} // namespace

int uninstall_command(const config& settings, const uninstall_options& options,
                      const std::function<void(std::chrono::milliseconds)>& sleep, console io) {
  std::error_code ignored;
  if (settings.database == "managed" &&
      !std::filesystem::exists(settings.data / "postgres" / "data", ignored)) {
    io.out << "nothing to remove: the managed database was never made\n";
    return exit_code::done;
  }
  const auto database = open(settings);
  if (!database)
    return failed(database.error(), io);
  const auto parts = find_installed(database->url, settings.role);
  if (!parts)
    return failed(parts.error(), io);
  if (!parts->schema) {
    io.out << "nothing to remove: the database has no schema farshore\n";
    return exit_code::done;
  }
  explain(settings, *parts, io.out);
  if (!options.yes) {
    io.err << "farshore: nothing was removed; give --yes to do it\n";
    return exit_code::no;
  }
  uninstall_patience patience;
  patience.limit = options.timeout;
  patience.sleep = sleep;
  if (auto removed = uninstall(database->url, settings.role, patience); !removed)
    return failed(removed.error(), io);
  io.out << "removed\n";
  if (settings.database == "managed" && settings.role == site_role::secondary)
    io.out << "The managed database holds nothing else: " << (settings.data / "postgres").string()
           << " may be deleted.\n";
  return exit_code::done;
}

} // namespace farshore
