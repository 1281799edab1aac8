#include "node/command_line.hpp"

#include "config/values.hpp"
#include "config/version.hpp"
#include "node/exit_codes.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <ostream>

#include <CLI/CLI.hpp>

namespace farshore {

namespace {

constexpr const char* exit_codes_text =
    "Exit codes: 0 done; 1 the answer is no; 2 the command line or the configuration is wrong;\n"
    "3 no node answers; 4 the node refused (signature, clock, or wrong role for this command).";

constexpr double timeout_seconds_max = 30.0 * 86'400;

/// Everything that the command line can say; filled in by the parser.
struct arguments {
  std::filesystem::path config_file;
  std::filesystem::path secret_output;
  bool status_as_json = false;
  double wait_seconds = 60;
  bool wait_strict = false;
  list_options list;
  resync_options resync;
  std::string switched_type;
  publish_options publish;
};

/// The parser and what it fills; one per run.
class command_line {
public:
  command_line(const command_surroundings& with, console io) : with_{with}, io_{io} {
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
    add_orders();
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
    for (auto command : app_.get_subcommands({}))
      out += "## farshore " + command->get_name() + "\n\n```text\n" + command->help("farshore") +
             "```\n\n";
    out.pop_back();
    return out;
  }

private:
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
                std::function<int()> action) {
    auto command = app_.add_subcommand(name, sentence);
    command->footer(more + "\n\n" + exit_codes_text);
    command->callback([this, action = std::move(action)] { action_ = action; });
    return command;
  }

  CLI::App* add_with_config(const std::string& name, const std::string& sentence,
                            const std::string& more, std::function<int()> action) {
    auto command = add(name, sentence, more, [this, action = std::move(action)] {
      if (!args_.config_file.empty())
        return action();
      io_.err << "farshore: which site? give its configuration with -c FILE, or in the "
                 "environment variable FARSHORE_CONFIG\n";
      return exit_code::usage;
    });
    command
        ->add_option("-c,--config", args_.config_file,
                     "The site's configuration; without it, what FARSHORE_CONFIG names")
        ->type_name("FILE");
    return command;
  }

  /// A command that speaks with the site's node.
  template <class Run>
  CLI::App* add_for_site(const std::string& name, const std::string& sentence,
                         const std::string& more, Run run) {
    return add_with_config(name, sentence, more, [this, run] {
      auto settings = good_config();
      if (!settings)
        return exit_code::usage;
      site_access site{*settings, args_.config_file, [&](const api_request& request) {
                         return with_.call_api(*settings, request);
                       }};
      return run(site);
    });
  }

  std::optional<config> good_config() {
    auto loaded = load_config(args_.config_file);
    for (const auto& mistake : loaded.mistakes)
      io_.err << to_string(mistake) << '\n';
    if (!loaded.mistakes.empty())
      return std::nullopt;
    return std::move(loaded.settings);
  }

  void add_local_commands();
  void add_questions();
  void add_orders();

  const command_surroundings& with_;
  console io_;
  arguments args_;
  CLI::App app_{"", "farshore"};
  std::function<int()> action_;
};

void command_line::add_local_commands() {
  add("secret", "Makes a secret that the sites sign their requests with.",
      "Example: farshore secret --output /etc/farshore/secret\n"
      "Copy the file to every site; only its owner may read it.",
      [this] {
        auto output =
            args_.secret_output.empty() ? std::nullopt : std::optional{args_.secret_output};
        return secret_command(output, io_);
      })
      ->add_option("-o,--output", args_.secret_output,
                   "Write it to this new file (mode 0600) instead of printing it")
      ->type_name("FILE");

  add_with_config("check", "Explains every mistake in a configuration, before anything runs.",
                  "Example: farshore check -c /etc/farshore/farshore.toml\n"
                  "Each line is file:line: what is wrong, and what to write instead.",
                  [this] { return check_command(args_.config_file, io_); });

  add_with_config("node", "Runs the site's node in the foreground.",
                  "Example: farshore node -c /etc/farshore/farshore.toml\n"
                  "Logs to standard error. SIGTERM and SIGINT end it cleanly, SIGHUP reloads the\n"
                  "configuration.",
                  [this] { return with_.run_node(args_.config_file); });

  add_with_config("database-url", "Prints the address of the site's database, for psql.",
                  "Example: psql \"$(farshore database-url -c FILE)\"\n"
                  "A managed database answers only while the node runs.",
                  [this] {
                    auto settings = good_config();
                    return settings ? database_url_command(*settings, io_) : exit_code::usage;
                  });
}

void command_line::add_questions() {
  add_for_site(
      "status", "Says how the site and each of its types stand.",
      "Example: farshore status -c FILE\n"
      "The JSON's fields are stable: docs/reference/api.md.",
      [this](const site_access& site) { return status_command(site, args_.status_as_json, io_); })
      ->add_flag("--json", args_.status_as_json, "Print the node's JSON as it is");

  auto wait = add_for_site(
      "wait", "Waits until this site has all that the primary has committed by now.",
      "Example: farshore wait -c FILE --timeout 120 && echo synced\n"
      "On a secondary: until every change committed on the primary when the command was called is\n"
      "applied, and every record of every enabled type is synced or accounted for (missing on the\n"
      "primary, its type's table not there yet), which is printed. On a primary: until the log is\n"
      "folded. Ends with 1 when the time is over, and says what is missing and why.",
      [this](const site_access& site) {
        wait_options options{
            std::chrono::milliseconds{static_cast<std::int64_t>(args_.wait_seconds * 1000)},
            args_.wait_strict};
        return wait_command(site, options, with_.time, with_.sleep, io_);
      });
  wait->add_option("-t,--timeout", args_.wait_seconds, "Seconds to wait at most")
      ->capture_default_str()
      ->type_name("SECONDS")
      ->check([](const std::string& text) -> std::string {
        double seconds = std::numeric_limits<double>::quiet_NaN();
        if (CLI::detail::lexical_cast(text, seconds) && seconds >= 0 &&
            seconds <= timeout_seconds_max)
          return {};
        return "write seconds between 0 and 2592000 (30 days)";
      });
  wait->add_flag("--strict", args_.wait_strict, "What is only accounted for makes it a 1");

  auto list =
      add_for_site("list", "Shows the records of a type, their state and what failed.",
                   "Example: farshore list package_file --state failed -c FILE\n"
                   "         farshore list manual --unsupported -c FILE",
                   [this](const site_access& site) { return list_command(site, args_.list, io_); });
  list->add_option("type", args_.list.type, "The type's name")->required()->type_name("TYPE");
  auto state = list->add_option("-s,--state", args_.list.state, "Only records in this state")
                   ->check(CLI::IsMember({"pending", "started", "synced", "failed"}));
  list->add_flag("-u,--unsupported", args_.list.unsupported,
                 "On a primary: what in a scanned folder is neither file nor link")
      ->excludes(state);
  list->add_option("-n,--limit", args_.list.limit, "Show at most so many")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}))
      ->type_name("N");
  list->add_flag("--json", args_.list.as_json, "Print JSON: docs/reference/api.md");
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

} // namespace

int run_command_line(std::vector<std::string> words, const command_surroundings& with, console io) {
  return command_line{with, io}.run(std::move(words));
}

std::string command_line_reference() {
  const command_surroundings nothing{{}, {}, system_time(), {}};
  std::ostream nowhere{nullptr};
  return command_line{nothing, {nowhere, nowhere}}.reference();
}

} // namespace farshore
