#include "tests/e2e/sites.hpp"

#include <filesystem>

#include <catch2/catch.hpp>
#include <sys/stat.h>

namespace farshore::test {

namespace {

const std::string files_table = "CREATE TABLE files (id bigserial PRIMARY KEY, path text, "
                                "ready boolean NOT NULL DEFAULT true)";

} // namespace

TEST_CASE("changes arrive while both nodes run, and what is rolled back does not", "[e2e]") {
  two_sites sites;
  sites.start(files_table);

  sites.write("a/b/one", "1");
  sites.write("two", "");
  sites.primary.sql("INSERT INTO files (path) VALUES ('a/b/one'), ('two')");
  CHECK(eventually([&] { return sites.there("a/b/one") == "1" && sites.there("two").empty(); }));

  sites.write("a/b/one", "one, changed");
  sites.primary.sql("UPDATE files SET path = path WHERE path = 'a/b/one'");
  CHECK(eventually([&] { return sites.there("a/b/one") == "one, changed"; }));

  sites.write("never", "of a transaction that is rolled back");
  {
    const auto db = sites.primary.connect();
    pqxx::work tx{*db};
    tx.exec("INSERT INTO files (path) VALUES ('never')");
    tx.exec("DELETE FROM files WHERE path = 'two'");
  }
  sites.write("after", "committed later");
  sites.primary.sql("INSERT INTO files (path) VALUES ('after')");
  CHECK(sites.wait().code == 0);
  CHECK(sites.there("after") == "committed later");
  CHECK(sites.there("never") == "(none)");
  CHECK(sites.there("two").empty());
  sites.remove("never");

  sites.primary.sql("DELETE FROM files WHERE path = 'two'");
  sites.remove("two");
  CHECK(eventually([&] { return sites.there("two") == "(none)"; }));
  CHECK(sites.difference() == "");
}

TEST_CASE("a file follows its row's locator, and stays as long as any row has it", "[e2e]") {
  two_sites sites;
  sites.start(files_table);

  // Renamed: the old place is cleared.
  sites.write("old/name", "renamed");
  sites.primary.sql("INSERT INTO files VALUES (1, 'old/name')");
  CHECK(sites.wait().code == 0);
  sites.write("new/name", "renamed");
  sites.primary.sql("UPDATE files SET path = 'new/name' WHERE id = 1");
  sites.remove("old/name");
  CHECK(sites.wait().code == 0);
  CHECK(sites.there("old/name") == "(none)");
  CHECK(sites.there("new/name") == "renamed");

  // Two rows, one file: one of them goes.
  sites.write("shared", "of two rows");
  sites.primary.sql("INSERT INTO files VALUES (2, 'shared'), (3, 'shared')");
  CHECK(sites.wait().code == 0);
  sites.primary.sql("DELETE FROM files WHERE id = 2");
  CHECK(sites.wait().code == 0);
  CHECK(sites.there("shared") == "of two rows");
  CHECK(sites.difference() == "");
  sites.primary.sql("DELETE FROM files WHERE id = 3");
  sites.remove("shared");
  CHECK(sites.wait().code == 0);
  CHECK(sites.there("shared") == "(none)");

  // Two rows swap their places.
  sites.write("left", "L");
  sites.write("right", "R");
  sites.primary.sql("INSERT INTO files VALUES (4, 'left'), (5, 'right')");
  CHECK(sites.wait().code == 0);
  sites.primary.sql("UPDATE files SET path = CASE id WHEN 4 THEN 'right' ELSE 'left' END "
                    "WHERE id IN (4, 5)");
  CHECK(sites.difference() == "");
}

TEST_CASE("rows without a locator, or out of scope, have no file", "[e2e]") {
  two_sites sites;
  sites.start(files_table, {{.more_model = "available = \"ready\"\n"}});

  sites.write("here", "in scope");
  sites.primary.sql(
      "INSERT INTO files VALUES (1, 'here', true), (2, NULL, true), (3, 'not yet', false)");
  CHECK(sites.wait(60, true).code == 0);
  CHECK(files_in(sites.secondary.store()) == std::vector<std::filesystem::path>{"here"});

  sites.write("not yet", "now");
  sites.write("named", "late");
  sites.primary.sql("UPDATE files SET ready = true, path = coalesce(path, 'named')");
  CHECK(sites.difference() == "");

  // Out of scope again: the copy goes, the original stays.
  sites.primary.sql("UPDATE files SET ready = false WHERE id = 1; "
                    "UPDATE files SET path = NULL WHERE id = 2");
  CHECK(sites.wait(60, true).code == 0);
  CHECK(files_in(sites.secondary.store()) == std::vector<std::filesystem::path>{"not yet"});
  CHECK(std::filesystem::exists(sites.primary.store() / "here"));
}

TEST_CASE("rows are known by uuid and by text as well as by number", "[e2e]") {
  two_sites sites;
  sites.start("CREATE TABLE by_uuid (name uuid PRIMARY KEY DEFAULT gen_random_uuid(), path text); "
              "CREATE TABLE by_text (name text PRIMARY KEY, path text)",
              {{.name = "uuid", .table = "by_uuid", .primary_key = "name"},
               {.name = "text", .table = "by_text", .primary_key = "name"}});

  for (int i = 0; i < 20; ++i)
    for (const auto* type : {"uuid", "text"})
      sites.write("n" + std::to_string(i), type + std::to_string(i), type);
  sites.primary.sql("INSERT INTO by_uuid (path) SELECT 'n' || i FROM generate_series(0, 19) i; "
                    "INSERT INTO by_text SELECT E'key ''\\n/%\\u00fc,{}\" ' || i, 'n' || i "
                    "FROM generate_series(0, 19) i");
  CHECK(sites.difference("uuid", "by_uuid") == "");
  CHECK(sites.difference("text", "by_text") == "");

  sites.write("n3", "changed", "uuid");
  sites.write("n4", "changed", "text");
  sites.primary.sql("UPDATE by_uuid SET path = path WHERE path = 'n3'; "
                    "UPDATE by_text SET path = path WHERE path = 'n4'; "
                    "DELETE FROM by_uuid WHERE path = 'n5'; DELETE FROM by_text WHERE path = 'n6'; "
                    // Another key, the same file: a delete and an insert.
                    "UPDATE by_text SET name = 'another' WHERE path = 'n7'; "
                    "UPDATE by_uuid SET name = gen_random_uuid() WHERE path = 'n8'");
  sites.remove("n5", "uuid");
  sites.remove("n6", "text");
  CHECK(sites.difference("uuid", "by_uuid") == "");
  CHECK(sites.difference("text", "by_text") == "");
  CHECK(sites.there("n3", "uuid") == "changed");
  CHECK(sites.there("n8", "uuid") == "uuid8");
}

TEST_CASE("a locator may hold any bytes", "[e2e]") {
  two_sites sites;
  sites.start("CREATE TABLE files (id bigserial PRIMARY KEY, path bytea)");
  const std::vector<std::string> names{"with spaces/and more ",
                                       "\xc3\xbcml\xc3\xa4ut/\xe2\x82\xac/\xf0\x9f\x90\xa2",
                                       "100%/%41/%2e%2e",
                                       "line\nbreak/\r\ttab",
                                       "'single' \"double\" `b`",
                                       "\\back\\slash",
                                       "\xff\xfe not UTF-8",
                                       "semi;colon?query=1&x#fragment",
                                       "{\"json\": [1,2]}",
                                       "-rf",
                                       "...",
                                       "a/.farshore/b",
                                       std::string(255, 'n'),
                                       "deep/d/d/d/d/d/d/d/d/d/d/d/d/d/d"};
  const auto db = sites.primary.connect();
  for (std::size_t i = 0; i < names.size(); ++i) {
    sites.write(names[i], "content " + std::to_string(i));
    pqxx::work tx{*db};
    tx.exec("INSERT INTO files (path) VALUES (" + tx.quote_raw(names[i]) + ")");
    tx.commit();
  }
  CHECK(sites.difference() == "");
  CHECK(sites.there(names[6]) == "content 6");

  sites.primary.sql("DELETE FROM files");
  for (const auto& name : names)
    sites.remove(name);
  CHECK(sites.difference() == "");
  CHECK(files_in(sites.secondary.store()).empty());
}

TEST_CASE("a copy has the original's permissions, or those that are declared", "[e2e]") {
  two_sites sites;
  sites.start("CREATE TABLE files (id bigserial PRIMARY KEY, path text); "
              "CREATE TABLE fixed (id bigserial PRIMARY KEY, path text)",
              {{}, {.name = "fixed", .table = "fixed", .at_secondary = "file_mode = \"0640\"\n"}});
  const auto mode = [&](const std::string& path, const std::string& type) {
    struct stat found {};
    return ::stat((sites.secondary.store(type) / path).c_str(), &found) == 0 ? found.st_mode & 07777
                                                                             : 0;
  };
  sites.write("program", "#!/bin/true\n");
  ::chmod((sites.primary.store() / "program").c_str(), 0751);
  sites.write("program", "#!/bin/true\n", "fixed");
  ::chmod((sites.primary.store("fixed") / "program").c_str(), 0777);
  sites.primary.sql("INSERT INTO files (path) VALUES ('program'); "
                    "INSERT INTO fixed (path) VALUES ('program')");
  CHECK(sites.difference() == "");
  CHECK(mode("program", "file") == 0751);
  CHECK(mode("program", "fixed") == 0640);

  // The same content with other permissions.
  ::chmod((sites.primary.store() / "program").c_str(), 0600);
  sites.primary.sql("UPDATE files SET path = path");
  CHECK(sites.difference() == "");
  CHECK(mode("program", "file") == 0600);
}

} // namespace farshore::test
