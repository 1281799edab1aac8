#include "config/secret.hpp"
#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "site_folder.hpp"

#include <sstream>

#include <catch2/catch.hpp>

using namespace farshore;
using Catch::Contains;

TEST_CASE("secrets are long, plain and never the same", "[secret]") {
  std::ostringstream first, second, err;
  CHECK(secret_command({}, {first, err}) == exit_code::done);
  CHECK(secret_command({}, {second, err}) == exit_code::done);
  CHECK(first.str().size() == 65);
  CHECK(first.str().find_first_not_of("0123456789abcdef") == 64);
  CHECK(first.str() != second.str());
  CHECK(err.str().empty());
}

TEST_CASE("a secret file is made for its owner only, and is accepted", "[secret]") {
  site_folder site;
  std::ostringstream out, err;
  auto file = site.root / "fresh";
  const auto mask = umask(0);
  CHECK(secret_command({.output = file}, {out, err}) == exit_code::done);
  umask(mask);
  struct stat facts {};
  REQUIRE(stat(file.c_str(), &facts) == 0);
  CHECK((facts.st_mode & 07777) == 0600);
  auto secret = load_secret(file);
  REQUIRE(secret);
  CHECK(secret->size() == 64);
  CHECK_THAT(out.str() + err.str(), !Contains(*secret));
}

TEST_CASE("a site's key follows from the secret, and is accepted at that site", "[secret]") {
  site_folder site;
  std::ostringstream out, err;
  const auto file = site.root / "lisbon.key";
  CHECK(secret_command({.output = file, .for_site = "lisbon", .from = site.root / "secret"},
                       {out, err}) == exit_code::done);
  CHECK_THAT(err.str(), Contains("move it to site \"lisbon\""));
  const auto key = load_site_key(file, "lisbon");
  REQUIRE(key);
  CHECK_FALSE(load_site_key(file, "porto"));
  CHECK_THAT(out.str() + err.str(), !Contains(*key));
  struct stat facts {};
  REQUIRE(stat(file.c_str(), &facts) == 0);
  CHECK((facts.st_mode & 07777) == 0600);

  CHECK(secret_command({.for_site = "lisbon", .from = site.root / "secret"}, {out, err}) ==
        exit_code::done);
  CHECK(out.str() == *key + "\n");
}

TEST_CASE("a key is derived for a site, from a secret", "[secret]") {
  site_folder site;
  std::ostringstream out, err;
  const auto key = site.root / "lisbon.key";
  REQUIRE(secret_command({.output = key, .for_site = "lisbon", .from = site.root / "secret"},
                         {out, err}) == exit_code::done);
  CHECK(secret_command({.for_site = "Lisbon", .from = site.root / "secret"}, {out, err}) ==
        exit_code::usage);
  CHECK_THAT(err.str(), Contains("--for Lisbon: a site's name"));
  CHECK(secret_command({.for_site = "porto", .from = key}, {out, err}) == exit_code::usage);
  CHECK_THAT(err.str(), Contains("is the key of one site"));
  CHECK(secret_command({.for_site = "porto", .from = site.root / "nowhere"}, {out, err}) ==
        exit_code::usage);
  CHECK(out.str().empty());
}

TEST_CASE("a secret in use is not overwritten", "[secret]") {
  site_folder site;
  auto before = load_secret(site.root / "secret");
  std::ostringstream out, err;
  CHECK(secret_command({.output = site.root / "secret"}, {out, err}) == exit_code::no);
  CHECK_THAT(err.str(), Contains("not overwritten"));
  CHECK(load_secret(site.root / "secret") == before);
  CHECK(secret_command({.output = site.root / "no/where"}, {out, err}) == exit_code::no);
  CHECK_THAT(err.str(), Contains("No such file"));
  CHECK(secret_command({.output = "/dev/full"}, {out, err}) == exit_code::no);
}
