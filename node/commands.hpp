// The commands of the program, one function and one file each. All return an exit code
// (exit_codes.hpp), write their answer to `out` and what went wrong to `err`, and never throw.

#pragma once

#include "config/clock.hpp"
#include "config/config.hpp"
#include "node/api_call.hpp"
#include "node/paint.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace farshore {

struct console {
  std::ostream& out;
  std::ostream& err;
};

/// A site whose configuration is good, and the way to its node.
struct site_access {
  config settings;
  std::filesystem::path config_file;
  node_api call;
};

// -- without a node -------------------------------------------------------------------------------

struct secret_options {
  /// Empty: print it.
  std::filesystem::path output{};
  /// Both or neither: the key of this site, by the secret in that file, rather than a fresh secret.
  std::string for_site{};
  std::filesystem::path from{};
};
/// SECRET: prints a fresh secret, or a site's own key; or writes it to a new file that only its
/// owner can read.
int secret_command(const secret_options& options, console io);

struct token_options {
  /// What it is for; exactly one.
  bool read = false;
  bool viewer = false;
  bool operating = false;
  /// Empty: called as what it is for.
  std::string name = {};
  int days = 90;
};
/// TOKEN: prints a token that opens the site's repositories to git clone and git fetch, or its API
/// and page to a person.
int token_command(const config& settings, const token_options& options, console io);

struct hook_install_options {
  std::string type;
  std::vector<std::filesystem::path> repositories;
};
/// HOOK INSTALL: puts the hook into repositories of the primary; what is there runs before it.
int hook_install_command(const config& settings, const hook_install_options& options, console io);

struct post_receive_options {
  std::string type;
  std::filesystem::path spool;
};
/// HOOK POST-RECEIVE: within a push, leaves a note of it for the node.
int post_receive_command(const post_receive_options& options, console io);

/// CHECK: prints every mistake in the configuration.
int check_command(const std::filesystem::path& config_file, console io);
/// CHECK --GRANTS: prints the SQL that lets the node into an existing database.
int grants_command(const config& settings, console io);
/// CHECK --COUNTS: counts the database's rows again, and compares with the counts that are kept.
int check_counts_command(const config& settings, console io);

/// DATABASE-URL: prints the address of the site's database.
int database_url_command(const config& settings, console io);

struct migrate_model_options {
  std::string type;
  /// Print the statements, and run none.
  bool dry_run = false;
  /// How long to ask for the application's locks.
  std::chrono::milliseconds timeout{60'000};
};
/// MIGRATE-MODEL: gives a type's table the columns that verification = "columns" needs.
int migrate_model_command(const config& settings, const migrate_model_options& options,
                          const std::function<void(std::chrono::milliseconds)>& sleep, console io);
/// Prints the SQL that types with verification = "columns" still need.
void show_missing_columns(const config& settings, std::ostream& out);

struct uninstall_options {
  bool yes = false;
  /// How long to ask for the application's locks.
  std::chrono::milliseconds timeout{60'000};
};
/// UNINSTALL: takes Farshore's triggers and schema out of the site's database. Main thread only: a
/// managed database is started for it.
int uninstall_command(const config& settings, const uninstall_options& options,
                      const std::function<void(std::chrono::milliseconds)>& sleep, console io);

/// DOCTOR: looks at everything that a site needs, whether its node runs or not. `call`: the way to
/// a configuration's node.
int doctor_command(const std::filesystem::path& config_file,
                   const std::function<node_api(const config&)>& call, bool as_json, console io);

// -- questions to the node ------------------------------------------------------------------------

struct status_options {
  bool as_json = false;
  /// Again and again, until `sleep` says that it is enough.
  bool watch = false;
  std::chrono::milliseconds every{2'000};
  paint colour = {};
  /// Each picture in the place of the one before.
  bool redraw = false;
};
/// STATUS: how the site and its types stand.
int status_command(
    const site_access& site, const status_options& options, console io,
    const std::function<bool(std::chrono::milliseconds)>& sleep = [](std::chrono::milliseconds) {
      return false;
    });

struct list_options {
  std::string type;
  /// Empty: all.
  std::string state{};
  bool as_json = false;
  std::size_t limit = 100;
  /// On a primary: what in a scanned type's folder is neither file nor link.
  bool unsupported = false;
  /// On a primary: only records whose verification is at this; empty: all.
  std::string verification{};
  /// On a secondary: only records that verification found something odd about.
  bool findings = false;
};
/// LIST: the records of a type in the registry, with what failed and when it is tried again.
int list_command(const site_access& site, const list_options& options, console io);

/// SITE LIST: the sites that read a primary's log, and how far each is behind.
int site_list_command(const site_access& site, bool as_json, console io);

struct compare_options {
  /// Empty: all enabled ones.
  std::string type{};
  /// Differing records that are shown, of each type.
  std::size_t limit = 20;
  /// How long to wait for what is under way, before each look.
  std::chrono::milliseconds patience{10'000};
  bool as_json = false;
};
/// COMPARE: on a secondary whether it has just what its primary has, or what differs; on a primary
/// its own digests.
int compare_command(const site_access& site, const compare_options& options,
                    const std::function<void(std::chrono::milliseconds)>& sleep, console io);

struct wait_options {
  std::chrono::milliseconds timeout{60'000};
  /// What is accounted for (missing on the primary, types that wait for their table) makes a no.
  bool strict = false;
  /// Being here is enough; verified it may become later.
  bool synced = false;
};
/// WAIT: on a secondary until everything is here, and verified, that the primary had committed when
/// it was called; on a primary until its log is folded. `sleep` lets time pass on the clock of
/// `time`.
int wait_command(const site_access& site, const wait_options& options, const time_source& time,
                 const std::function<void(std::chrono::milliseconds)>& sleep, console io);

// -- orders to the node ---------------------------------------------------------------------------

struct why_options {
  std::string type;
  std::int64_t record = 0;
  bool as_json = false;
};
/// WHY: how one record stands, what happened to it, why, and what comes next.
int why_command(const site_access& site, const why_options& options, console io);

/// Which records RESYNC and REVERIFY are for.
struct marking_options {
  std::string type;
  /// One of the three.
  std::vector<std::int64_t> ids{};
  bool failed = false;
  bool all = false;
};
/// RESYNC: marks records as due.
int resync_command(const site_access& site, const marking_options& options, console io);

/// REVERIFY: has records read and verified again, at either site.
int reverify_command(const site_access& site, const marking_options& options, console io);

/// PAUSE and RESUME, of one type or (empty) of all.
int pause_command(const site_access& site, const std::string& type, console io);
int resume_command(const site_access& site, const std::string& type, console io);

/// RECHECK: compares a type, or (empty) all of them, with what they come from.
int recheck_command(const site_access& site, const std::string& type, console io);

/// APPROVE: lets go what a check or a scan of the type holds back.
int approve_command(const site_access& site, const std::string& type, console io);

struct orphans_options {
  std::string type;
  bool remove = false;
  /// Also where they are many.
  bool yes = false;
  std::size_t limit = 100;
  bool as_json = false;
};
/// ORPHANS: shows files in a type's store that no record names, and removes them.
int orphans_command(const site_access& site, const orphans_options& options,
                    const std::function<void(std::chrono::milliseconds)>& sleep, console io);

struct publish_options {
  std::string type;
  std::string key;
  /// created, updated or deleted.
  std::string event;
};
/// PUBLISH: writes an event for a record whose row did not change.
int publish_command(const site_access& site, const publish_options& options, console io);

/// SITE FORGET: a site that is no more keeps no events any more.
int site_forget_command(const site_access& site, const std::string& name, console io);

// -- shared by several of them --------------------------------------------------------------------

/// Prints why a call failed and what to do, and returns the exit code for it.
int report(const api_failure& failure, const site_access& site, console io);

/// False, after saying so, where the site has another role: `what` is the command's name.
bool has_role(const site_access& site, site_role needed, std::string_view what, console io);

} // namespace farshore
