#include "config/config.hpp"

#include "config/secret.hpp"
#include "config/settings.hpp"

#include <cstdlib>
#include <fstream>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace std::chrono_literals;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

/// A folder with all that a good configuration points to; gone when the test ends.
class site_folder {
public:
  site_folder() {
    char pattern[] = "/tmp/farshore-config-XXXXXX";
    root = mkdtemp(pattern);
    for (auto name : {"data", "store", "other"})
      fs::create_directory(root / name);
    write("secret", std::string(64, 's') + "\n", 0600);
  }
  ~site_folder() { fs::remove_all(root); }
  site_folder(const site_folder&) = delete;
  site_folder& operator=(const site_folder&) = delete;

  fs::path write(const std::string& name, const std::string& content, mode_t mode = 0644) const {
    auto file = root / name;
    std::ofstream{file} << content;
    chmod(file.c_str(), mode);
    return file;
  }

  fs::path root;
};

struct config_fixture : site_folder {
  /// [site] in lines 1 to 5.
  std::string site(std::string_view role) const {
    return fmt::format("[site]\nname = \"lisbon\"\nrole = \"{0}\"\ndata = \"{1}/data\"\n"
                       "secret_file = \"{1}/secret\"\n",
                       role, root.string());
  }
  /// [site] in lines 1 to 5, [primary] in lines 6 and 7.
  std::string secondary() const {
    return site("secondary") + "[primary]\nurl = \"http://127.0.0.1:7400\"\n";
  }
  /// A type of four lines.
  std::string type(std::string_view name, std::string_view store = "store") const {
    return fmt::format("[[replicable]]\nname = \"{}\"\nstrategy = \"blob\"\nstore = \"{}/{}\"\n",
                       name, root.string(), store);
  }
  /// Its model, three lines.
  static std::string model() {
    return "[replicable.model]\ntable = \"package_files\"\nlocator = \"path\"\n";
  }

  loaded_config load(const std::string& toml) const {
    return load_config(write("farshore.toml", toml));
  }

  /// Loads what has exactly one mistake, and returns it as "line: message".
  std::string mistake_of(const std::string& toml) const {
    auto loaded = load(toml);
    for (const auto& m : loaded.mistakes)
      UNSCOPED_INFO(m.line << ": " << m.message);
    REQUIRE(loaded.mistakes.size() == 1);
    CHECK(loaded.mistakes[0].file == (root / "farshore.toml").string());
    return fmt::format("{}: {}", loaded.mistakes[0].line, loaded.mistakes[0].message);
  }

  /// A mistake that stands in line 8, behind a good secondary.
  std::string mistake_in_line_8(const std::string& toml) const {
    auto text = mistake_of(secondary() + toml);
    CHECK_THAT(text, Catch::StartsWith("8: "));
    return text;
  }
};

} // namespace

TEST_CASE_METHOD(config_fixture, "the declaration of the design is read as it stands", "[config]") {
  auto loaded = load(fmt::format(R"(
[site]
name = "lisbon"
role = "secondary"                      # or "primary"
listen = "127.0.0.1:7401"
data = "{0}/data/"
secret_file = "{0}/secret"
database = "postgresql://app@db/app"

[primary]
url = "http://127.0.0.1:7400"

[limits]
capacity = 64
connections = 3
large_blob_bytes = "2 MiB"
lease = "5s"
retry_base = "500ms"
retry_cap = "7 days"

[log]
format = "json"
level = "debug"

[[replicable]]
name = "package_file"
strategy = "blob"
store = "{0}/store"
enabled = false
progress_deadline = "1 min"
file_mode = "0640"
[replicable.model]
table = "app.package_files"
primary_key = "uuid"
locator = "path"
available = "status = 'ready'"
size = "bytes"

[[replicable]]
name = "box"
plural = "boxes"
strategy = "blob"
store = "{0}/store/"
)",
                                 root.string()));
  for (const auto& m : loaded.mistakes)
    FAIL_CHECK(m.line << ": " << m.message);
  const auto& c = loaded.settings;
  CHECK(c.site_name == "lisbon");
  CHECK(c.role == site_role::secondary);
  CHECK(c.listen == "127.0.0.1:7401");
  CHECK(c.data == root / "data");
  CHECK(c.secret_file == root / "secret");
  CHECK(c.database == "postgresql://app@db/app");
  CHECK(c.primary_url == "http://127.0.0.1:7400");
  CHECK(c.capacity == 64);
  CHECK(c.connections == 3);
  CHECK(c.large_blob_bytes == 2u << 20);
  CHECK(c.lease == 5s);
  CHECK(c.retry_base == 500ms);
  CHECK(c.retry_cap == 168h);
  CHECK(c.log_format == "json");
  CHECK(c.log_level == "debug");
  REQUIRE(c.types.size() == 2);
  replicable_type expected{
      .name = "package_file",
      .plural = "package_files",
      .strategy = "blob",
      .store = root / "store",
      .model = model_declaration{"app.package_files", "uuid", "path", "status = 'ready'", "bytes"},
      .enabled = false,
      .progress_deadline = 60s,
      .file_mode = 0640};
  CHECK(c.types[0] == expected);
  CHECK(c.types[1].plural == "boxes");
  CHECK(c.types[1].store == c.types[0].store);
  CHECK(c.find_type("box") == &c.types[1]);
  CHECK(c.find_type("bo") == nullptr);
}

TEST_CASE_METHOD(config_fixture, "what is left away has the defaults of the struct", "[config]") {
  auto loaded = load(secondary() + type("file"));
  REQUIRE(loaded.mistakes.empty());
  const config defaults;
  CHECK(loaded.settings.listen == "127.0.0.1:7400");
  CHECK(loaded.settings.database == "managed");
  CHECK(loaded.settings.capacity == defaults.capacity);
  CHECK(loaded.settings.lease == defaults.lease);
  CHECK(loaded.settings.log_level == "info");
  REQUIRE(loaded.settings.types.size() == 1);
  CHECK(loaded.settings.types[0].plural == "files");
  CHECK(loaded.settings.types[0].enabled);
  CHECK(loaded.settings.types[0].file_mode == 0);
  CHECK(loaded.settings.types[0].progress_deadline == 30s);
  CHECK_FALSE(loaded.settings.types[0].model);
}

TEST_CASE_METHOD(config_fixture, "a primary may keep two types in one store", "[config]") {
  auto loaded = load(site("primary") + type("a") + model() + type("b") + model());
  CHECK(loaded.mistakes.empty());
  REQUIRE(loaded.settings.types.size() == 2);
  CHECK(loaded.settings.types[0].model->primary_key == "id");
}

TEST_CASE_METHOD(config_fixture, "a configuration that can't be read says why", "[config]") {
  auto missing = load_config(root / "nowhere.toml");
  REQUIRE(missing.mistakes.size() == 1);
  CHECK(missing.mistakes[0].line == 0);
  CHECK_THAT(missing.mistakes[0].message, Contains("No such file"));
  auto folder = load_config(root);
  REQUIRE(folder.mistakes.size() == 1);
  CHECK_THAT(folder.mistakes[0].message, Contains("not a regular file"));
  REQUIRE(mkfifo((root / "pipe").c_str(), 0600) == 0);
  CHECK(load_config(root / "pipe").mistakes.size() == 1);
  CHECK_THAT(mistake_of(std::string((1u << 20) + 1, '#')), Contains("larger than 1 MiB"));
}

TEST_CASE_METHOD(config_fixture, "a syntax error is named with its line", "[config]") {
  CHECK_THAT(mistake_of("[site]\nname = \"lisbon\nrole = 1\n"), Catch::StartsWith("2: not TOML: "));
  CHECK_THAT(mistake_in_line_8("[[replicable]\n"), Contains("not TOML"));
  CHECK_THAT(mistake_in_line_8("[$a]\n"), Contains("saw '$'"));
  CHECK_THAT(mistake_of(secondary() + "url = \"http://b:1\"\n"), Catch::StartsWith("8: not TOML"));
}

TEST_CASE_METHOD(config_fixture, "unknown tables and settings are named with what was meant",
                 "[config]") {
  CHECK_THAT(mistake_in_line_8("[limit]\ncapacity = 1\n"), Contains("did you mean [limits]?"));
  CHECK_THAT(mistake_in_line_8("[[replicables]]\n"), Contains("did you mean [[replicable]]?"));
  CHECK_THAT(mistake_in_line_8("[prometheus]\n"), Contains("[site], [primary], [limits]"));
  CHECK_THAT(mistake_of("name = \"x\"\n" + secondary()), Contains("setting \"name\" is not known"));
  CHECK_THAT(mistake_of(secondary() + "[limits]\ncapcity = 7\n"),
             Catch::StartsWith("9: [limits] setting \"capcity\" is not known here; did you mean "
                               "\"capacity\"?"));
  CHECK_THAT(mistake_of(secondary() + "[log]\nlease = \"5s\"\n"), Contains("belongs to [limits]"));
  CHECK_THAT(mistake_of(secondary() + "[limits]\nzzzzzzzz = 7\n"), Contains("known here: "));
  CHECK_THAT(mistake_of(secondary() + type("file") + "stor = \"/x\"\n"),
             Catch::StartsWith("12: [[replicable]] \"file\":"));
  CHECK_THAT(mistake_of(secondary() + type("file") + model() + "primarykey = \"id\"\n"),
             Contains("did you mean \"primary_key\"?") && Catch::StartsWith("15: "));
}

TEST_CASE_METHOD(config_fixture, "tables written in the wrong form are named", "[config]") {
  CHECK_THAT(mistake_of(secondary() + "[replicable]\nname = \"a\"\n"), Contains("[[replicable]]"));
  CHECK_THAT(mistake_of("log = 1\n" + secondary()), Catch::StartsWith("1: \"log\" is a table"));
  CHECK_THAT(mistake_of("replicable = [1]\n" + secondary()),
             Contains("each replicable is a table"));
  CHECK_THAT(mistake_of(secondary() + type("file") + "model = \"files\"\n"),
             Contains("write [replicable.model]"));
}

TEST_CASE_METHOD(config_fixture, "each missing setting is named", "[config]") {
  auto loaded = load("[site]\n");
  REQUIRE(loaded.mistakes.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    constexpr std::string_view keys[] = {"name", "role", "data", "secret_file"};
    CHECK(loaded.mistakes[i].line == 1);
    CHECK_THAT(loaded.mistakes[i].message, Contains(fmt::format("\"{}\" is missing", keys[i])));
  }
  CHECK_THAT(mistake_of(""), Contains("table [site] is missing"));
  CHECK_THAT(mistake_of(site("secondary") + "[primary]\n"),
             Catch::StartsWith("6: [primary] \"url\" is missing"));
  CHECK(load(secondary() + "[[replicable]]\n").mistakes.size() == 3);
  CHECK(load(secondary() + type("file") + "[replicable.model]\n").mistakes.size() == 2);
}

TEST_CASE_METHOD(config_fixture, "several mistakes are all named, in the order of their lines",
                 "[config]") {
  auto loaded = load(secondary() + "[log]\nlevel = \"loud\"\n[limits]\ncapacity = 0\nlease = 5\n");
  REQUIRE(loaded.mistakes.size() == 3);
  CHECK(loaded.mistakes[0].line == 9);
  CHECK(loaded.mistakes[1].line == 11);
  CHECK(loaded.mistakes[2].line == 12);
}

TEST_CASE_METHOD(config_fixture, "values of a wrong type or form are named", "[config]") {
  struct row {
    const char* toml;
    const char* told;
  };
  const row rows[] = {
      {"limits.capacity = \"many\"", "write a whole number"},
      {"limits.capacity = 1.5", "write a whole number"},
      {"limits.capacity = -1", "write a whole number"},
      {"limits.capacity = 0", "write 1 to 100000"},
      {"limits.connections = 65", "write 1 to 64"},
      {"limits.large_blob_bytes = \"1 Megabyte\"", "\"1 MiB\""},
      {"limits.large_blob_bytes = 5", "write 1 KiB to 1 GiB"},
      {"limits.lease = 10", "a whole number and its unit"},
      {"limits.lease = \"ten seconds\"", "a whole number and its unit"},
      {"limits.lease = \"1s\"", "write 2s to 1h"},
      {"limits.retry_base = true", "a whole number and its unit"},
      {"log.format = \"xml\"", "\"text\" or \"json\""},
      {"log.format = 1", "in double quotes"},
      {"log.level = \"loud\"", "\"debug\", \"info\""},
      {"log.level = \"\"", "it is empty; leave the line away"},
      {"log = {format = []}", "a list: write a text"},
  };
  for (const auto& r : rows) {
    CAPTURE(r.toml);
    // Dotted keys must come before the first table.
    auto text = mistake_of(std::string{r.toml} + "\n" + secondary());
    CHECK_THAT(text, Catch::StartsWith("1: ") && Contains(r.told));
  }
}

TEST_CASE_METHOD(config_fixture, "wrong values of [site] are named", "[config]") {
  auto with = [&](const std::string& key, const std::string& value) {
    std::string toml = "[site]\n";
    const std::pair<std::string, std::string> good[] = {
        {"name", "\"lisbon\""},
        {"role", "\"primary\""},
        {"data", "\"" + (root / "data").string() + "\""},
        {"secret_file", "\"" + (root / "secret").string() + "\""}};
    for (const auto& [k, v] : good)
      if (k != key)
        toml += k + " = " + v + "\n";
    auto text = mistake_of(toml + key + " = " + value + "\n");
    CHECK(text.substr(0, 1) == (key == "listen" || key == "database" ? "6" : "5"));
    return text;
  };
  CHECK_THAT(with("name", "\"Lisbon\""), Contains("a-z, 0-9"));
  CHECK_THAT(with("role", "\"master\""), Contains("write \"primary\" or \"secondary\""));
  CHECK_THAT(with("role", "1"), Contains("write \"primary\" or \"secondary\""));
  CHECK_THAT(with("listen", "\"7400\""), Contains("write host:port"));
  CHECK_THAT(with("listen", "7400"), Contains("in double quotes"));
  CHECK_THAT(with("data", "\"srv/farshore\""), Contains("relative path"));
  CHECK_THAT(with("data", "\"/a\\u0000b\""), Contains("control characters"));
  CHECK_THAT(with("data", "\"" + (root / "no/data").string() + "\""), Contains("make the folder"));
  CHECK_THAT(with("data", "\"" + (root / "secret").string() + "\""), Contains("not a folder"));
  CHECK_THAT(with("secret_file", "\"secret\""), Contains("relative path"));
  CHECK_THAT(with("database", "\"sqlite\""), Contains("\"managed\""));
}

TEST_CASE_METHOD(config_fixture, "the password of a database URL is not repeated", "[config]") {
  auto text = mistake_of(site("secondary") + "database = \"postgres://app:hunter2@db/app\"\n" +
                         "[primary]\nurl = \"http://a:1\"\n");
  CHECK_THAT(text, Contains("postgresql://") && !Contains("hunter2"));
}

TEST_CASE_METHOD(config_fixture, "a secret that is missing, open to others or too short is named",
                 "[config]") {
  auto told = [&](const fs::path& file) {
    auto secret = load_secret(file);
    REQUIRE_FALSE(secret);
    CHECK(secret.error().code == ec::invalid_config);
    return secret.error().message;
  };
  CHECK_THAT(told(root / "nowhere"), Contains("No such file") && Contains("farshore secret"));
  CHECK_THAT(told(root), Contains("not a regular file"));
  const std::string good(40, 'x');
  CHECK_THAT(told(write("group", good, 0640)),
             Contains("others can read") && Contains("chmod 600"));
  CHECK_THAT(told(write("others", good, 0604)), Contains("mode 0604"));
  CHECK_THAT(told(write("short", std::string(31, 'x') + "   \n", 0600)),
             Contains("31 characters") && !Contains("xxx"));
  CHECK_THAT(told(write("empty", "", 0600)), Contains("0 characters"));
  CHECK_THAT(told(write("lines", good + "\n" + good, 0600)), Contains("one line"));
  CHECK_THAT(told(write("binary", good + "\x01", 0600)), Contains("printable"));
  CHECK_THAT(told(write("large", std::string(5'000, 'x'), 0600)), Contains("larger"));
  CHECK(load_secret(write("good", "\n  " + good + " \r\n", 0400)) == good);

  chmod((root / "secret").c_str(), 0644);
  CHECK_THAT(mistake_of(secondary()), Catch::StartsWith("5: [site] secret_file: others can read"));
  chmod((root / "secret").c_str(), 0600);
  CHECK_THAT(mistake_of(site("secondary") + "previous_secret_file = \"" +
                        (root / "short").string() + "\"\n[primary]\nurl = \"http://a:1\"\n"),
             Catch::StartsWith("6: [site] previous_secret_file: "));
}

TEST_CASE_METHOD(config_fixture, "[events] says what a primary keeps, and belongs only there",
                 "[config]") {
  auto loaded = load(site("primary") + "[events]\nretention = \"3 days\"\n"
                                       "retention_bytes = \"2 GB\"\n");
  CHECK(loaded.mistakes.empty());
  CHECK(loaded.settings.events.age == std::chrono::hours{72});
  CHECK(loaded.settings.events.bytes == 2'000'000'000);
  loaded = load(site("primary"));
  CHECK(loaded.settings.events == log_retention{std::chrono::hours{7 * 24}, 10'000'000'000});
  CHECK_THAT(mistake_of(secondary() + "[events]\n"),
             Catch::StartsWith("8: table [events] is for the primary"));
  CHECK_THAT(mistake_of(site("primary") + "[events]\nretention = \"10ms\"\n"),
             Catch::StartsWith("7: [events] retention = \"10ms\":"));
}

TEST_CASE_METHOD(config_fixture, "[primary] belongs to a secondary, and only there", "[config]") {
  CHECK_THAT(mistake_of(site("secondary")), Catch::StartsWith("3: table [primary] is missing"));
  CHECK_THAT(mistake_of(site("primary") + "[primary]\nurl = \"http://a:1\"\n"),
             Catch::StartsWith("6: table [primary] is for secondaries"));
  CHECK_THAT(mistake_of(site("secondary") + "[primary]\nurl = \"a:1\"\n"),
             Contains("write http://host:port"));
}

TEST_CASE_METHOD(config_fixture, "the longest wait is not shorter than the first", "[config]") {
  CHECK_THAT(mistake_of(secondary() + "[limits]\nretry_base = \"10s\"\nretry_cap = \"5s\"\n"),
             Catch::StartsWith("10: ") && Contains("retry_cap (5s) is shorter"));
  CHECK_THAT(mistake_of(secondary() + "[limits]\nretry_cap = \"1s\"\n"),
             Catch::StartsWith("9: ") && Contains("retry_base (2s)"));
}

TEST_CASE_METHOD(config_fixture, "a type that is only verified is not enabled", "[config]") {
  const auto loaded = load(secondary() + type("file") +
                           "enabled = \"verify\"\nverification = \"columns\"\n"
                           "reverify_after = \"1h\"\n");
  REQUIRE(loaded.mistakes.empty());
  const auto& read = loaded.settings.types.at(0);
  CHECK_FALSE(read.enabled);
  CHECK(read.verify_only);
  CHECK(read.verification == verification_place::columns);
  CHECK(read.reverify_after == std::chrono::hours{1});
}

TEST_CASE_METHOD(config_fixture, "wrong values of a type are named", "[config]") {
  auto with = [&](const std::string& line) {
    auto text = mistake_of(secondary() + type("file") + line + "\n");
    CHECK_THAT(text, Catch::StartsWith("12: [[replicable]] \"file\":"));
    return text;
  };
  CHECK_THAT(with("plural = \"Files\""), Contains("a-z, 0-9"));
  CHECK_THAT(with("enabled = \"no\""), Contains("true or false, without quotes"));
  CHECK_THAT(with("enabled = \"no\""), Contains("or \"verify\""));
  CHECK_THAT(with("verification = \"on\""), Contains("\"state_table\", \"columns\" or \"off\""));
  CHECK_THAT(with("reverify_after = \"0s\""), Contains("write 1s to 365 days"));
  CHECK_THAT(with("progress_deadline = \"1500ms\""), Contains("whole seconds"));
  CHECK_THAT(with("progress_deadline = \"0s\""), Contains("write 1s to 1 days"));
  CHECK_THAT(with("file_mode = 644"), Contains("as a text, e.g. \"0644\""));
  CHECK_THAT(with("file_mode = \"0999\""), Contains("octal"));
  CHECK_THAT(with("file_mode = \"0044\""), Contains("the owner"));
  CHECK_THAT(with("scan = 30"), Contains("a whole number and its unit"));
  CHECK_THAT(with("scan = \"500ms\""), Contains("write 1s to 1 days"));
  CHECK_THAT(with("scan = \"2 days\""), Contains("write 1s to 1 days"));
  CHECK_THAT(mistake_of(secondary() + type("File")), Catch::StartsWith("9: ") && Contains("a-z"));
  CHECK_THAT(mistake_of(secondary() + "[[replicable]]\nname = \"a\"\nstore = \"" +
                        (root / "store").string() + "\"\nstrategy = \"database\"\n"),
             Catch::StartsWith("11: ") && Contains("strategy = \"blob\""));
}

TEST_CASE_METHOD(config_fixture, "a scanned type needs no model, and must have none", "[config]") {
  const auto scanned = type("file") + "scan = \"30s\"\n";
  for (const auto& head : {site("primary"), secondary()}) {
    auto loaded = load(head + scanned);
    CHECK(loaded.mistakes.empty());
    REQUIRE(loaded.settings.types.size() == 1);
    CHECK(loaded.settings.types[0].scan == std::chrono::seconds{30});
    CHECK(loaded.settings.types[0].scanned());
    CHECK_FALSE(loaded.settings.types[0].model);
    CHECK_THAT(mistake_of(head + scanned + model()), Contains("exclude each other"));
  }
  CHECK_FALSE(load(secondary() + type("file")).settings.types[0].scanned());
}

TEST_CASE_METHOD(config_fixture, "refs are checked each minute where an application owns the rows",
                 "[config]") {
  const auto head = site("primary");
  const auto repository = [&](const std::string& more, const std::string& rest = "") {
    auto text = type("repo");
    text.replace(text.find("\"blob\""), 6, "\"repository\"");
    return head + text + more + rest;
  };
  const auto checked = [&](const std::string& text) {
    auto loaded = load(text);
    REQUIRE(loaded.mistakes.empty());
    return loaded.settings.types[0].refs_check;
  };
  CHECK(checked(repository("", model())) == std::chrono::seconds{60});
  CHECK(checked(repository("refs_check = \"10s\"\n", model())) == std::chrono::seconds{10});
  CHECK(checked(repository("scan = \"30s\"\n")) == std::chrono::seconds{0});
  CHECK(checked(head + type("file") + model()) == std::chrono::seconds{0});
  CHECK_THAT(mistake_of(repository("refs_check = \"500ms\"\n", model())),
             Contains("write 1s to 1 days"));
  CHECK_THAT(mistake_of(repository("scan = \"30s\"\nrefs_check = \"10s\"\n")),
             Contains("each scan looks at the refs"));
  CHECK_THAT(mistake_of(head + type("file") + "refs_check = \"10s\"\n" + model()),
             Contains("a blob has no refs"));
}

TEST_CASE_METHOD(config_fixture, "only a repository has a pool", "[config]") {
  const auto head = site("primary");
  auto repository = type("repo");
  repository.replace(repository.find("\"blob\""), 6, "\"repository\"");
  const std::string pool = "pool = \"pool_path\"\n";
  const auto loaded = load(head + repository + model() + pool);
  CHECK(loaded.mistakes.empty());
  CHECK(loaded.settings.types.at(0).model->pool == "pool_path");
  CHECK_THAT(mistake_of(head + type("file") + model() + pool), Contains("a blob shares nothing"));
}

TEST_CASE_METHOD(config_fixture, "a scanned folder is no other type's, and not the node's own",
                 "[config]") {
  const std::string scan = "scan = \"30s\"\n";
  CHECK_THAT(mistake_of(secondary() + type("a") + type("b") + scan),
             Catch::StartsWith("15: ") && Contains("the type of line 9 has this store"));
  CHECK_THAT(mistake_of(secondary() + type("a") + scan + type("b")),
             Contains("every file for its own"));
  CHECK_THAT(mistake_of(secondary() + type("a", "data") + scan), Contains("own data folder"));
  CHECK_THAT(mistake_of(secondary() + type("a", ".") + scan), Contains("lies inside it"));
}

TEST_CASE_METHOD(config_fixture, "a type of a primary needs its model", "[config]") {
  CHECK_THAT(mistake_of(site("primary") + type("file")),
             Catch::StartsWith("6: ") && Contains("[replicable.model] is missing") &&
                 Contains("scan = \"30s\""));
}

TEST_CASE_METHOD(config_fixture, "wrong values of a model are named", "[config]") {
  auto with = [&](const std::string& key, const std::string& value) {
    std::string toml = "[replicable.model]\n";
    if (key != "table")
      toml += "table = \"files\"\n";
    if (key != "locator")
      toml += "locator = \"path\"\n";
    auto text = mistake_of(site("primary") + type("file") + toml + key + " = " + value + "\n");
    CHECK_THAT(text, Contains("[replicable.model] " + key));
    return text;
  };
  CHECK_THAT(with("table", "\"a.b.c\""), Contains("schema.table"));
  CHECK_THAT(with("primary_key", "\"id; drop\""), Contains("one column"));
  CHECK_THAT(with("locator", "\"path; x\""), Contains("\";\""));
  CHECK_THAT(with("locator", "\" \""), Contains("it is empty"));
  CHECK_THAT(with("available", "\"status = 'ready\""), Contains("not closed"));
  CHECK_THAT(with("available", "true"), Contains("in double quotes"));
  CHECK_THAT(with("size", "\"(bytes\""), Contains("\")\" is missing"));
}

TEST_CASE_METHOD(config_fixture, "names and plurals are given once", "[config]") {
  CHECK_THAT(mistake_of(secondary() + type("file") + type("file", "other")),
             Catch::StartsWith("13: ") && Contains("taken by the type of line 9"));
  CHECK_THAT(mistake_of(secondary() + type("a") + type("b") + "plural = \"as\"\n"),
             Catch::StartsWith("16: ") && Contains("the plural \"as\" is taken"));
}

TEST_CASE_METHOD(config_fixture, "a store is an absolute path of a folder", "[config]") {
  auto store = [&](const std::string& text) {
    return "[[replicable]]\nname = \"file\"\nstrategy = \"blob\"\nstore = \"" + text + "\"\n";
  };
  auto at = [&](const char* name) { return (root / name).string(); };
  CHECK_THAT(mistake_of(secondary() + store("store")), Contains("relative path"));
  CHECK_THAT(mistake_of(secondary() + store(at("secret"))),
             Catch::StartsWith("11: ") && Contains("not a folder"));
  CHECK_THAT(mistake_of(secondary() + store(at("no/where"))), Contains("make the folder"));
  CHECK(load(secondary() + store(at("made-at-start"))).mistakes.empty());
  CHECK_THAT(mistake_of(site("primary") + store(at("nowhere")) + model()),
             Contains("on a primary it must be there"));
  CHECK_THAT(mistake_of(site("primary") + store("/") + model()), Contains("root folder"));
}

TEST_CASE_METHOD(config_fixture, "stores and the node's own data lie apart", "[config]") {
  CHECK_THAT(mistake_of(secondary() + type("file", "data")),
             Catch::StartsWith("11: ") && Contains("own data folder"));
  CHECK_THAT(mistake_of(secondary() + type("file", "data/store")), Contains("lies inside"));
  CHECK_THAT(mistake_of(secondary() + type("file", ".")), Contains("lies inside it"));
  fs::create_directory_symlink(root / "data", root / "link");
  CHECK_THAT(mistake_of(secondary() + type("file", "link")), Contains("own data folder"));
  fs::create_directory(root / "database");
  CHECK(load(secondary() + type("file", "database")).mistakes.empty());
}

TEST_CASE_METHOD(config_fixture, "two types share one store or have stores apart", "[config]") {
  CHECK(load(secondary() + type("a") + type("b", "other")).mistakes.empty());
  fs::create_directory(root / "store/inner");
  CHECK_THAT(mistake_of(secondary() + type("a") + type("b", "store/inner")),
             Catch::StartsWith("15: ") && Contains("overlaps") && Contains("of line 11"));
  CHECK_THAT(mistake_of(secondary() + type("a", "store/inner") + type("b")), Contains("overlaps"));
  fs::create_directory_symlink(root / "store", root / "alias");
  CHECK_THAT(mistake_of(secondary() + type("a") + type("b", "alias")),
             Contains("written the same way"));
}

TEST_CASE_METHOD(config_fixture, "random bytes in a configuration never end the program",
                 "[config]") {
  const auto good = secondary() + type("file") + model();
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    auto broken = good;
    auto state = seed * 0x9e3779b97f4a7c15 + 1;
    for (int change = 0; change < 3; ++change) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      broken[(state >> 33) % broken.size()] = static_cast<char>(state >> 24);
    }
    CAPTURE(seed);
    for (const auto& m : load(broken).mistakes) {
      CHECK_FALSE(m.message.empty());
      CHECK(m.line >= 0);
    }
  }
}

TEST_CASE_METHOD(config_fixture, "bandwidth is one rate, or a list of rates and times",
                 "[config]") {
  const auto one = load(secondary() + "[limits]\nbandwidth = \"20 MB/s\"\n");
  REQUIRE(one.mistakes.empty());
  CHECK(one.settings.bandwidth.at(0, 0min) == 20'000'000);
  const auto list =
      load(secondary() + "[limits]\nbandwidth = [\"20 MB/s\", \"08:00-18:00 5 MB/s\"]\n");
  REQUIRE(list.mistakes.empty());
  CHECK(list.settings.bandwidth.at(0, 9h) == 5'000'000);
  CHECK(load(secondary()).settings.bandwidth.at(0, 9h) == 0);
}

TEST_CASE_METHOD(config_fixture, "what is wrong with bandwidth is explained", "[config]") {
  CHECK_THAT(mistake_of(secondary() + "[limits]\nbandwidth = 20\n"),
             Catch::StartsWith("9: ") && Contains("\"20 MB/s\""));
  CHECK_THAT(mistake_of(secondary() + "[limits]\nbandwidth = []\n"),
             Contains("leave the line away"));
  CHECK_THAT(
      mistake_of(secondary() + "[limits]\nbandwidth = [\"1 MB/s\", \"Mon-Fri 8-18 5 MB/s\"]\n"),
      Contains("\"8-18 5 MB/s\" is no rate"));
  CHECK_THAT(mistake_of(secondary() + "[limits]\nbandwidth = [\"1 MB/s\", 7]\n"),
             Contains("a list of such texts"));
}

TEST_CASE_METHOD(config_fixture, "min_free is bytes or a share, and its mistakes are explained",
                 "[config]") {
  CHECK(load(secondary() + "[limits]\nmin_free = \"1 GiB\"\n").settings.min_free.of(1u << 31) ==
        1u << 30);
  CHECK(load(secondary() + "[limits]\nmin_free = 4096\n").settings.min_free.of(1u << 31) == 4096);
  CHECK(load(secondary() + "[limits]\nmin_free = \"10 %\"\n").settings.min_free.of(1000) == 100);
  for (const auto* wrong : {"true", "\"lots\"", "\"95 %\"", "-1"})
    CHECK_THAT(mistake_of(secondary() + "[limits]\nmin_free = " + wrong + "\n"),
               Catch::StartsWith("9: ") && Contains("\"1 GiB\"") && Contains("\"90 %\""));
}

TEST_CASE_METHOD(config_fixture, "a primary's type says what it is selected by",
                 "[config][scope]") {
  const auto loaded = load(site("primary") + type("file") +
                           "select = { column = \"project_id\", type = \"integer\" }\n" + model() +
                           "[replicable.predicates]\nrecent = \"year >= 2020\"\n");
  REQUIRE(loaded.mistakes.empty());
  const auto& model = *loaded.settings.types.at(0).model;
  CHECK(model.select_column == "project_id");
  CHECK_FALSE(model.select_text);
  CHECK(model.predicates.at("recent") == "year >= 2020");
}

TEST_CASE_METHOD(config_fixture, "what is wrong with a selection is explained", "[config][scope]") {
  // `select` stands in line 10, predicates from line 14 on.
  const auto select = [&](const std::string& value) {
    const auto text =
        mistake_of(site("primary") + type("file") + "select = " + value + "\n" + model());
    CHECK_THAT(text, Catch::StartsWith("10: [[replicable]] \"file\":"));
    return text;
  };
  CHECK_THAT(select("\"project_id\""), Contains("select = { column = "));
  CHECK_THAT(select("{ column = \"project_id\" }"), Contains("\"type\" is missing"));
  CHECK_THAT(select("{ type = \"text\" }"), Contains("\"column\" is missing"));
  CHECK_THAT(select("{ column = \"a b\", type = \"text\" }"), Contains("column = \"a b\""));
  CHECK_THAT(select("{ column = 7, type = \"text\" }"), Contains("in double quotes"));
  CHECK_THAT(select("{ column = \"a\", type = \"date\" }"), Contains("\"integer\" or \"text\""));
  CHECK_THAT(select("{ column = \"a\", type = \"text\", sql = \"x\" }"),
             Contains("\"sql\" is not known"));
  const auto predicates = [&](const std::string& lines) {
    return mistake_of(site("primary") + type("file") + model() + "[replicable.predicates]\n" +
                      lines);
  };
  CHECK_THAT(predicates("recent = \"year > 2020; x\"\n"),
             Catch::StartsWith("14: ") && Contains("\";\""));
  CHECK_THAT(predicates("recent = \" \"\n"), Contains("is empty"));
  CHECK_THAT(predicates("recent = true\n"), Contains("in double quotes"));
  CHECK_THAT(predicates("\"a b\" = \"true\"\n"), Contains("\"a b\""));
  CHECK_THAT(mistake_of(site("primary") + type("file") + "predicates = 7\n" + model()),
             Contains("[replicable.predicates]"));
  CHECK_THAT(mistake_of(site("primary") + type("file") +
                        "scan = \"30s\"\n"
                        "select = { column = \"a\", type = \"text\" }\n"),
             Catch::StartsWith("11: ") && Contains("have no columns"));
  CHECK_THAT(mistake_of(site("primary") + type("file") + "predicate = \"recent\"\n" + model()),
             Contains("predicate is for secondaries"));
  CHECK_THAT(
      mistake_of(site("primary") + "[selective_sync]\nproject_id = [1]\n" + type("file") + model()),
      Catch::StartsWith("6: ") && Contains("is for secondaries"));
}

TEST_CASE_METHOD(config_fixture, "a secondary says which records it wants", "[config][scope]") {
  const auto loaded = load(secondary() +
                           "[selective_sync]\nproject_id = [2, 1, \"10-20\"]\n"
                           "region = [\"north\", \"süd\"]\n" +
                           type("file") + "predicate = \"recent\"\n");
  REQUIRE(loaded.mistakes.empty());
  const auto& scope = loaded.settings.scope;
  CHECK(scope.columns.at("project_id") == std::vector<std::string>{"1", "10-20", "2"});
  CHECK(scope.columns.at("region") == std::vector<std::string>{"north", "süd"});
  CHECK(scope.predicates.at("file") == "recent");
  CHECK(load(secondary() + type("file")).settings.scope.whole());
}

TEST_CASE_METHOD(config_fixture, "what is wrong with a scope is explained", "[config][scope]") {
  const auto with = [&](const std::string& line) {
    return mistake_of(secondary() + "[selective_sync]\n" + line + "\n");
  };
  CHECK_THAT(with("project_id = 7"), Catch::StartsWith("9: ") && Contains("write a list"));
  CHECK_THAT(with("project_id = []"), Contains("the list is empty"));
  CHECK_THAT(with("project_id = [1, true]"), Contains("whole numbers, ranges"));
  CHECK_THAT(with("project_id = [1.5]"), Contains("whole numbers, ranges"));
  CHECK_THAT(with("project_id = [\"\"]"), Contains("selects nothing"));
  CHECK_THAT(with("project_id = [\"" + std::string(256, 'x') + "\"]"), Contains("255 bytes"));
  CHECK_THAT(with("\"project id\" = [1]"), Contains("\"project id\""));
  std::string many = "project_id = [0";
  for (int n = 1; n <= 10'000; ++n)
    many += ", " + std::to_string(n);
  CHECK_THAT(with(many + "]"), Contains("10001 values") && Contains("10000 are the most"));
  CHECK_THAT(mistake_of("selective_sync = 1\n" + secondary()), Contains("is a table"));
  CHECK_THAT(mistake_of(secondary() + type("file") + "predicate = \"true; x\"\n"),
             Contains("predicate = "));
}
