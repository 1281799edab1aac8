#include "config/secret.hpp"

#include "tests/support/certificates.hpp"

#include <cstdlib>
#include <fstream>

#include <fmt/format.h>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

struct secret_fixture {
  secret_fixture() {
    char pattern[] = "/tmp/farshore-secret-XXXXXX";
    root = mkdtemp(pattern);
    fs::create_directory(root / "data");
    write_private(root / "secret", std::string(64, 's'));
    write_private(root / "key", "\n" + key_text + "\n");
  }
  ~secret_fixture() { fs::remove_all(root); }

  config settings(const std::string& role, const std::string& lines) const {
    const auto file = root / "farshore.toml";
    std::ofstream{file} << fmt::format("[site]\nname = \"lisbon\"\nrole = \"{}\"\n"
                                       "data = \"{}/data\"\n{}",
                                       role, root.string(), lines)
                        << (role == "secondary" ? "[primary]\nurl = \"http://127.0.0.1:1\"\n" : "");
    auto loaded = load_config(file);
    mistakes.clear();
    for (const auto& one : loaded.mistakes)
      mistakes += fmt::format("{}: {}\n", one.line, one.message);
    return loaded.settings;
  }
  std::string mistakes_of(const std::string& role, const std::string& lines) const {
    settings(role, lines);
    return mistakes;
  }
  std::string line(const std::string& key, const std::string& name) const {
    return fmt::format("{} = \"{}\"\n", key, (root / name).string());
  }

  const std::string key_text = "farshore-key:lisbon:" + std::string(63, '0') + "7";
  fs::path root;
  mutable std::string mistakes;
};

} // namespace

TEST_CASE("the text of a site's key is read as it is written", "[secret]") {
  const auto text = "farshore-key:site-7:" + std::string(62, '0') + "ff";
  const auto key = parse_site_key(text);
  REQUIRE(key);
  CHECK(key->site == "site-7");
  CHECK(key->bytes.back() == 0xff);
  CHECK(to_string(*key) == text);
  for (const auto& other :
       {std::string{}, std::string(64, 'a'), "farshore-key:" + std::string(64, 'a'),
        "farshore-key::" + std::string(64, 'a'), "farshore-key:a:" + std::string(63, 'a'),
        "farshore-key:a:" + std::string(65, 'a'), "farshore-key:A:" + std::string(64, 'a'),
        "farshore-key:a:" + std::string(64, 'x'), "farshore-key:a:b:" + std::string(64, 'a')}) {
    CAPTURE(other);
    CHECK_FALSE(parse_site_key(other));
  }
}

TEST_CASE_METHOD(secret_fixture, "a secondary has the secret, or only its own key", "[secret]") {
  const auto with_key = settings("secondary", line("key_file", "key"));
  CHECK(mistakes == "");
  CHECK(load_secrets(with_key) == std::vector{key_text});
  const auto with_both =
      settings("secondary", line("key_file", "key") + line("previous_secret_file", "secret"));
  CHECK(mistakes == "");
  CHECK(load_secrets(with_both) == std::vector{key_text, std::string(64, 's')});
  const auto with_old_key =
      settings("secondary", line("secret_file", "secret") + line("previous_secret_file", "key"));
  CHECK(mistakes == "");
  CHECK(load_secrets(with_old_key) == std::vector{std::string(64, 's'), key_text});
}

TEST_CASE_METHOD(secret_fixture, "a key where there should be a secret is named, and vice versa",
                 "[secret]") {
  CHECK_THAT(mistakes_of("secondary", line("secret_file", "key")),
             Catch::StartsWith("5: [site] secret_file: ") && Contains("key_file of that site"));
  CHECK_THAT(mistakes_of("secondary", line("key_file", "secret")),
             Catch::StartsWith("5: [site] key_file: ") && Contains("is no site's key") &&
                 Contains("--for SITE --from"));
  CHECK_THAT(mistakes_of("secondary", line("secret_file", "secret") + line("key_file", "key")),
             Catch::StartsWith("6: ") && Contains("remove one of them"));
  CHECK_THAT(mistakes_of("secondary", ""),
             Contains("\"secret_file\" is missing") && Contains("\"key_file\""));
  CHECK_THAT(mistakes_of("primary", ""),
             Contains("\"secret_file\" is missing") && !Contains("key_file"));
  CHECK_THAT(mistakes_of("primary", line("key_file", "key")),
             Catch::StartsWith("5: [site] key_file is for secondaries"));
  CHECK_THAT(
      mistakes_of("primary", line("secret_file", "secret") + line("previous_secret_file", "key")),
      Catch::StartsWith("6: [site] previous_secret_file: "));
}

TEST_CASE_METHOD(secret_fixture, "a secret that stands where its file should is not repeated",
                 "[secret]") {
  for (const auto* key : {"secret_file", "key_file", "previous_secret_file", "tls_key"}) {
    CAPTURE(key);
    const auto told =
        mistakes_of("secondary", std::string{key} + " = \"hunter2hunter2hunter2hunter2hunter2\"\n");
    CHECK_THAT(told, Contains(std::string{key} + " = …: a relative path") && !Contains("hunter2"));
  }
}

TEST_CASE_METHOD(secret_fixture, "a key is this site's, and closed to others", "[secret]") {
  write_private(root / "porto", "farshore-key:porto:" + std::string(64, 'a'));
  const auto told = mistakes_of("secondary", line("key_file", "porto"));
  CHECK_THAT(told, Contains("that of site \"porto\", and this is \"lisbon\"") &&
                       !Contains(std::string(64, 'a')));
  CHECK_THAT(mistakes_of("secondary",
                         line("secret_file", "secret") + line("previous_secret_file", "porto")),
             Contains("that of site \"porto\""));
  fs::permissions(root / "key", fs::perms::others_read, fs::perm_options::add);
  CHECK_THAT(mistakes_of("secondary", line("key_file", "key")), Contains("others can read"));
}
