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
  CHECK(secret_command(file, {out, err}) == exit_code::done);
  umask(mask);
  struct stat facts {};
  REQUIRE(stat(file.c_str(), &facts) == 0);
  CHECK((facts.st_mode & 07777) == 0600);
  auto secret = load_secret(file);
  REQUIRE(secret);
  CHECK(secret->size() == 64);
  CHECK_THAT(out.str() + err.str(), !Contains(*secret));
}

TEST_CASE("a secret in use is not overwritten", "[secret]") {
  site_folder site;
  auto before = load_secret(site.root / "secret");
  std::ostringstream out, err;
  CHECK(secret_command(site.root / "secret", {out, err}) == exit_code::no);
  CHECK_THAT(err.str(), Contains("not overwritten"));
  CHECK(load_secret(site.root / "secret") == before);
  CHECK(secret_command(site.root / "no/where", {out, err}) == exit_code::no);
  CHECK_THAT(err.str(), Contains("No such file"));
  CHECK(secret_command("/dev/full", {out, err}) == exit_code::no);
}
