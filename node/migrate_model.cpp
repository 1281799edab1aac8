#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "registry/managed_cluster.hpp"
#include "registry/model_columns.hpp"

#include <ostream>

namespace farshore {

namespace {

std::string url_of(const config& settings) {
  return settings.database == "managed" ? managed_cluster::url_of(settings.data / "postgres")
                                        : settings.database;
}

} // namespace

int migrate_model_command(const config& settings, const migrate_model_options& options,
                          const std::function<void(std::chrono::milliseconds)>& sleep, console io) {
  const auto refuse = [&](const std::string& why) {
    io.err << "farshore: " << why << '\n';
    return exit_code::no;
  };
  const auto* type = settings.find_type(options.type);
  if (type == nullptr)
    return refuse("no replicable type \"" + options.type + "\" is declared here");
  if (settings.role != site_role::primary || !type->model)
    return refuse("type \"" + options.type +
                  "\" has no model table at this site: verification is kept in columns at a "
                  "primary, of types with [replicable.model]");
  const auto url = url_of(settings);
  const auto missing = missing_columns(url, *type->model);
  if (!missing)
    return refuse(missing.error().message +
                  (settings.database == "managed"
                       ? " (a managed database answers only while the node runs)"
                       : ""));
  if (missing->empty()) {
    io.out << "nothing to do: table " << type->model->table << " has all that verification = "
           << "\"columns\" needs\n";
    return exit_code::done;
  }
  for (const auto& statement : *missing)
    io.out << statement << ";\n";
  if (options.dry_run)
    return exit_code::done;
  migration_patience patience;
  patience.limit = options.timeout;
  patience.sleep = sleep;
  if (const auto added = add_columns(url, *missing, patience); !added)
    return refuse(added.error().message);
  io.out << "done"
         << (type->verification == verification_place::columns
                 ? "\n"
                 : "; write verification = \"columns\" into the type, and reload, to use them\n");
  return exit_code::done;
}

void show_missing_columns(const config& settings, std::ostream& out) {
  if (settings.role != site_role::primary)
    return;
  for (const auto& type : settings.types) {
    if (type.verification != verification_place::columns || !type.model)
      continue;
    const auto missing = missing_columns(url_of(settings), *type.model);
    if (!missing) {
      out << type.name << ": whether its table has the columns of verification = \"columns\" can't "
          << "be told now: " << missing.error().message << '\n';
      continue;
    }
    if (missing->empty())
      continue;
    out << type.name << ": verification = \"columns\" needs this; farshore migrate-model "
        << type.name << " does it:\n";
    for (const auto& statement : *missing)
      out << "  " << statement << ";\n";
  }
}

} // namespace farshore
