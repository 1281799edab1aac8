#include "config/settings.hpp"

#include <fmt/format.h>

namespace farshore {

namespace {

using enum presence;

constexpr std::uint64_t second = 1'000;
constexpr std::uint64_t hour = 3'600 * second;
constexpr std::uint64_t day = 24 * hour;

constexpr setting<config> site[] = {
    {"name", &config::site_name, required, "text",
     "The site's name, unique among the sites; part of every signature.", check_site_name},
    {"role", &config::role, required, "\"primary\" or \"secondary\"",
     "The primary owns the data; a secondary replicates it."},
    {"listen", &config::listen, optional, "host:port",
     "Where the node answers other sites and the command line. Port 0 takes a free one; the "
     "address "
     "in use stands in the file `listen` in the data folder.",
     check_listen},
    {"data", &config::data, required, "absolute path",
     "Folder of the node's own files (managed database, spool). Made at start where its parent is "
     "there."},
    {"secret_file", &config::secret_file, required, "absolute path",
     "File with the secret that all sites share, readable by its owner only. `farshore secret` "
     "makes one."},
    {"previous_secret_file", &config::previous_secret_file, optional, "absolute path",
     "A second secret that is still accepted while the secret is being rotated.", nullptr, 0, 0,
     "none"},
    {"database", &config::database, optional, "\"managed\" or URL",
     "\"managed\": a private PostgreSQL in the data folder. Or a `postgresql://` URL of an "
     "existing "
     "one. On a primary it is the application's database.",
     check_database},
};

constexpr setting<config> primary[] = {
    {"url", &config::primary_url, required, "http://host:port",
     "Address of the primary. On a secondary only.", check_primary_url},
};

constexpr setting<config> limits[] = {
    {"capacity", &config::capacity, optional, "records",
     "Records in flight at once, over all types.", nullptr, 1, 100'000},
    {"connections", &config::connections, optional, "connections",
     "Connections to the primary for batches of small blobs, and as many again for large ones.",
     nullptr, 1, 64},
    {"large_blob_bytes", &config::large_blob_bytes, optional, "bytes",
     "Blobs above this size travel alone, and resume where they broke off.", nullptr, 1u << 10,
     1u << 30},
    {"lease", &config::lease, optional, "duration",
     "How long a record stays claimed without news from its worker; renewed while work goes on.",
     nullptr, 2 * second, hour},
    {"retry_base", &config::retry_base, optional, "duration",
     "First wait after a failure; it doubles with each further one, ±25 %.", nullptr, 10, hour},
    {"retry_cap", &config::retry_cap, optional, "duration", "Longest wait after a failure.",
     nullptr, 10, 30 * day},
};

constexpr setting<config> log[] = {
    {"format", &config::log_format, optional, "\"text\" or \"json\"",
     "Lines for people, or one JSON object a line (time, level, message).", check_log_format},
    {"level", &config::log_level, optional, "\"debug\", \"info\", \"warn\" or \"error\"",
     "The least level that is logged.", check_log_level},
};

constexpr setting<replicable_type> replicable[] = {
    {"name", &replicable_type::name, required, "text",
     "The type's name; its registry is `<name>_registry`.", check_type_name},
    {"plural", &replicable_type::plural, optional, "text",
     "Its plural, in status fields and metrics.", check_type_name, 0, 0, "name + \"s\""},
    {"strategy", &replicable_type::strategy, required, "\"blob\"",
     "How the resource is stored: `blob`, one file.", check_strategy},
    {"store", &replicable_type::store, required, "absolute path",
     "Folder beneath which the locators lie, at this site. On a secondary made at start where its "
     "parent is there."},
    {"scan", &replicable_type::scan, optional, "duration",
     "Instead of `[replicable.model]`: the store itself is the model, every file and symbolic link "
     "in it a record. How often the primary looks through all of it; between two looks it is told "
     "of changes by the system, where that is possible. A secondary needs the line, too.",
     nullptr, second, day, "not scanned"},
    {"enabled", &replicable_type::enabled, optional, "true or false",
     "The feature flag; reloadable. Off: no events, no work, nothing deleted."},
    {"progress_deadline", &replicable_type::progress_deadline, optional, "duration (whole seconds)",
     "A transfer that moves nothing for this long is given up, and tried again later.", nullptr,
     second, day},
    {"file_mode", &replicable_type::file_mode, optional, "text, octal",
     "Permission bits of the files in this site's store, e.g. \"0644\".", nullptr, 0, 0,
     "as on the primary"},
};

constexpr setting<model_declaration> model[] = {
    {"table", &model_declaration::table, required, "table or schema.table",
     "The application's table whose rows own the data.", check_table},
    {"primary_key", &model_declaration::primary_key, optional, "column",
     "Its key: one column of an integer type, uuid or text.", check_column},
    {"locator", &model_declaration::locator, required, "SQL expression",
     "Over the table's row: the path of the file beneath the store (text or bytea).",
     check_sql_expression},
    {"available", &model_declaration::available, optional, "SQL condition",
     "Over the table's row: rows where it is not true are not replicated.", check_sql_expression, 0,
     0, "every row"},
    {"size", &model_declaration::size, optional, "SQL expression",
     "Over the table's row: the size in bytes, where the row knows it.", check_sql_expression, 0, 0,
     "unknown"},
};

template <class Owner>
std::string default_of(const setting<Owner>& s) {
  if (s.needed == required)
    return "required";
  if (!s.default_shown.empty())
    return std::string{s.default_shown};
  static const Owner defaults;
  return std::visit(
      [&]<class T>(T Owner::*place) -> std::string {
        const auto& value = defaults.*place;
        if constexpr (std::is_same_v<T, bool>)
          return value ? "`true`" : "`false`";
        else if constexpr (std::is_same_v<T, std::string>)
          return "`\"" + value + "\"`";
        else if constexpr (std::is_same_v<T, std::uint64_t>)
          return "`" +
                 (s.type == "bytes" ? "\"" + show_bytes(value) + "\"" : std::to_string(value)) +
                 "`";
        else if constexpr (std::is_convertible_v<T, std::chrono::milliseconds>)
          return "`\"" + show_duration(value) + "\"`";
        else
          return "none";
      },
      s.place);
}

template <class Owner>
std::string limits_of(const setting<Owner>& s) {
  if (s.max == 0)
    return "";
  if (s.type.starts_with("duration"))
    return " " + show_duration(std::chrono::milliseconds{s.min}) + " to " +
           show_duration(std::chrono::milliseconds{s.max}) + ".";
  if (s.type == "bytes")
    return " " + show_bytes(s.min) + " to " + show_bytes(s.max) + ".";
  return " " + std::to_string(s.min) + " to " + std::to_string(s.max) + ".";
}

template <class Owner>
void describe(std::string& out, std::string_view title, std::string_view note,
              std::span<const setting<Owner>> settings) {
  out += fmt::format("### `{}`\n\n{}\n\n| setting | type, unit | default | meaning |\n"
                     "| --- | --- | --- | --- |\n",
                     title, note);
  for (const auto& s : settings)
    out += fmt::format("| `{}` | {} | {} | {}{} |\n", s.key, s.type, default_of(s), s.meaning,
                       limits_of(s));
  out += '\n';
}

} // namespace

std::span<const setting<config>> site_settings() {
  return site;
}

std::span<const setting<config>> primary_settings() {
  return primary;
}

std::span<const setting<config>> limits_settings() {
  return limits;
}

std::span<const setting<config>> log_settings() {
  return log;
}

std::span<const setting<replicable_type>> replicable_settings() {
  return replicable;
}

std::span<const setting<model_declaration>> model_settings() {
  return model;
}

std::string configuration_reference() {
  std::string out;
  describe(out, "[site]", "This site.", site_settings());
  describe(out, "[primary]", "Where a secondary finds its primary.", primary_settings());
  describe(out, "[limits]", "How much at once, and how long.", limits_settings());
  describe(out, "[log]", "What is written to standard error.", log_settings());
  describe(out, "[[replicable]]", "One replicable type; repeat the table for each.",
           replicable_settings());
  describe(
      out, "[replicable.model]",
      "The application's table of the type above it. A primary needs it, or `scan`; a secondary "
      "checks it, but does not need it.",
      model_settings());
  out.pop_back();
  return out;
}

} // namespace farshore
