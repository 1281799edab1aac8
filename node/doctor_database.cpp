// Checks of the site's database, and of what its rows lead to.

#include "config/clock.hpp"
#include "node/doctor.hpp"
#include "registry/primary_reader.hpp"
#include "strategies/make_strategy.hpp"

#include <array>
#include <fmt/format.h>

namespace farshore {

namespace {

/// Writers, readers, lists, the doctor: see reader_pool and api_routes.
constexpr int node_connections = 14;
constexpr std::size_t records_tried = 20;
constexpr int oldest_server = 130'000;

doctor_finding no_database() {
  return skipped("the database is not reached");
}

/// Opens the resource and reads its first byte.
result<void> try_to_read(strategy& store, const std::string& locator) {
  auto opened = store.open(locator);
  if (!opened)
    return fail(std::move(opened).error());
  std::array<std::byte, 1> first{};
  return (*opened)->read(0, first).map([](std::size_t) {});
}

std::string_view advice_for(ec code) {
  return code == ec::missing_on_primary
             ? "the row is there and its file is not; is [[replicable]] store the right folder?"
             : "the node's user needs to read every file";
}

} // namespace

doctor_finding check_database(patient& of) {
  auto* database = of.database();
  if (database == nullptr) {
    if (of.settings.database == "managed" && !of.status())
      return skipped("the managed database runs only while the node does");
    return wrong(of.database_trouble() + "; is [site] database right, does PostgreSQL run?");
  }
  const auto server = database->server();
  if (!server)
    return wrong(server.error().message);
  if (server->version_number < oldest_server)
    return wrong(
        fmt::format("PostgreSQL {} is too old: Farshore needs 13 or newer", server->version));
  return all_well(fmt::format("PostgreSQL {}, as user {}", server->version, server->user));
}

doctor_finding check_database_rights(patient& of) {
  auto* database = of.database();
  if (database == nullptr)
    return no_database();
  const auto server = database->server();
  if (!server)
    return wrong(server.error().message);
  std::string missing;
  const auto need = [&](bool has, const std::string& what) {
    if (!has)
      missing += (missing.empty() ? "" : "; ") + what;
  };
  need(server->may_create, "it may not create schema farshore in this database");
  if (of.is_primary()) {
    need(server->sees_others, "it does not see which open transaction holds the log back");
    const auto tables = database->tables(of.settings);
    if (!tables)
      return wrong(tables.error().message);
    for (const auto& table : *tables)
      need(!table.exists || table.owned,
           "it has not the rights of " + table.owner + ", who owns table " + table.table);
  }
  return missing.empty() ? all_well("user " + server->user + " has what it needs")
                         : wrong("user " + server->user + ": " + missing +
                                 "; run what this prints: farshore check --grants -c " +
                                 of.config_file.string());
}

doctor_finding check_connections(patient& of) {
  auto* database = of.database();
  if (database == nullptr)
    return no_database();
  const auto server = database->server();
  if (!server)
    return wrong(server.error().message);
  const auto text = fmt::format("{} of {} in use; a node takes up to {}", server->connections_used,
                                server->connections_max, node_connections);
  // A running node has its own already.
  const int more = of.status() ? 1 : node_connections;
  return server->connections_used + more > server->connections_max
             ? wrong(text + ": raise max_connections in postgresql.conf")
             : all_well(text);
}

doctor_finding check_transactions(patient& of) {
  auto* database = of.database();
  if (database == nullptr)
    return no_database();
  const auto oldest = database->oldest_writer();
  if (!oldest)
    return wrong(oldest.error().message);
  if (!*oldest)
    return all_well("none that has written is older than a minute");
  const auto& held = **oldest;
  const auto who = held.pid == 0
                       ? fmt::format("a prepared transaction of {} ({})", held.user, held.state)
                       : fmt::format("process {} of user {} ({})", held.pid, held.user, held.state);
  return wrong(fmt::format(
      "{} has been open for {} s and holds back everything committed since: "
      "{}",
      who, held.age_seconds,
      held.pid == 0 ? "commit it, or ROLLBACK PREPARED"
                    : fmt::format("end it, or SELECT pg_terminate_backend({})", held.pid)));
}

doctor_finding check_records(patient& of) {
  if (of.database() == nullptr)
    return no_database();
  auto reader = primary_reader::open(of.database_url());
  if (!reader)
    return wrong(reader.error().message);
  std::vector<replicable_type> enabled;
  for (const auto& type : of.settings.types)
    if (type.enabled)
      enabled.push_back(type);
  (*reader)->declare(enabled);
  std::size_t tried = 0;
  std::string troubles;
  std::string waiting;
  for (const auto& type : enabled) {
    const auto page = (*reader)->catalogue(type.name, record_id_before_all, records_tried);
    if (!page) {
      waiting += (waiting.empty() ? "" : "; ") + type.name + ": " + page.error().message;
      continue;
    }
    auto store = make_strategy(type, system_time());
    if (!store)
      return wrong(store.error().message);
    for (const auto& record : page->rows) {
      ++tried;
      if (auto read = try_to_read(**store, record.locator); !read && troubles.empty())
        troubles = fmt::format("{}/{}: {}; {}", type.name, record.record, read.error().message,
                               advice_for(read.error().code));
    }
  }
  if (!troubles.empty())
    return wrong(troubles);
  if (tried == 0 && !waiting.empty())
    return skipped(waiting);
  return all_well(fmt::format("the first {} records can be read{}", tried,
                              waiting.empty() ? "" : "; not looked at: " + waiting));
}

} // namespace farshore
