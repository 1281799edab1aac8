// What a secondary is told under its scope: of every kind of key and of selection, by events, by
// the catalogue, by id and by locator.

#include "registry/model_sql.hpp"
#include "registry/scope_sql.hpp"

#include "tests/registry/primary_fixture.hpp"

using namespace farshore;
using namespace farshore::test;
using Catch::Contains;

namespace {

using lines = std::vector<std::string>;

site_scope of(const std::string& column, std::vector<std::string> values) {
  site_scope scope;
  scope.columns[column] = std::move(values);
  make_canonical(scope);
  return scope;
}

site_scope by_predicate(const std::string& predicate) {
  return {{}, {{"widget", predicate}}};
}

class scoped_fixture : public primary_fixture {
public:
  /// The type "widget", selected by `column`.
  void declare(const std::string& column, bool text, const std::string& key = "id") {
    auto type = make_type("widget", "widgets", key);
    type.model->available = "ready";
    type.model->select_column = column;
    type.model->select_text = text;
    type.model->predicates = {{"large", "bytes > 100"}, {"odd", "1 / (bytes % 2) = 1"}};
    ready({type});
  }

  /// "created 7 a", "updated 7 outside", "deleted 7 -"; with its key in brackets where it is told.
  lines told(const site_scope& scope) {
    lines out;
    const auto got = must(reader->events(place, 1000, scope));
    CHECK(got.scope == digest_of(scope));
    for (const auto& event : got.events)
      out.push_back(std::string{to_string(event.op)} + " " + std::to_string(event.record) +
                    (event.key.empty() ? "" : "[" + event.key + "]") + " " +
                    (event.outside   ? "outside" + event.locator
                     : event.present ? event.locator
                                     : "-"));
    return out;
  }
  void read_on() { place = must(reader->events(place, 1000)).upto; }

  /// Locators of the catalogue, in pages of three.
  lines listed(const site_scope& scope) {
    lines out;
    record_id after = record_id_before_all;
    for (bool last = false; !last;) {
      const auto page = must(reader->catalogue("widget", after, 3, scope));
      CHECK(page.scope == digest_of(scope));
      for (const auto& row : page.rows)
        out.push_back(row.locator);
      REQUIRE((page.last || page.next_after > after));
      after = page.next_after;
      last = page.last;
    }
    return out;
  }
};

} // namespace

TEST_CASE_METHOD(scoped_fixture, "a scope of whole numbers and ranges is what a site is told of",
                 "[scopes]") {
  db.exec("CREATE TABLE widgets (id integer PRIMARY KEY, path text, ready boolean DEFAULT true,"
          " bytes bigint, project integer)");
  declare("project", false);
  db.exec("INSERT INTO widgets VALUES (1, 'a', true, 1, 7), (2, 'b', true, 1, 8),"
          " (3, 'c', true, 1, 10), (4, 'd', true, 1, 20), (5, 'e', true, 1, 21),"
          " (6, 'f', true, 1, NULL), (7, 'g', false, 1, 7), (8, NULL, true, 1, 7)");
  settle();
  const auto scope = of("project", {"7", "10-20"});
  CHECK(told(scope) == lines{"created 1[1] a", "created 2 outside", "created 3[3] c",
                             "created 4[4] d", "created 5 outside", "created 6 outside",
                             "created 7 -", "created 8 -"});
  CHECK(listed(scope) == lines{"a", "c", "d"});
  CHECK(listed({}) == lines{"a", "b", "c", "d", "e", "f"});
  const record_id asked[] = {1, 2, 4, 5, 7, 99};
  const auto found = must(reader->look_up("widget", asked, scope));
  REQUIRE(found.rows.size() == 2);
  CHECK(found.rows[1].record == 4);
  CHECK(found.outside == std::vector<record_id>{2, 5});
  CHECK(found.scope == digest_of(scope));
  const auto resolved = must(reader->resolve("widget", asked, scope));
  CHECK(resolved[0].present);
  CHECK_FALSE(resolved[1].present);
  CHECK(resolved[1].locator.empty());

  // Whoever leaves and enters is told of, without a word more than that.
  read_on();
  db.exec("UPDATE widgets SET project = 8 WHERE id = 1");
  db.exec("UPDATE widgets SET project = 15 WHERE id = 2");
  db.exec("UPDATE widgets SET ready = true WHERE id = 7");
  db.exec("DELETE FROM widgets WHERE id IN (4, 5)");
  CHECK(told(scope) == lines{"updated 1 outside", "updated 2[2] b", "updated 7[7] g", "deleted 4 -",
                             "deleted 5 -"});
  CHECK(told({}).front() == "updated 1[1] a");
}

TEST_CASE_METHOD(scoped_fixture, "a scope of texts is compared as it is written", "[scopes]") {
  db.exec("CREATE TABLE widgets (id text PRIMARY KEY, path text, ready boolean DEFAULT true,"
          " bytes bigint, region text)");
  declare("region", true);
  db.exec("INSERT INTO widgets VALUES ('k1', 'a', true, 1, 'north'), ('k2', 'b', true, 1, 'North'),"
          " ('k3', 'c', true, 1, '10-20'), ('k4', 'd', true, 1, 'it''s {\"x\"}, \\ NULL'),"
          " ('k5', 'e', true, 1, NULL), ('k6', 'f', true, 1, 'NULL'), ('k7', 'g', true, 1, '15')");
  settle();
  CHECK(listed(of("region", {"north"})) == lines{"a"});
  CHECK(listed(of("region", {"10-20"})) == lines{"c"});
  CHECK(listed(of("region", {"it's {\"x\"}, \\ NULL"})) == lines{"d"});
  CHECK(listed(of("region", {"NULL"})) == lines{"f"});
  // Long lists are looked up in another way.
  std::vector<std::string> many{"North", "15"};
  for (int n = 0; n < 500; ++n)
    many.push_back("other" + std::to_string(n));
  CHECK(listed(of("region", many)) == lines{"b", "g"});
  db.exec("UPDATE widgets SET region = 'south' WHERE id = 'k1'");
  settle();
  const auto got = told(of("region", {"north"}));
  REQUIRE(got.size() == 7);
  CHECK_THAT(got.back(), Catch::StartsWith("updated ") && Catch::EndsWith(" outside"));
}

TEST_CASE_METHOD(scoped_fixture, "a uuid column is selected as text, with uuid keys", "[scopes]") {
  db.exec("CREATE TABLE widgets (id uuid PRIMARY KEY, path text, ready boolean DEFAULT true,"
          " bytes bigint, owner uuid)");
  declare("owner", true);
  const std::string one = "0190d0e8-0000-7000-8000-000000000001";
  const std::string two = "0190d0e8-0000-7000-8000-000000000002";
  db.exec("INSERT INTO widgets VALUES ('" + one + "', 'a', true, 1, '" + two + "'), ('" + two +
          "', 'b', true, 1, '" + one + "')");
  settle();
  CHECK(listed(of("owner", {two})) == lines{"a"});
  const auto got = told(of("owner", {one}));
  REQUIRE(got.size() == 2);
  CHECK_THAT(got[0], Catch::EndsWith(" outside"));
  CHECK_THAT(got[1], Catch::EndsWith("[" + two + "] b"));
}

TEST_CASE_METHOD(scoped_fixture, "ten thousand ranges, and the ends of what numbers there are",
                 "[scopes]") {
  db.exec("CREATE TABLE widgets (id bigint PRIMARY KEY, path text, ready boolean DEFAULT true,"
          " bytes bigint, project bigint)");
  declare("project", false);
  db.exec("INSERT INTO widgets VALUES (1, 'min', true, 1, -9223372036854775808),"
          " (2, 'max', true, 1, 9223372036854775807), (3, 'zero', true, 1, 0),"
          " (4, 'in', true, 1, 49990), (5, 'between', true, 1, 49995)");
  settle();
  std::vector<std::string> many;
  for (int n = 0; n < 10'000; ++n)
    many.push_back(std::to_string(n * 10) + "-" + std::to_string(n * 10 + 4));
  CHECK(listed(of("project", many)) == lines{"zero", "in"});
  CHECK(listed(of("project", {"-9223372036854775808"})) == lines{"min"});
  CHECK(listed(of("project", {"1-9223372036854775807"})) == lines{"max", "in", "between"});
  CHECK(listed(of("project", {"-9223372036854775808-9223372036854775807"})).size() == 5);
}

TEST_CASE_METHOD(scoped_fixture, "a predicate narrows, alone or with a column", "[scopes]") {
  db.exec("CREATE TABLE widgets (id integer PRIMARY KEY, path text, ready boolean DEFAULT true,"
          " bytes bigint, project integer)");
  declare("project", false);
  db.exec("INSERT INTO widgets VALUES (1, 'a', true, 50, 7), (2, 'b', true, 150, 7),"
          " (3, 'c', true, 250, 8), (4, 'd', true, NULL, 7), (5, 'e', true, 151, 7)");
  settle();
  CHECK(listed(by_predicate("large")) == lines{"b", "c", "e"});
  auto both = of("project", {"7"});
  both.predicates["widget"] = "large";
  CHECK(listed(both) == lines{"b", "e"});
  // What it can't be computed of is nobody's; the others are not held up.
  CHECK(listed(by_predicate("odd")) == lines{"e"});
  CHECK(told(by_predicate("odd")) == lines{"created 1 outside", "created 2 outside",
                                           "created 3 outside", "created 4 outside",
                                           "created 5[5] e"});
  // Another type's scope is none of this one's.
  CHECK(listed({{{"region", {"x"}}}, {{"gadget", "large"}}}).size() == 5);
}

TEST_CASE_METHOD(scoped_fixture, "values and names of a secondary never become SQL", "[scopes]") {
  db.exec("CREATE TABLE widgets (id integer PRIMARY KEY, path text, ready boolean DEFAULT true,"
          " bytes bigint, region text)");
  declare("region", true);
  db.exec("INSERT INTO widgets VALUES (1, 'a', true, 1, 'x')");
  settle();
  for (const auto* hostile :
       {"x') OR true --", "'; DROP TABLE widgets; --", "{x}", "x\",\"y", "$1", "\\", "%", "NULL"})
    CHECK(listed(of("region", {hostile})).empty());
  CHECK(listed(of("region", {"x"})) == lines{"a"});
  CHECK(listed(by_predicate("true) OR (true")).empty());
}

TEST_CASE("a scope that the types can't be asked by is refused with what to write", "[scopes]") {
  auto type = make_type("widget", "widgets");
  type.model->select_column = "project";
  type.model->predicates = {{"large", "bytes > 100"}};
  const std::vector types{type, make_type("gadget", "gadgets")};
  CHECK(check_scope(of("project", {"1", "2-3"}), types).empty());
  CHECK_THAT(check_scope(of("project", {"north"}), types),
             Contains("\"north\"") && Contains("10-20") && Contains("widget"));
  CHECK_THAT(check_scope(of("projekt", {"1"}), types),
             Contains("\"projekt\"") && Contains("they select by: project"));
  CHECK_THAT(check_scope(by_predicate("huge"), types), Contains("it has: large"));
  CHECK_THAT(check_scope({{}, {{"gadget", "large"}}}, types), Contains("no predicates"));
  CHECK(check_scope({{}, {{"elsewhere", "large"}}}, types).empty());
}

TEST_CASE_METHOD(primary_fixture, "a selection that does not fit its table is said", "[scopes]") {
  db.exec("CREATE TABLE widgets (id integer PRIMARY KEY, path text, project text)");
  auto type = make_type("widget", "widgets");
  const auto waiting = [&] {
    types = {type};
    return status("widget").waiting;
  };
  type.model->select_column = "projekt";
  CHECK_THAT(waiting(), Contains("select does not fit table") && Contains("projekt"));
  type.model->select_column = "project"; // a text
  CHECK_THAT(waiting(), Contains("select does not fit table"));
  type.model->select_text = true;
  CHECK(waiting().empty());
  const auto generation = status("widget").generation;
  type.model->predicates["recent"] = "year > 2020";
  CHECK_THAT(waiting(), Contains("a predicate does not fit table") && Contains("year"));
  type.model->predicates["recent"] = "project > 'a'";
  CHECK(waiting().empty());
  CHECK(status("widget").generation > generation); // what a scope means has changed
}

TEST_CASE_METHOD(primary_fixture, "a type without a selection is declared as ever", "[scopes]") {
  const model_declaration plain{"widgets", "id", "path", "ready", ""};
  CHECK(declaration_text(plain) == "7:widgets\n2:id\n4:path\n5:ready\n0:\n");
}

TEST_CASE_METHOD(scoped_fixture, "how many records there are is told with the types", "[scopes]") {
  db.exec("CREATE TABLE widgets (id integer PRIMARY KEY, path text, ready boolean DEFAULT true,"
          " bytes bigint, project integer)");
  declare("project", false);
  db.exec("INSERT INTO widgets SELECT n, 'f' || n, true, n, n % 2 FROM generate_series(1, 10) n");
  settle();
  const auto page = must(reader->events(place, 1000, of("project", {"1"})));
  REQUIRE(page.types.size() == 1);
  CHECK(page.types[0].records == 10);
}
