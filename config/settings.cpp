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
    {"secret_file", &config::secret_file, optional, "absolute path",
     "File with the secret that the sites share, readable by its owner only. `farshore secret` "
     "makes one.",
     nullptr, 0, 0, "required, or `key_file`"},
    {"key_file", &config::key_file, optional, "absolute path",
     "On a secondary instead of `secret_file`: a file with this site's own key, which can't speak "
     "for any other site. `farshore secret --for SITE --from FILE` derives it from the secret."},
    {"previous_secret_file", &config::previous_secret_file, optional, "absolute path",
     "The secret (on a secondary also: the key) before the present one, still accepted while it is "
     "being rotated."},
    {"tls_certificate", &config::tls_certificate, optional, "absolute path",
     "PEM file with the node's certificate, and behind it those that signed it. With it the node's "
     "port speaks TLS (1.2 and up) only. Read again on reload."},
    {"tls_key", &config::tls_key, optional, "absolute path",
     "PEM file with the certificate's key, without a passphrase, readable by its owner only."},
    {"database", &config::database, optional, "\"managed\" or URL",
     "\"managed\": a private PostgreSQL in the data folder. Or a `postgresql://` URL of an "
     "existing "
     "one. On a primary it is the application's database.",
     check_database},
    {"serve_unsynced", &config::serve_unsynced, optional, "\"refuse\" or \"redirect\"",
     "On a secondary, to a git client that asks for a repository whose newest state is not here "
     "yet: a refusal, or the primary's address, which git then reads from by itself. Reloadable.",
     check_serve_unsynced},
    {"metrics", &config::metrics, optional, "\"token\" or \"open\"",
     "Who may read `/metrics`: who has a token of `farshore token --viewer`, or whoever reaches "
     "the "
     "port. They name types and sites, and nothing of their content.",
     check_metrics},
};

constexpr setting<config> primary[] = {
    {"url", &config::primary_url, required, "http://host:port or https://host:port",
     "Address of the primary, `https://` where it has a certificate. On a secondary only.",
     check_primary_url},
    {"tls_ca", &config::primary_tls_ca, optional, "absolute path",
     "PEM file with the CAs of which one has signed the primary's certificate. Read again on "
     "reload.",
     nullptr, 0, 0, "the system's CAs"},
};

constexpr setting<log_retention> events[] = {
    {"retention", &log_retention::age, optional, "duration",
     "A secondary that is further behind is cut off, and compares all records when it comes back. "
     "At half of it the primary's status says so. Reloadable.",
     nullptr, second, 365 * day},
    {"retention_bytes", &log_retention::bytes, optional, "bytes",
     "The same, by the size of the events that are kept for it (rows and index, without bloat). "
     "Reloadable.",
     nullptr, 1u << 10, std::uint64_t{1} << 50},
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
    {"compare_every", &config::compare_every, optional, "duration",
     "How often a secondary compares all of its records with the primary's, by digests: what no "
     "event told of is repaired. It is done at each start, too. On a secondary only.",
     nullptr, second, 365 * day, "1 day"},
    {"bandwidth", &config::bandwidth, optional, "rate, or list of rates",
     "The most content that arrives from the primary, over all connections; reloadable. A rate may "
     "have days and a time of day before it, local time: `[\"20 MB/s\", \"Mon-Fri 08:00-18:00 5 "
     "MB/s\", \"22:00-06:00 unlimited\"]`; the last entry that fits counts. \"10 KB/s\" to \"1000 "
     "GB/s\". On a secondary only.",
     nullptr, 0, 0, "unlimited"},
    {"min_free", &config::min_free, optional, "bytes, or share such as \"5 %\"",
     "What stays free on the file system of each store, and of the data folder; reloadable. Below "
     "it nothing new is fetched (removals go on), and it goes on by itself once there is a tenth "
     "more. On a secondary only.",
     nullptr, 0, 0, "5 %, but at most 10 GiB"},
    {"git_clones", &config::git_clones, optional, "processes",
     "Clones and fetches of repositories that this site serves at once; whoever comes further "
     "waits for its turn.",
     nullptr, 1, 1'000},
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
    {"strategy", &replicable_type::strategy, required, "\"blob\" or \"repository\"",
     "How the resource is stored: `blob`, one file; `repository`, one bare git repository.",
     check_strategy},
    {"store", &replicable_type::store, required, "absolute path",
     "Folder beneath which the locators lie, at this site. On a secondary made at start where its "
     "parent is there."},
    {"scan", &replicable_type::scan, optional, "duration",
     "Instead of `[replicable.model]`: the store itself is the model, every file and symbolic link "
     "(or every bare repository) in it a record. How often the primary looks through all of it; "
     "between two looks it is told "
     "of changes by the system, where that is possible. A secondary needs the line, too.",
     nullptr, second, day, "not scanned"},
    {"enabled", &replicable_type::enabled, optional, "true, false or \"verify\"",
     "The feature flag; reloadable. Off: no events, no work, nothing deleted. `\"verify\"`: the "
     "primary verifies what it has, and serves nothing of it; on a secondary the same as false."},
    {"verification", &replicable_type::verification, optional,
     "\"state_table\", \"columns\" or \"off\"",
     "On a primary: where it keeps how the verification of its records stands, in Farshore's own "
     "table, or also in columns of the model's table (`farshore migrate-model` makes them). "
     "`\"off\"`: nothing of the type is verified. Reloadable."},
    {"reverify_after", &replicable_type::reverify_after, optional, "duration",
     "How long after it was verified a record is read where it lies and verified again. On a "
     "secondary all records are gone through once in this time, evenly; on a primary each has a "
     "time of its own, between half and one and a half of it. Never in a wave. Reloadable.",
     nullptr, second, 365 * day},
    {"refs_check", &replicable_type::refs_check, optional, "duration",
     "On a primary, of repositories with a model table: how often the refs of all are looked at, "
     "so "
     "that a push of which nothing was told (its hook is missing, or was killed) is found. What "
     "did "
     "not change writes nothing. Reloadable.",
     nullptr, second, day, "`\"1min\"`"},
    {"progress_deadline", &replicable_type::progress_deadline, optional, "duration (whole seconds)",
     "A transfer that moves nothing for this long is given up, and tried again later.", nullptr,
     second, day},
    {"file_mode", &replicable_type::file_mode, optional, "text, octal",
     "Permission bits of the files in this site's store, e.g. \"0644\".", nullptr, 0, 0,
     "as on the primary"},
    {"max_repository_size", &replicable_type::max_repository_size, optional, "bytes",
     "On a secondary, with strategy = \"repository\": a repository of which more than this arrives "
     "at once is given up.",
     nullptr, 1u << 20, 1'000'000'000'000'000},
    {"predicate", &replicable_type::predicate, optional, "name",
     "On a secondary only: of the type's records those that meet this predicate, which the primary "
     "defines in `[replicable.predicates]`; reloadable.",
     check_type_name, 0, 0, "all records"},
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
    {"pool", &model_declaration::pool, optional, "SQL expression",
     "With strategy = \"repository\", over the table's row: the locator, in the same store, of the "
     "repository whose objects this one borrows at the primary (its pool); null where there is "
     "none. "
     "A secondary mirrors the pool first, and the two share on its disk what both have.",
     check_sql_expression, 0, 0, "every mirror is made by itself"},
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
        else if constexpr (std::is_same_v<T, verification_place>)
          return "`\"" + std::string{to_string(value)} + "\"`";
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

std::span<const setting<log_retention>> events_settings() {
  return events;
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
  describe(
      out, "[events]",
      "How much of the event log a primary keeps for secondaries that are behind. On a primary "
      "only.",
      events_settings());
  describe(out, "[limits]", "How much at once, and how long.", limits_settings());
  describe(out, "[log]", "What is written to standard error.", log_settings());
  describe(out, "[[replicable]]", "One replicable type; repeat the table for each.",
           replicable_settings());
  describe(
      out, "[replicable.model]",
      "The application's table of the type above it. A primary needs it, or `scan`; a secondary "
      "checks it, but does not need it.",
      model_settings());
  out += R"md(### `select`

In a primary's `[[replicable]]`: `select = { column = "project_id", type = "integer" }`. Secondaries may choose the type's
records by this column's values. `type` is `"integer"` (a column of an integer type; whole numbers and ranges) or `"text"`
(any column, compared as text). Without it every secondary has the whole type.

### `[replicable.predicates]`

On a primary: names and SQL conditions over the table's row, e.g. `recent = "year >= 2020"`, of which a secondary may name
one (`predicate = "recent"`). A condition should speak of the row alone: what becomes true by the passing of time makes no event.

### `[selective_sync]`

On a secondary: which records it wants, by the columns that the primary's types select by; reloadable. `project_id = [1, 2,
"10-20"]` are values and ranges (both ends included), `region = ["north", "south"]` texts. A type that selects by another
column, or by none, is not affected; a row whose column is null is nobody's who selects by it. With a `predicate` too, both
must hold. At most 10,000 values in all, each of at most 255 bytes.
)md";
  return out;
}

} // namespace farshore
