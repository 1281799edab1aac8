// What no event tells of is found by comparing both sites.

#include "tests/e2e/sites.hpp"

#include <catch2/catch.hpp>

namespace farshore::test {

namespace {

const std::string files_table = "CREATE TABLE files (id bigserial PRIMARY KEY, path text)";

/// `count` records with a file each, here and there.
void fill(const two_sites& sites, int count) {
  for (int i = 1; i <= count; ++i)
    sites.write(std::to_string(i), "content " + std::to_string(i));
  sites.primary.sql("INSERT INTO files SELECT i, i::text FROM generate_series(1, " +
                    std::to_string(count) + ") i");
  REQUIRE(sites.difference() == "");
}

/// In the application's database, while nothing notes what happens.
void untold(const two_sites& sites, const std::string& statement) {
  const auto triggers = [](const std::string& verb) {
    return "DO $$ DECLARE name text; BEGIN FOR name IN SELECT tgname FROM pg_trigger "
           "WHERE tgrelid = 'files'::regclass AND NOT tgisinternal LOOP "
           "EXECUTE format('ALTER TABLE files " +
           verb + " TRIGGER %I', name); END LOOP; END $$; ";
  };
  sites.primary.sql(triggers("DISABLE") + statement + "; " + triggers("ENABLE ALWAYS"));
}

std::string ended_at(const two_sites& sites) {
  const auto status = sites.secondary.status();
  boost::system::error_code missing;
  const auto* found = status.find_pointer("/types/0/check/ended_at", missing);
  return found && found->is_string() ? std::string{found->as_string()} : "";
}

/// A check from the beginning is through.
void recheck(const two_sites& sites) {
  REQUIRE(eventually([&] { return sites.secondary.number("/types/0/generation") > 0; }));
  // One that is under way first: what it has passed it does not see again.
  const auto at_rest = [&] {
    const auto status = sites.secondary.status();
    boost::system::error_code missing;
    const auto* stage = status.find_pointer("/types/0/check/stage", missing);
    return stage && *stage == "none" && !ended_at(sites).empty();
  };
  REQUIRE(eventually(at_rest));
  const auto before = ended_at(sites);
  REQUIRE(sites.secondary.command({"recheck", "file"}).code == 0);
  REQUIRE(eventually([&] { return ended_at(sites) != before && at_rest(); }));
}

} // namespace

TEST_CASE("a check finds rows that came and went without an event", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  fill(sites, 40);
  sites.write("new", "nobody told");
  untold(sites, "DELETE FROM files WHERE id = 7; INSERT INTO files VALUES (77, 'new')");
  sites.remove("7");
  CHECK(sites.wait().code == 0);
  CHECK(sites.there("7") == "content 7");
  CHECK(sites.there("new") == "(none)");
  const bool at_start = GENERATE(false, true);
  CAPTURE(at_start);
  if (at_start) {
    CHECK(sites.secondary.stop() == 0);
    sites.secondary.start();
  } else {
    recheck(sites);
    CHECK(sites.secondary.number("/types/0/check/gone") == 1);
  }
  CHECK(eventually([&] { return sites.there("new") == "nobody told"; }));
  CHECK(eventually([&] { return sites.there("7") == "(none)"; }));
  CHECK(sites.difference() == "");
  CHECK(sites.secondary.number("/types/0/registry_count") == 40);
}

TEST_CASE("a check does not remove half of a type without a word", "[e2e]") {
  two_sites sites;
  sites.start(files_table);
  fill(sites, 40);
  CHECK(sites.secondary.command({"approve", "file"}).code == 1); // nothing to approve
  untold(sites, "DELETE FROM files WHERE id <= 20");
  recheck(sites);
  CHECK(sites.secondary.number("/types/0/check/held") == 20);
  CHECK(sites.secondary.number("/types/0/removing_count") == 0);
  const auto said = sites.secondary.command({"status"}).out;
  CHECK(said.find("20 of 40 records are gone from the primary") != std::string::npos);
  CHECK(said.find("farshore approve file") != std::string::npos);
  CHECK(sites.wait().code == 0); // accounted for
  CHECK(sites.wait(1, true).code == 1);
  CHECK(sites.there("20") == "content 20");

  // What comes back before the word is given stays.
  untold(sites, "INSERT INTO files VALUES (20, '20')");
  const auto approved = sites.secondary.command({"approve", "file"});
  CHECK(approved.code == 0);
  CHECK(approved.out.find("20 records") != std::string::npos);
  for (int i = 1; i < 20; ++i)
    sites.remove(std::to_string(i));
  CHECK(eventually([&] { return sites.secondary.number("/types/0/registry_count") == 21; }));
  CHECK(sites.difference() == "");
  CHECK(sites.there("20") == "content 20");
  CHECK(sites.secondary.command({"approve", "file"}).code == 1);
  CHECK(sites.secondary.command({"approve", "fiel"}).code == 1);
  CHECK(sites.secondary.command({"recheck", "fiel"}).code == 1);
  CHECK(sites.secondary.command({"recheck"}).code == 0);
}

TEST_CASE("a partition that was detached is found by a check", "[e2e]") {
  two_sites sites;
  sites.start("CREATE TABLE files (id bigint PRIMARY KEY, path text) PARTITION BY RANGE (id); "
              "CREATE TABLE low PARTITION OF files FOR VALUES FROM (0) TO (4); "
              "CREATE TABLE rest PARTITION OF files DEFAULT");
  fill(sites, 30);
  sites.primary.sql("ALTER TABLE files DETACH PARTITION low");
  for (int i = 1; i < 4; ++i)
    sites.remove(std::to_string(i));
  recheck(sites);
  CHECK(eventually([&] { return sites.there("3") == "(none)"; }));
  CHECK(sites.difference() == "");
}

} // namespace farshore::test
