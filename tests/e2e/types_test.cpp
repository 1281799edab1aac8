#include "tests/e2e/sites.hpp"

#include <csignal>
#include <filesystem>

#include <catch2/catch.hpp>

namespace farshore::test {

namespace {

const std::string files_table = "CREATE TABLE files (id bigserial PRIMARY KEY, path text)";

bool waits(const site& at, int type = 0) {
  const auto all = at.status();
  return all.is_object() &&
         all.at("types").at(static_cast<std::size_t>(type)).at("waiting").is_string();
}

} // namespace

TEST_CASE("a table may come after the nodes, go, and come again", "[e2e]") {
  two_sites sites;
  sites.declare({{}});
  sites.primary.start();
  sites.secondary.start();
  CHECK(eventually([&] { return waits(sites.primary) && waits(sites.secondary); }));
  const auto waited = sites.wait(20);
  CHECK(waited.code == 0);
  CHECK(waited.out.find("type file waits") != std::string::npos);
  CHECK(sites.wait(20, true).code == 1);

  sites.primary.sql(files_table);
  sites.write("first", "of the first table");
  sites.write("kept", "of both tables");
  sites.primary.sql("INSERT INTO files (path) VALUES ('first'), ('kept')");
  CHECK(eventually([&] { return sites.serves("file"); }));
  CHECK(sites.difference() == "");

  sites.primary.sql("DROP TABLE files");
  CHECK(eventually([&] { return waits(sites.primary) && waits(sites.secondary); }));
  CHECK(sites.there("first") == "of the first table"); // a table that is gone deletes nothing

  sites.primary.sql(files_table);
  sites.write("second", "of the second table");
  sites.primary.sql("INSERT INTO files (id, path) VALUES (2, 'kept'), (3, 'second')");
  CHECK(eventually([&] { return sites.serves("file"); }));
  CHECK(eventually([&] { return sites.there("second") == "of the second table"; }));
  CHECK(sites.there("kept") == "of both tables");
  sites.write("third", "a live change");
  sites.primary.sql("INSERT INTO files (id, path) VALUES (4, 'third')");
  CHECK(eventually([&] { return sites.there("third") == "a live change"; }));
}

TEST_CASE("a type is added to running nodes, whichever is told first", "[e2e]") {
  two_sites sites;
  sites.start(files_table + "; CREATE TABLE more (id uuid PRIMARY KEY, path text); "
                            "CREATE TABLE most (id text PRIMARY KEY, path text)");
  sites.write("one", "1");
  sites.primary.sql("INSERT INTO files (path) VALUES ('one')");
  const type_declaration more{.name = "more", .table = "more"};
  const type_declaration most{.name = "most", .table = "most"};

  SECTION("the primary first") {
    sites.declare({{}, more});
    sites.write("x", "more", "more");
    sites.primary.sql("INSERT INTO more VALUES (gen_random_uuid(), 'x')");
    sites.primary.reload();
    CHECK(eventually([&] { return sites.primary.number("/types/1/generation") > 0; }));
    sites.secondary.reload();
    CHECK(eventually([&] { return sites.serves("more"); }));
    CHECK(sites.difference("more", "more") == "");
  }
  SECTION("the secondary first") {
    sites.declare({{}, more, most});
    sites.write("x", "more", "more");
    sites.write("y", "most", "most");
    sites.primary.sql("INSERT INTO more VALUES (gen_random_uuid(), 'x'); "
                      "INSERT INTO most VALUES ('k', 'y')");
    sites.secondary.reload();
    CHECK(eventually([&] { return waits(sites.secondary, 1) && waits(sites.secondary, 2); }));
    sites.primary.reload();
    CHECK(eventually([&] { return sites.serves("more") && sites.serves("most"); }));
    CHECK(sites.difference("more", "more") == "");
    CHECK(sites.difference("most", "most") == "");
    sites.primary.sql("UPDATE most SET path = NULL");
    CHECK(eventually([&] { return sites.there("y", "most") == "(none)"; }));
  }
  CHECK(sites.difference() == "");
}

TEST_CASE("a type that is switched off keeps its files, and catches up when it is on again",
          "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  sites.write("one", "1");
  sites.write("two", "2");
  sites.primary.sql("INSERT INTO files (path) VALUES ('one'), ('two')");
  CHECK(sites.difference() == "");

  sites.declare({{.more = "enabled = false\n"}});
  const bool both = GENERATE(true, false);
  CAPTURE(both);
  sites.secondary.reload();
  if (both)
    sites.primary.reload();
  sites.write("three", "3");
  sites.write("one", "1, changed");
  sites.primary.sql("INSERT INTO files (path) VALUES ('three'); "
                    "UPDATE files SET path = path WHERE path = 'one'; "
                    "DELETE FROM files WHERE path = 'two'");
  sites.remove("two");
  CHECK(sites.wait().code == 0);
  CHECK_FALSE(sites.secondary.status().at("types").at(0).at("enabled").as_bool());
  CHECK(sites.there("one") == "1");
  CHECK(sites.there("two") == "2");
  CHECK(sites.there("three") == "(none)");

  sites.declare({{}});
  if (both) {
    sites.primary.reload();
    CHECK(eventually([&] { return !waits(sites.primary); }));
  }
  sites.secondary.reload();
  CHECK(eventually([&] { return sites.serves("file"); }));
  CHECK(eventually(
      [&] { return sites.there("three") == "3" && sites.there("one") == "1, changed"; }));
  CHECK(sites.wait().code == 0);
  CHECK(eventually([&] { return sites.there("two") == "(none)"; }));
}

TEST_CASE("a configuration with a mistake is explained, and not taken by a running node", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  for (const auto* one : {&sites.primary, &sites.secondary})
    CHECK(one->command({"check"}).code == 0);
  const auto db = sites.primary.connect();

  sites.declare({{.more = "enabled = maybe\n"}});
  for (const auto* one : {&sites.primary, &sites.secondary}) {
    const auto checked = one->command({"check"});
    CHECK(checked.code == 1);
    CHECK((checked.out + checked.err).find("farshore.toml:") != std::string::npos);
  }
  sites.declare({{.more = "enable = false\n"}});
  CHECK(sites.primary.command({"check"}).code == 1);
  sites.primary.reload();
  sites.secondary.reload();
  sites.write("one", "1");
  pqxx::nontransaction{*db}.exec("INSERT INTO files (path) VALUES ('one')");
  CHECK(eventually([&] { return sites.there("one") == "1"; }));

  // From new it does not start.
  CHECK(sites.secondary.stop() == 0);
  sites.secondary.launch();
  CHECK(sites.secondary.wait_for_end() == 2);
}

} // namespace farshore::test
