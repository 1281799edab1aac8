#include "node/command_line.hpp"

#include "config/values.hpp"
#include "config/version.hpp"
#include "net/signing.hpp"
#include "node/exit_codes.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <ostream>
#include <set>
#include <string_view>

#include <CLI/CLI.hpp>
#include <unistd.h>

namespace farshore {

namespace {

constexpr const char* exit_codes_text =
    "Exit codes: 0 done; 1 the answer is no; 2 the command line or the configuration is wrong;\n"
    "3 no node answers; 4 the node refused (signature, clock, or wrong role for this command).";

constexpr double timeout_seconds_max = 30.0 * 86'400;

std::chrono::milliseconds from_seconds(double seconds) {
  return std::chrono::milliseconds{static_cast<std::int64_t>(seconds * 1000)};
}

/// CLI11 lists what an option excludes in the order of addresses: another one now and then.
class steady_formatter : public CLI::Formatter {
  std::string make_option_opts(const CLI::Option* option) const override {
    auto text = CLI::Formatter::make_option_opts(option);
    constexpr std::string_view title = " Excludes:";
    const auto at = text.find(title);
    if (at == std::string::npos)
      return text;
    text.resize(at + title.size());
    std::set<std::string> names;
    for (const auto* one : option->get_excludes())
      names.insert(one->get_name());
    for (const auto& name : names)
      text += " " + name;
    return text;
  }
};

void add_timeout(CLI::App* command, double& seconds, const std::string& meaning) {
  command->add_option("-t,--timeout", seconds, meaning)
      ->capture_default_str()
      ->type_name("SECONDS")
      ->check([](const std::string& text) -> std::string {
        double given = std::numeric_limits<double>::quiet_NaN();
        if (CLI::detail::lexical_cast(text, given) && given >= 0 && given <= timeout_seconds_max)
          return {};
        return "write seconds between 0 and 2592000 (30 days)";
      });
}

/// Everything that the command line can say; filled in by the parser.
struct arguments {
  std::filesystem::path config_file;
  secret_options secret;
  token_options token;
  why_options why;
  hook_install_options hook_install;
  post_receive_options post_receive;
  bool check_grants = false;
  bool check_counts = false;
  bool doctor_as_json = false;
  migrate_model_options migrate_model;
  double migrate_seconds = 60;
  bool uninstall_yes = false;
  double uninstall_seconds = 60;
  status_options status;
  double status_seconds = 2;
  double wait_seconds = 60;
  bool wait_strict = false;
  bool wait_synced = false;
  compare_options compare;
  double compare_seconds = 10;
  orphans_options orphans;
  list_options list;
  marking_options resync;
  marking_options reverify;
  std::string switched_type;
  publish_options publish;
  bool sites_as_json = false;
  std::string forgotten_site;
};

/// The parser and what it fills; one per run.
class command_line {
public:
  command_line(const command_surroundings& with, console io) : with_{with}, io_{io} {
    app_.formatter(std::make_shared<steady_formatter>());
    app_.description("Farshore replicates an application's files from its primary site to "
                     "secondaries, and proves it.");
    app_.footer(std::string{"Begin with: farshore secret --output FILE, then write a "
                            "configuration, then\n"
                            "  farshore check -c FILE    explains every mistake in it\n"
                            "  farshore node -c FILE     runs the site\n"
                            "  farshore status -c FILE   says how it stands\n"
                            "farshore COMMAND --help teaches each.\n\n"} +
                exit_codes_text);
    app_.set_version_flag("--version", "farshore " + std::string{program_version()});
    app_.require_subcommand(1);
    add_local_commands();
    add_questions();
    add_why();
    add_orders();
    add_site_commands();
    add_git_commands();
    // Not by CLI11's envname: it fills in the option of every other command too.
    if (auto file = std::getenv("FARSHORE_CONFIG"))
      args_.config_file = file;
  }

  int run(std::vector<std::string> words) {
    if (!words.empty() && !words[0].starts_with('-') && !is_command(words[0]))
      return exit_code::usage;
    // CLI11 takes them from the end.
    std::reverse(words.begin(), words.end());
    try {
      app_.parse(words);
    } catch (const CLI::Success& e) {
      app_.exit(e, io_.out, io_.err);
      return exit_code::done;
    } catch (const CLI::ParseError& e) {
      app_.exit(e, io_.out, io_.err);
      return exit_code::usage;
    }
    return action_();
  }

  std::string reference() {
    std::string out;
    describe(app_, "farshore", out);
    out.pop_back();
    return out;
  }

  std::vector<command_description> describe() {
    std::vector<command_description> out;
    for (auto command : app_.get_subcommands({})) {
      command_description one{
          command->get_name(), command->get_description(), command->help("farshore"), {}};
      describe_options(command, one.options);
      out.push_back(std::move(one));
    }
    return out;
  }

private:
  static void describe_options(CLI::App* of, std::vector<option_description>& out) {
    for (auto option : of->get_options()) {
      option_description one;
      for (const auto& name : option->get_snames())
        one.names.push_back("-" + name);
      for (const auto& name : option->get_lnames())
        one.names.push_back("--" + name);
      one.meaning = option->get_description();
      if (option->get_items_expected_max() > 0) {
        // The values that CLI11 checks for stand in the type's name: "TEXT:{a,b}".
        const auto type = option->get_type_name();
        const auto begin = type.find(":{");
        one.value = type.substr(0, type.find_first_of(": "));
        if (begin != std::string::npos)
          one.choices =
              CLI::detail::split(type.substr(begin + 2, type.rfind('}') - begin - 2), ',');
      }
      out.push_back(std::move(one));
    }
    for (auto group : of->get_subcommands({}))
      describe_options(group, out);
  }

  static void describe(CLI::App& of, const std::string& name, std::string& out) {
    // Groups of options are subcommands without a name.
    const auto is_named = [](const CLI::App* one) { return !one->get_name().empty(); };
    for (auto command : of.get_subcommands(is_named)) {
      const auto full = name + " " + command->get_name();
      if (!command->get_subcommands(is_named).empty())
        describe(*command, full, out);
      else
        out += "## " + full + "\n\n```text\n" + command->help(name) + "```\n\n";
    }
  }

  bool is_command(const std::string& word) {
    std::vector<std::string> names;
    for (auto command : app_.get_subcommands({}))
      names.push_back(command->get_name());
    if (std::find(names.begin(), names.end(), word) != names.end())
      return true;
    auto guess = nearest(word, names);
    io_.err << "farshore: there is no command \"" << word << "\"; "
            << (guess.empty() ? "farshore --help lists them"
                              : "did you mean \"" + std::string{guess} + "\"?")
            << '\n';
    return false;
  }

  CLI::App* add(const std::string& name, const std::string& sentence, const std::string& more,
                std::function<int()> action, CLI::App* beneath) {
    auto command = beneath->add_subcommand(name, sentence);
    command->footer(more + "\n\n" + exit_codes_text);
    command->callback([this, action = std::move(action)] { action_ = action; });
    return command;
  }

  CLI::App* add_with_config(const std::string& name, const std::string& sentence,
                            const std::string& more, std::function<int()> action,
                            CLI::App* beneath = nullptr) {
    auto with_file = [this, action = std::move(action)] {
      if (!args_.config_file.empty())
        return action();
      io_.err << "farshore: which site? give its configuration with -c FILE, or in the "
                 "environment variable FARSHORE_CONFIG\n";
      return exit_code::usage;
    };
    auto command = add(name, sentence, more, with_file, beneath != nullptr ? beneath : &app_);
    command
        ->add_option("-c,--config", args_.config_file,
                     "The site's configuration; without it, what FARSHORE_CONFIG names")
        ->type_name("FILE");
    return command;
  }

  /// A command that speaks with the site's node.
  template <class Run>
  CLI::App* add_for_site(const std::string& name, const std::string& sentence,
                         const std::string& more, Run run, CLI::App* beneath = nullptr) {
    return add_with_config(
        name, sentence, more,
        [this, run] {
          // A store that is away is just what one wants to ask the node about.
          auto settings = good_config(true);
          if (!settings)
            return exit_code::usage;
          site_access site{*settings, args_.config_file, [&](const api_request& request) {
                             return with_.call_api(*settings, request);
                           }};
          return run(site);
        },
        beneath);
  }

  std::optional<config> good_config(bool stores_may_be_away = false) {
    auto loaded = load_config(args_.config_file);
    if (stores_may_be_away)
      std::erase_if(loaded.mistakes, [](const config_mistake& one) { return one.of_store; });
    for (const auto& mistake : loaded.mistakes)
      io_.err << to_string(mistake) << '\n';
    if (!loaded.mistakes.empty())
      return std::nullopt;
    return std::move(loaded.settings);
  }

  void add_local_commands();
  void add_questions();
  void add_why();
  void add_orders();
  void add_site_commands();
  void add_git_commands();

  const command_surroundings& with_;
  console io_;
  arguments args_;
  CLI::App app_{"", "farshore"};
  std::function<int()> action_;
};

void command_line::add_local_commands() {
  auto secret = add(
      "secret", "Makes a secret that the sites sign their requests with, or one site's key.",
      "Example: farshore secret --output /etc/farshore/secret\n"
      "         farshore secret --for lisbon --from /etc/farshore/secret --output lisbon.key\n"
      "Copy the secret to every site; only its owner may read it. Or leave it at the primary,\n"
      "and give each secondary its own key only ([site] key_file): who steals that can't speak\n"
      "for another site.",
      [this] { return secret_command(args_.secret, io_); }, &app_);
  secret
      ->add_option("-o,--output", args_.secret.output,
                   "Write it to this new file (mode 0600) instead of printing it")
      ->type_name("FILE");
  auto of_site = secret->add_option("--for", args_.secret.for_site, "Derive the key of this site")
                     ->type_name("SITE");
  auto from = secret->add_option("--from", args_.secret.from, "from the secret in this file")
                  ->type_name("FILE");
  of_site->needs(from);
  from->needs(of_site);

  auto check = add_with_config(
      "check", "Explains every mistake in a configuration, before anything runs.",
      "Example: farshore check -c /etc/farshore/farshore.toml\n"
      "Each line is file:line: what is wrong, and what to write instead.\n"
      "With --grants, for an existing database: what its administrator runs first, as a\n"
      "superuser: farshore check --grants -c FILE | psql DATABASE",
      [this] {
        if (!args_.check_grants && !args_.check_counts)
          return check_command(args_.config_file, io_);
        auto settings = good_config(true);
        if (!settings)
          return exit_code::usage;
        return args_.check_counts ? check_counts_command(*settings, io_)
                                  : grants_command(*settings, io_);
      });
  check->add_flag("--grants", args_.check_grants,
                  "Print the SQL that gives the node's database user what it needs");

  check->add_flag("--counts", args_.check_counts)->group(""); // for those who work on Farshore

  add_with_config(
      "doctor", "Looks at everything that a site needs, and says what is wrong.",
      "Example: sudo -u farshore farshore doctor -c FILE\n"
      "One line for each check: ok, wrong and what to do, or why it was skipped. Run it as\n"
      "the node's user, whether the node runs or not. Ends with 1 if anything is wrong.",
      [this] {
        return doctor_command(
            args_.config_file,
            [this](const config& settings) -> node_api {
              return [this, settings](const api_request& request) {
                return with_.call_api(settings, request);
              };
            },
            args_.doctor_as_json, io_);
      })
      ->add_flag("--json", args_.doctor_as_json, "Print JSON: docs/reference/cli.md");

  auto migrate = add_with_config(
      "migrate-model", "Gives a type's table the columns that verification = \"columns\" needs.",
      "Example: farshore migrate-model package_file --dry-run -c FILE\n"
      "         farshore migrate-model package_file -c FILE\n"
      "On a primary. Prints each statement and runs it, never waiting for a lock for longer than\n"
      "a tenth of a second, so that the application does not queue behind it; indexes are made\n"
      "concurrently. The node may run meanwhile. May be called again.",
      [this] {
        auto settings = good_config();
        if (!settings)
          return exit_code::usage;
        args_.migrate_model.timeout = from_seconds(args_.migrate_seconds);
        return migrate_model_command(*settings, args_.migrate_model, with_.sleep, io_);
      });
  migrate->add_option("type", args_.migrate_model.type, "The type's name")
      ->required()
      ->type_name("TYPE");
  migrate->add_flag("--dry-run", args_.migrate_model.dry_run, "Print the statements, run none");
  add_timeout(migrate, args_.migrate_seconds, "Seconds to wait for the table's locks at most");

  auto uninstall = add_with_config(
      "uninstall", "Takes Farshore's triggers and schema out of the site's database.",
      "Example: farshore uninstall --yes -c FILE\n"
      "Says what it will remove, and does nothing without --yes. The application's tables and\n"
      "rows stay as they are, and so do the stores. Stop the node first. May be called again.",
      [this] {
        auto settings = good_config();
        if (!settings)
          return exit_code::usage;
        return uninstall_command(*settings,
                                 {args_.uninstall_yes, from_seconds(args_.uninstall_seconds)},
                                 with_.sleep, io_);
      });
  uninstall->add_flag("--yes", args_.uninstall_yes, "Do it");
  add_timeout(uninstall, args_.uninstall_seconds, "Seconds to wait for the tables' locks at most");

  add_with_config("node", "Runs the site's node in the foreground.",
                  "Example: farshore node -c /etc/farshore/farshore.toml\n"
                  "Logs to standard error. SIGTERM and SIGINT end it cleanly, SIGHUP reloads the\n"
                  "configuration.",
                  [this] { return with_.run_node(args_.config_file); });

  add_with_config("database-url", "Prints the address of the site's database, for psql.",
                  "Example: psql \"$(farshore database-url -c FILE)\"\n"
                  "A managed database answers only while the node runs.",
                  [this] {
                    auto settings = good_config(true);
                    return settings ? database_url_command(*settings, io_) : exit_code::usage;
                  });
}

void command_line::add_questions() {
  auto status = add_for_site(
      "status", "Says how the site and each of its types stand.",
      "Example: farshore status -c FILE\n"
      "         farshore status --watch --every 5 -c FILE\n"
      "In colours on a terminal, unless NO_COLOR is set. The JSON's fields are stable:\n"
      "docs/reference/api.md.",
      [this](const site_access& site) {
        args_.status.every = from_seconds(args_.status_seconds);
        args_.status.redraw = ::isatty(STDOUT_FILENO) == 1;
        args_.status.colour = paint_of_terminal();
        return status_command(site, args_.status, io_, [this](std::chrono::milliseconds time) {
          with_.sleep(time);
          return true; // until it is interrupted
        });
      });
  auto as_json = status->add_flag("--json", args_.status.as_json, "Print the node's JSON as it is");
  auto watch = status->add_flag("-w,--watch", args_.status.watch, "Draw it again and again")
                   ->excludes(as_json);
  status->add_option("--every", args_.status_seconds, "With --watch: seconds between two pictures")
      ->capture_default_str()
      ->check(CLI::Range(1.0, 86'400.0))
      ->needs(watch)
      ->type_name("N");

  auto wait = add_for_site(
      "wait",
      "Waits until this site has, and has verified, all that the primary has committed by now.",
      "Example: farshore wait -c FILE --timeout 120 && echo synced\n"
      "On a secondary: until every change committed on the primary when the command was called is\n"
      "applied, and every record of every enabled type is synced and verified, or accounted for\n"
      "(missing on the primary, its type's table not there yet), which is printed. On a primary:\n"
      "until the log is folded and every record checksummed. Ends with 1 when the time is over, "
      "and says what is missing and why.",
      [this](const site_access& site) {
        wait_options options{from_seconds(args_.wait_seconds), args_.wait_strict,
                             args_.wait_synced};
        return wait_command(site, options, with_.time, with_.sleep, io_);
      });
  add_timeout(wait, args_.wait_seconds, "Seconds to wait at most");
  wait->add_flag("--strict", args_.wait_strict, "What is only accounted for makes it a 1");
  wait->add_flag("--synced", args_.wait_synced, "Synced is enough, verified or not");

  auto compare = add_for_site(
      "compare", "Proves that this site has what its primary has, or names what differs.",
      "Example: farshore compare -c FILE\n"
      "         farshore compare package_file --limit 100 -c FILE\n"
      "On a secondary: compares every record (where it lies, its revision, its checksum) by\n"
      "digests, and looks at what differs three times before it says so. Ends with 0 if all is\n"
      "equal, with 1 if not. The short digest is the same at both sites if they are equal: on a\n"
      "primary the command prints its own. What differs is put right by farshore recheck.",
      [this](const site_access& site) {
        args_.compare.patience = from_seconds(args_.compare_seconds);
        return compare_command(site, args_.compare, with_.sleep, io_);
      });
  compare->add_option("type", args_.compare.type, "The type's name; without it: all types")
      ->type_name("TYPE");
  compare
      ->add_option("-n,--limit", args_.compare.limit,
                   "Show at most so many differing records of a type")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{5'000}))
      ->type_name("N");
  add_timeout(compare, args_.compare_seconds,
              "Seconds to wait for what is under way, before each look");
  compare->add_flag("--json", args_.compare.as_json, "Print JSON: docs/reference/api.md");

  auto list =
      add_for_site("list", "Shows the records of a type, their state and what failed.",
                   "Example: farshore list package_file --state failed -c FILE\n"
                   "         farshore list package_file --verification failed -c FILE\n"
                   "         farshore list manual --unsupported -c FILE\n"
                   "On a primary: how the verification of its records stands.",
                   [this](const site_access& site) { return list_command(site, args_.list, io_); });
  list->add_option("type", args_.list.type, "The type's name")->required()->type_name("TYPE");
  auto state = list->add_option("-s,--state", args_.list.state, "Only records in this state")
                   ->check(CLI::IsMember({"pending", "started", "synced", "failed"}));
  auto unsupported =
      list->add_flag("-u,--unsupported", args_.list.unsupported,
                     "On a primary: what in a scanned folder is neither file nor link")
          ->excludes(state);
  list->add_option("--verification", args_.list.verification,
                   "On a primary: only records whose verification is at this")
      ->check(CLI::IsMember({"pending", "started", "succeeded", "failed", "disabled"}))
      ->excludes(state)
      ->excludes(unsupported);
  list->add_flag("--findings", args_.list.findings,
                 "On a secondary: only repositories that git fsck has something to say about")
      ->excludes(unsupported);
  list->add_option("-n,--limit", args_.list.limit, "Show at most so many")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}))
      ->type_name("N");
  list->add_flag("--json", args_.list.as_json, "Print JSON: docs/reference/api.md");
}

void command_line::add_why() {
  auto why =
      add_for_site("why", "Tells the story of one record: how it stands, why, what comes.",
                   "Example: farshore why package_file 4711 -c FILE",
                   [this](const site_access& site) { return why_command(site, args_.why, io_); });
  why->add_option("type", args_.why.type, "The type's name")->required()->type_name("TYPE");
  why->add_option("record", args_.why.record, "The record's id")->required()->type_name("ID");
  why->add_flag("--json", args_.why.as_json, "Print JSON: docs/reference/api.md");
}

void command_line::add_orders() {
  auto resync = add_for_site(
      "resync", "Marks records as due, so that they are checked and fetched again.",
      "Example: farshore resync package_file --id 7 8 9 -c FILE\n"
      "         farshore resync package_file --failed -c FILE\n"
      "What is on the disk already with the right content is not transferred again. Live changes\n"
      "overtake a resync of all.",
      [this](const site_access& site) { return resync_command(site, args_.resync, io_); });
  resync->add_option("type", args_.resync.type, "The type's name")->required()->type_name("TYPE");
  auto which = resync->add_option_group("which", "Exactly one of");
  which->add_option("-i,--id", args_.resync.ids, "Record ids")->expected(1, 10'000)->type_name("N");
  which->add_flag("--failed", args_.resync.failed, "Every failed record, now");
  which->add_flag("--all", args_.resync.all, "Every record of the type");
  which->require_option(1);

  auto reverify = add_for_site(
      "reverify", "Has records read from disk and verified again.",
      "Example: farshore reverify package_file --id 7 8 9 -c FILE\n"
      "         farshore reverify package_file --all -c FILE\n"
      "On a primary: what was rewritten under an unchanged row is found, and reaches the\n"
      "secondaries. Behind all that is fresh; each type is read again by itself, too, every\n"
      "reverify_after.",
      [this](const site_access& site) { return reverify_command(site, args_.reverify, io_); });
  reverify->add_option("type", args_.reverify.type, "The type's name")
      ->required()
      ->type_name("TYPE");
  auto those = reverify->add_option_group("which", "Exactly one of");
  those->add_option("-i,--id", args_.reverify.ids, "Record ids")
      ->expected(1, 10'000)
      ->type_name("N");
  those->add_flag("--failed", args_.reverify.failed, "Every record whose verification failed, now");
  those->add_flag("--all", args_.reverify.all, "Every record of the type");
  those->require_option(1);

  add_for_site(
      "pause", "Starts no further work for a type, or for all types.",
      "Example: farshore pause package_file -c FILE\n"
      "Events are still applied, so nothing is lost. Lasts until resume.",
      [this](const site_access& site) { return pause_command(site, args_.switched_type, io_); })
      ->add_option("type", args_.switched_type, "The type's name; without it: all types")
      ->type_name("TYPE");
  add_for_site(
      "resume", "Goes on with what pause has stopped.",
      "Example: farshore resume package_file -c FILE",
      [this](const site_access& site) { return resume_command(site, args_.switched_type, io_); })
      ->add_option("type", args_.switched_type, "The type's name; without it: all types")
      ->type_name("TYPE");

  add_for_site(
      "recheck", "Compares a type, or all types, with what they come from, without events.",
      "Example: farshore recheck package_file -c FILE\n"
      "On a secondary: with the primary's catalogue. Records that are missing here are fetched, "
      "and\n"
      "what is gone from the primary is removed. On a primary: scanned folders are looked through\n"
      "now. Both happen at each start of the node, too.",
      [this](const site_access& site) { return recheck_command(site, args_.switched_type, io_); })
      ->add_option("type", args_.switched_type, "The type's name; without it: all types")
      ->type_name("TYPE");
  add_for_site(
      "approve", "Lets a type's removals go on that were held back because they are so many.",
      "Example: farshore approve package_file -c FILE\n"
      "A check that would remove more than 5 % of a type's records (and at least 10), or all of\n"
      "them, removes nothing without this word; farshore status says how many it holds back. What\n"
      "is there again by then is kept. Ends with 1 if nothing is held back.",
      [this](const site_access& site) { return approve_command(site, args_.switched_type, io_); })
      ->add_option("type", args_.switched_type, "The type's name")
      ->required()
      ->type_name("TYPE");

  auto orphans = add_for_site(
      "orphans", "Shows files in a type's store that no record names, on a secondary.",
      "Example: farshore orphans package_file -c FILE\n"
      "         farshore orphans package_file --remove-orphans -c FILE\n"
      "Nothing is removed without --remove-orphans, and where they are more than 5 % of the files\n"
      "(and at least 10), or all of them, not without --yes either. Ends with 1 if some are left.",
      [this](const site_access& site) {
        return orphans_command(site, args_.orphans, with_.sleep, io_);
      });
  orphans->add_option("type", args_.orphans.type, "The type's name")->required()->type_name("TYPE");
  orphans->add_flag("--remove-orphans", args_.orphans.remove, "Remove them");
  orphans->add_flag("--yes", args_.orphans.yes, "Also where they are many");
  orphans->add_option("-n,--limit", args_.orphans.limit, "Show at most so many")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{5'000}))
      ->type_name("N");
  orphans->add_flag("--json", args_.orphans.as_json, "Print JSON: docs/reference/api.md");

  auto publish = add_for_site(
      "publish", "Tells the secondaries of a change that touched no row, on the primary.",
      "Example: farshore publish package_file 7 updated -c FILE\n"
      "For files that were rewritten while their row stayed as it was.",
      [this](const site_access& site) { return publish_command(site, args_.publish, io_); });
  publish->add_option("type", args_.publish.type, "The type's name")->required()->type_name("TYPE");
  publish->add_option("key", args_.publish.key, "The row's primary key")
      ->required()
      ->type_name("KEY");
  publish->add_option("event", args_.publish.event, "What happened")
      ->required()
      ->check(CLI::IsMember({"created", "updated", "deleted"}));
}

void command_line::add_site_commands() {
  auto of_sites =
      app_.add_subcommand("site", "On a primary: the secondaries that read its event log.");
  of_sites->require_subcommand(1);
  add_for_site(
      "list", "Shows the secondaries, and how far each is behind.",
      "Example: farshore site list -c FILE\n"
      "On the primary. The one that is furthest behind holds the event log: what it has not read\n"
      "is kept for it, within [events] retention. Who is cut off compares all records.",
      [this](const site_access& site) { return site_list_command(site, args_.sites_as_json, io_); },
      of_sites)
      ->add_flag("--json", args_.sites_as_json, "Print the node's JSON as it is");
  add_for_site(
      "forget", "Keeps no events any more for a secondary that is no more.",
      "Example: farshore site forget lisbon -c FILE\n"
      "On the primary. If it comes again it is known again; what was removed of the log meanwhile\n"
      "it finds by comparing all records.",
      [this](const site_access& site) {
        return site_forget_command(site, args_.forgotten_site, io_);
      },
      of_sites)
      ->add_option("site", args_.forgotten_site, "The site's name")
      ->required()
      ->type_name("SITE");
}

void command_line::add_git_commands() {
  auto token = add_with_config(
      "token", "Makes a token that opens a site's repositories, or its API and page.",
      "Example: farshore token --read --name ann --days 30 -c FILE\n"
      "         git clone http://ann:TOKEN@lisbon.example:7401/git/project/group/app.git\n"
      "         farshore token --viewer --name prometheus -c FILE\n"
      "         curl -H \"Authorization: Bearer TOKEN\" http://lisbon.example:7401/api/v1/status\n"
      "Git asks for a user and a password: any user, and a --read token, which is good for\n"
      "reading repositories at this site, and at each site that has the same secret. With "
      "--viewer\n"
      "it opens this site's API and page for looking, with --operator for acting, too. A new "
      "secret\n"
      "ends them all. Nothing is kept of them.",
      [this] {
        auto settings = good_config(true);
        return settings ? token_command(*settings, args_.token, io_) : exit_code::usage;
      });
  auto use = token->add_option_group("use", "Exactly one of");
  use->add_flag("--read", args_.token.read, "For reading repositories");
  use->add_flag("--viewer", args_.token.viewer, "For looking at the site: its API and page");
  use->add_flag("--operator", args_.token.operating, "For acting there, as well");
  use->require_option(1);
  token
      ->add_option("--name", args_.token.name,
                   "Whose it is, for the log; else it is called reader, viewer or operator")
      ->type_name("NAME");
  token->add_option("--days", args_.token.days, "How long it is good for")
      ->capture_default_str()
      ->check(CLI::Range(1, static_cast<int>(read_token_life_max.count())))
      ->type_name("N");

  auto hook = app_.add_subcommand("hook", "On a primary: tells Farshore of pushes as they come.");
  hook->require_subcommand(1);
  auto install = add_with_config(
      "install", "Puts the hook into bare repositories.",
      "Example: farshore hook install project /srv/git/group/app.git -c FILE\n"
      "On the primary. A post-receive hook that is there is kept, and runs first. Whoever pushes\n"
      "must be able to pass the folders down to the node's data folder/spool/hooks, and to leave\n"
      "files there (mode 1733, as the node makes it); nothing else of the node's is open to them.",
      [this] {
        auto settings = good_config(true);
        return settings ? hook_install_command(*settings, args_.hook_install, io_)
                        : exit_code::usage;
      },
      hook);
  install->add_option("type", args_.hook_install.type, "The type's name")
      ->required()
      ->type_name("TYPE");
  install->add_option("path", args_.hook_install.repositories, "The repositories' folders")
      ->required()
      ->type_name("PATH");
  auto receive = add(
      "post-receive", "What the hook runs within a push.",
      "It leaves a note for the node and returns: a push waits for no network. A node that is\n"
      "down takes it up when it starts.",
      [this] { return post_receive_command(args_.post_receive, io_); }, hook);
  receive->add_option("--type", args_.post_receive.type, "The repository's type")
      ->required()
      ->type_name("TYPE");
  receive->add_option("--spool", args_.post_receive.spool, "The node's spool")
      ->required()
      ->type_name("FOLDER");
}

} // namespace

int run_command_line(std::vector<std::string> words, const command_surroundings& with, console io) {
  return command_line{with, io}.run(std::move(words));
}

std::string command_line_reference() {
  const command_surroundings nothing{{}, {}, system_time(), {}};
  std::ostream nowhere{nullptr};
  return command_line{nothing, {nowhere, nowhere}}.reference();
}

std::vector<command_description> describe_commands() {
  const command_surroundings nothing{{}, {}, system_time(), {}};
  std::ostream nowhere{nullptr};
  return command_line{nothing, {nowhere, nowhere}}.describe();
}

} // namespace farshore
