// Selective sync with real nodes: sites that want different records of one primary, records that
// move from one to the other, and scopes that are changed while the nodes run.

#include "tests/e2e/sites.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

using namespace farshore::test;
using Catch::Contains;

namespace {

constexpr const char* table =
    "CREATE TABLE files (id bigserial PRIMARY KEY, path text, project integer, year integer)";

const type_declaration selected{.more = "select = { column = \"project\", type = \"integer\" }\n",
                                .more_model =
                                    "[replicable.predicates]\nrecent = \"year >= 2020\"\n"};

class scoped_sites : public two_sites {
public:
  site& porto = add_secondary("porto");

  void start_all() {
    want(secondary, "project = [1]");
    want(porto, "project = [2, \"5-9\"]");
    start(table, {selected});
    porto.declare({selected});
    porto.start();
    REQUIRE(eventually([&] { return serves(porto, "file"); }));
  }

  static void want(site& at, const std::string& line) {
    at.more_settings = line.empty() ? "" : "[selective_sync]\n" + line + "\n";
  }
  /// Another scope, while the node runs.
  static void change(site& at, const std::string& line, const type_declaration& type = selected) {
    want(at, line);
    at.declare({type});
    at.reload();
  }

  /// A file and its row.
  void add(const std::string& path, int project, int year = 2024) const {
    write(path, "content of " + path);
    primary.sql("INSERT INTO files (path, project, year) VALUES ('" + path + "', " +
                std::to_string(project) + ", " + std::to_string(year) + ")");
  }

  /// Waits, then compares the site with the primary's rows that meet the condition. Empty, or what
  /// is different.
  [[nodiscard]] std::string differs(const site& at, const std::string& condition) const {
    const auto waited = at.command({"wait", "--strict", "--timeout", "120"});
    if (waited.code != 0)
      return "farshore wait: " + waited.out + waited.err;
    std::string wanted;
    const auto db = primary.connect();
    pqxx::work tx{*db};
    for (const auto& row :
         tx.exec("SELECT path FROM files WHERE " + condition + " ORDER BY path COLLATE \"C\"")) {
      const auto path = row[0].as<std::string>();
      wanted += path + '\n';
      if (read_file(at.store() / path) != read_file(primary.store() / path))
        return path + " has another content";
    }
    std::string found;
    for (const auto& file : files_in(at.store()))
      found += file.string() + '\n';
    return found == wanted ? "" : "there:\n" + found + "wanted:\n" + wanted;
  }
};

std::int64_t transferred(const site& at) {
  return at.number("/transferred/records");
}

} // namespace

TEST_CASE_METHOD(scoped_sites,
                 "two sites have the records that each wants, and one that moves goes along",
                 "[scopes]") {
  start_all();
  add("one", 1);
  add("two", 2);
  add("seven", 7);
  add("unwanted", 4);
  primary.sql("INSERT INTO files (path) VALUES (NULL)");
  CHECK(differs(secondary, "project = 1") == "");
  CHECK(differs(porto, "project IN (2, 7)") == "");
  CHECK(eventually([&] { return secondary.number("/types/0/out_of_scope_count") == 4; }));
  CHECK_THAT(secondary.command({"status"}).out, Contains("out of scope"));

  primary.sql("UPDATE files SET project = 9 WHERE path = 'one'");
  CHECK(differs(secondary, "project = 1") == "");
  CHECK(differs(porto, "project IN (2, 7, 9)") == "");
  CHECK(files_in(secondary.store()).empty());
  primary.sql("UPDATE files SET project = 1 WHERE path IN ('one', 'two')");
  CHECK(differs(secondary, "project = 1") == "");
  CHECK(differs(porto, "project = 7") == "");

  // A primary that has forgotten who wants what is told again.
  CHECK(primary.stop() == 0);
  primary.start();
  add("after", 1);
  add("elsewhere", 8);
  CHECK(differs(secondary, "project = 1") == "");
  CHECK(differs(porto, "project IN (7, 8)") == "");

  // What is deleted, is deleted for all; what is gone without a word is found by a check.
  primary.sql("DELETE FROM files WHERE path = 'after'");
  CHECK(differs(secondary, "project = 1") == "");
  // Nobody but the registry learns a key that is not the site's.
  CHECK(secondary.value("SELECT count(*) FROM farshore.registry WHERE key NOT IN ('1', '2')") ==
        "0");
}

TEST_CASE_METHOD(scoped_sites,
                 "a scope is changed by a reload, and what stays is not fetched again",
                 "[scopes]") {
  start_all();
  for (int n = 0; n < 30; ++n)
    add("f" + std::to_string(n), n % 3 + 1);
  CHECK(differs(secondary, "project = 1") == "");
  CHECK(transferred(secondary) == 10);
  const auto epoch = secondary.number("/epoch");

  change(secondary, "project = [1, 3]");
  CHECK(differs(secondary, "project IN (1, 3)") == "");
  CHECK(transferred(secondary) == 20);
  change(secondary, "project = [3]");
  CHECK(differs(secondary, "project = 3") == "");
  CHECK(eventually([&] { return secondary.number("/types/0/out_of_scope_count") == 20; }));
  CHECK(secondary.number("/types/0/check/held") == 0);
  add("live", 3);
  CHECK(differs(secondary, "project = 3") == "");
  CHECK(transferred(secondary) == 31); // ten were removed, one came

  // While the node is away, too.
  CHECK(secondary.stop() == 0);
  want(secondary, "project = [2]");
  secondary.declare({selected});
  secondary.start();
  CHECK(eventually([&] { return differs(secondary, "project = 2") == ""; }));

  // A slip of the pen that leaves nothing is noticed.
  change(secondary, "project = [22]");
  CHECK(eventually([&] { return secondary.number("/types/0/check/held") == 10; }));
  CHECK(files_in(secondary.store()).size() == 10);
  CHECK_THAT(secondary.command({"status"}).out, Contains("farshore approve file"));
  change(secondary, "project = [2, 3]");
  CHECK(differs(secondary, "project IN (2, 3)") == "");
  CHECK(secondary.number("/types/0/check/held") == 0);

  // Everything again.
  change(secondary, "");
  CHECK(difference(secondary) == "");
  CHECK(eventually([&] { return secondary.number("/types/0/out_of_scope_count") == 0; }));
  CHECK(secondary.number("/epoch") == epoch);
}

TEST_CASE_METHOD(scoped_sites, "a predicate is chosen by its name, and a wrong choice is explained",
                 "[scopes]") {
  start_all();
  add("old", 1, 1999);
  add("new", 1, 2024);
  add("other", 3, 2024);
  CHECK(differs(secondary, "project = 1") == "");
  auto recent = selected;
  recent.at_secondary = "predicate = \"recent\"\n";
  change(secondary, "project = [1]", recent);
  CHECK(differs(secondary, "path = 'new'") == "");
  primary.sql("UPDATE files SET year = 2021 WHERE path = 'old'");
  CHECK(differs(secondary, "project = 1") == "");
  change(secondary, "", recent);
  CHECK(differs(secondary, "year >= 2020") == "");

  auto unheard = selected;
  unheard.at_secondary = "predicate = \"ancient\"\n";
  change(secondary, "", unheard);
  CHECK(eventually([&] {
    return secondary.command({"status"}).out.find("no predicate \"ancient\"") != std::string::npos;
  }));
  CHECK(files_in(secondary.store()).size() == 3);
  change(secondary, "projekt = [1]");
  CHECK(eventually([&] {
    return secondary.command({"status"}).out.find("they select by: project") != std::string::npos;
  }));
  CHECK(files_in(secondary.store()).size() == 3);
  change(secondary, "project = [3]");
  CHECK(differs(secondary, "project = 3") == "");
}

TEST_CASE_METHOD(scoped_sites,
                 "what becomes available is fetched, what no longer is goes, also untold",
                 "[scopes]") {
  auto ready = selected;
  ready.more_model = "available = \"year > 0\"\n";
  start(table, {ready});
  for (int n = 0; n < 20; ++n)
    add("f" + std::to_string(n), 1, n < 5 ? -1 : 2024);
  CHECK(differs(secondary, "year > 0") == "");
  primary.sql("UPDATE files SET year = -year WHERE path IN ('f0', 'f10')");
  CHECK(differs(secondary, "year > 0") == "");
  CHECK(eventually([&] { return secondary.number("/types/0/out_of_scope_count") == 5; }));

  // Without an event, as by a restored table.
  primary.sql("ALTER TABLE files DISABLE TRIGGER ALL; UPDATE files SET year = -year WHERE path IN "
              "('f1', 'f11'); ALTER TABLE files ENABLE TRIGGER ALL");
  CHECK(secondary.command({"recheck", "file"}).code == 0);
  CHECK(eventually([&] { return differs(secondary, "year > 0") == ""; }));
}
