// Every setting of a node, once: its name in the TOML file, type, default, unit and meaning.
// `load_config` is the only reader of the file; nothing else holds a default.

#pragma once

#include "config/bandwidth.hpp"
#include "config/error.hpp"
#include "config/free_mark.hpp"
#include "config/ids.hpp"
#include "config/scope.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace farshore {

enum class site_role { primary, secondary };

/// Where a primary keeps how its records' verification stands: in Farshore's own table alone, also
/// in columns of the model's table, or nowhere: it does not verify.
enum class verification_place { state_table, columns, off };
std::string_view to_string(verification_place place);

/// `[replicable.model]`: the application's table whose rows own the data. Used on the primary.
struct model_declaration {
  /// "table" or "schema.table" (schema "public" by default).
  std::string table;
  /// One column: an integer type, uuid or text/varchar.
  std::string primary_key = "id";
  /// SQL expression over the table's row that yields the locator (text or bytea).
  std::string locator;
  /// SQL condition over the table's row; rows where it is not true are not replicated.
  std::string available;
  /// SQL expression that yields the size in bytes, when the row knows it; empty: unknown.
  std::string size;
  /// SQL expression that yields the locator of the repository that a fork shares objects with (its
  /// pool), in the same store; null: none. Empty: no record has one.
  std::string pool = {};
  /// `select`: the column by whose values secondaries choose records; empty: there is none.
  std::string select_column = {};
  /// Its values are texts, not whole numbers.
  bool select_text = false;
  /// `[replicable.predicates]`: SQL conditions over the table's row, by the names that secondaries
  /// choose them by.
  std::map<std::string, std::string> predicates = {};

  friend bool operator==(const model_declaration&, const model_declaration&) = default;
};

/// `[[replicable]]`: one replicable type, the whole of what an engineer writes.
struct replicable_type {
  /// [a-z][a-z0-9_]{0,39}; the registry partition is `<name>_registry`.
  std::string name;
  /// Used in status fields and metrics; default: name + "s".
  std::string plural;
  /// "blob" or "repository".
  std::string strategy;
  /// Absolute path of the folder beneath which the locators lie, at this site.
  std::filesystem::path store;
  /// The model table. On a primary exactly one of this and `scan` is there.
  std::optional<model_declaration> model;
  /// The folder itself is the model: how often it is scanned on the primary. 0: it is not. On a
  /// secondary it only says that the type is a scanned one, so that links are content.
  std::chrono::milliseconds scan{0};
  [[nodiscard]] bool scanned() const { return scan.count() > 0; }
  /// The feature flag; reloadable. Off: no events, no work, nothing deleted.
  bool enabled = true;
  /// `enabled = "verify"`: `enabled` is off, and all the same the primary verifies what it has.
  bool verify_only = false;
  /// Used on the primary.
  verification_place verification = verification_place::state_table;
  /// How long what was verified stays believed before it is read again.
  std::chrono::milliseconds reverify_after{7 * 24 * std::chrono::hours{1}};
  /// Of a type of repositories whose rows an application owns, on the primary: how often the refs
  /// of all are compared with the checksums that are known. 0: never.
  std::chrono::milliseconds refs_check{0};
  /// A transfer that moves nothing for this long is given up.
  std::chrono::seconds progress_deadline{30};
  /// Permission bits of files in the store at this site, e.g. 0644; 0: as on the primary.
  std::uint32_t file_mode = 0;
  /// On a secondary, of repositories: one of which more arrives at once is refused.
  std::uint64_t max_repository_size = 100'000'000'000;
  /// On a secondary: which of the primary's predicates records have to meet; empty: none. Part of
  /// `config::scope`.
  std::string predicate = {};

  friend bool operator==(const replicable_type&, const replicable_type&) = default;
};

/// How much of the event log a primary keeps for readers that are behind. Whoever is further behind
/// is cut off, and does a full check.
struct log_retention {
  std::chrono::milliseconds age{7 * 24 * std::chrono::hours{1}};
  /// Rows and index entries, without bloat.
  std::uint64_t bytes = 10'000'000'000;

  friend bool operator==(const log_retention&, const log_retention&) = default;
};

struct config {
  // [site]
  /// [a-z0-9][a-z0-9-]{0,62}; unique among the sites; part of every signature.
  std::string site_name;
  site_role role = site_role::secondary;
  /// host:port; port 0 takes a free one (shown in the log and in `<data>/listen`).
  std::string listen = "127.0.0.1:7400";
  /// Absolute path of the node's own files: managed database, spool.
  std::filesystem::path data;
  /// File that holds the shared secret; must not be readable by others. Empty: there is a key_file.
  std::filesystem::path secret_file;
  /// Instead of secret_file, on a secondary: holds that site's own key only.
  std::filesystem::path key_file;
  /// Secret (or key) that is still accepted during a rotation; empty: none.
  std::filesystem::path previous_secret_file;
  /// PEM files; with both the node speaks TLS, and nothing else. Empty: plain HTTP.
  std::filesystem::path tls_certificate;
  std::filesystem::path tls_key;
  /// "managed", or a postgresql:// URL.
  std::string database = "managed";
  /// "refuse" or "redirect" (to the primary): on a secondary, who asks for a repository that is not
  /// level with the primary's.
  std::string serve_unsynced = "refuse";
  /// Who may read /metrics: "token", or "open".
  std::string metrics = "token";

  // [primary], on a secondary
  /// http://host:port or https://host:port
  std::string primary_url;
  /// PEM bundle of the CAs that the primary's certificate may be signed by; empty: the system's.
  std::filesystem::path primary_tls_ca;

  // [selective_sync] and the types' predicates, on a secondary; reloadable
  site_scope scope;

  // [events], on a primary
  log_retention events;

  // [limits]
  /// Records in flight at once, over all types.
  std::size_t capacity = 1024;
  /// Connections to the primary for batches of small blobs, and as many again for large ones.
  std::size_t connections = 4;
  /// Blobs above this many bytes travel alone.
  std::uint64_t large_blob_bytes = 1u << 20;
  /// A record's lease; renewed while work goes on.
  std::chrono::milliseconds lease{10'000};
  /// First and longest wait after a failure.
  std::chrono::milliseconds retry_base{2'000};
  std::chrono::milliseconds retry_cap{3'600'000};
  /// How often a secondary compares all of its records with the primary's, by digests.
  std::chrono::milliseconds compare_every{24 * std::chrono::hours{1}};
  /// Of content from the primary, over all connections; reloadable.
  bandwidth_plan bandwidth;
  /// Below it nothing new is fetched; reloadable.
  free_mark min_free;
  /// Of git's processes that serve clones and fetches.
  std::size_t git_clones = 8;

  // [log]
  /// "text" or "json".
  std::string log_format = "text";
  /// "debug", "info", "warn" or "error".
  std::string log_level = "info";

  // [[replicable]]
  std::vector<replicable_type> types;

  /// The type of that name, or nullptr.
  [[nodiscard]] const replicable_type* find_type(std::string_view name) const;
};

/// One mistake in a configuration, as `farshore check` prints it: "file:line: message".
struct config_mistake {
  std::string file;
  /// 1-based; 0 where no line can be named.
  int line = 0;
  /// What is wrong, and what to write instead.
  std::string message;
  /// The text is good; a store's folder is not there, or can't be used, now.
  bool of_store = false;
};
/// "file:line: message", or "file: message" without a line.
std::string to_string(const config_mistake& mistake);

/// What reading a configuration came to: usable only if `mistakes` is empty.
struct loaded_config {
  config settings;
  std::vector<config_mistake> mistakes;
};

/// Reads and validates the file, and collects every mistake that it finds (not only the first):
/// syntax, unknown tables and keys (with the nearest known name), wrong types, missing settings,
/// contradictions, files and folders that are not there. Blocks on the file system; never throws.
loaded_config load_config(const std::filesystem::path& file);

} // namespace farshore
