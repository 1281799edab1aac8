#include "config/certificate.hpp"

#include "config/clock.hpp"
#include "config/config.hpp"
#include "tests/support/certificates.hpp"

#include <cstdlib>
#include <fstream>

#include <fmt/format.h>

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

struct certificate_fixture {
  certificate_fixture() {
    char pattern[] = "/tmp/farshore-certificate-XXXXXX";
    root = mkdtemp(pattern);
    put("pem", pair.certificate);
    put("key", pair.key);
    put("secret", std::string(64, 's'));
    fs::create_directory(root / "data");
  }
  ~certificate_fixture() { fs::remove_all(root); }

  fs::path put(const std::string& name, const std::string& content) const {
    write_private(root / name, content);
    return root / name;
  }

  std::string refusal() const {
    const auto loaded = load_tls_identity(root / "pem", root / "key", system_time().wall());
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().code == ec::invalid_config);
    CHECK_THAT(loaded.error().message, !Contains("PRIVATE KEY-----\nM"));
    return loaded.error().message;
  }

  /// The mistakes of a site with these further lines in [site], and in [primary].
  std::string mistakes(const std::string& in_site, const std::string& url = "http://127.0.0.1:1",
                       const std::string& in_primary = {}) const {
    const auto file = root / "farshore.toml";
    std::ofstream{file} << fmt::format("[site]\nname = \"lisbon\"\nrole = \"secondary\"\n"
                                       "data = \"{0}/data\"\nsecret_file = \"{0}/secret\"\n{1}"
                                       "[primary]\nurl = \"{2}\"\n{3}",
                                       root.string(), in_site, url, in_primary);
    std::string all;
    for (const auto& one : load_config(file).mistakes)
      all += fmt::format("{}: {}\n", one.line, one.message);
    return all;
  }
  std::string line(const std::string& key, const std::string& name) const {
    return fmt::format("{} = \"{}\"\n", key, (root / name).string());
  }

  certificate_authority ca;
  certified pair = ca.issue();
  fs::path root;
};

} // namespace

TEST_CASE_METHOD(certificate_fixture, "a certificate is read with its chain and its key",
                 "[certificate]") {
  put("pem", "whatever stands before\n" + pair.certificate + ca.certificate());
  const auto loaded = load_tls_identity(root / "pem", root / "key", system_time().wall());
  REQUIRE(loaded);
  CHECK_THAT(loaded->certificate, Contains(pair.certificate) && Contains(ca.certificate()));
  CHECK(loaded->key == pair.key);
}

TEST_CASE_METHOD(certificate_fixture, "what is wrong with a certificate is said", "[certificate]") {
  SECTION("not there") {
    fs::remove(root / "pem");
    CHECK_THAT(refusal(), Contains("No such file"));
  }
  SECTION("not PEM") {
    put("pem", std::string{"\x30\x82\x01\x0a", 4} + "binary");
    CHECK_THAT(refusal(), Contains("no certificate in PEM form") && Contains("openssl"));
  }
  SECTION("a key instead") {
    put("pem", pair.key);
    CHECK_THAT(refusal(), Contains("no certificate in PEM form"));
  }
  SECTION("a chain that breaks off") {
    put("pem", pair.certificate + ca.certificate().substr(0, 200));
    CHECK_THAT(refusal(), Contains("PEM form"));
  }
  SECTION("expired") {
    const auto old = ca.issue({.valid_from = -48h, .valid_until = -1h});
    put("pem", old.certificate);
    put("key", old.key);
    CHECK_THAT(refusal(), Contains("has expired at 2") && Contains("renew it"));
  }
  SECTION("not valid yet") {
    const auto early = ca.issue({.valid_from = 1h});
    put("pem", early.certificate);
    put("key", early.key);
    CHECK_THAT(refusal(), Contains("is not valid before") && Contains("clock"));
  }
  SECTION("good for longer than our clock goes") {
    const auto lasting = ca.issue({.valid_until = 24h * 365 * 1'000});
    put("pem", lasting.certificate);
    put("key", lasting.key);
    CHECK(load_tls_identity(root / "pem", root / "key", system_time().wall()));
  }
}

TEST_CASE_METHOD(certificate_fixture, "what is wrong with a certificate's key is said",
                 "[certificate]") {
  SECTION("open to others") {
    fs::permissions(root / "key", fs::perms::group_read, fs::perm_options::add);
    CHECK_THAT(refusal(), Contains("others can read the key") && Contains("chmod 600"));
  }
  SECTION("locked with a passphrase") {
    put("key", locked_key(pair));
    CHECK_THAT(refusal(), Contains("passphrase") && Contains("openssl pkey"));
  }
  SECTION("not PEM") {
    put("key", "nonsense");
    CHECK_THAT(refusal(), Contains("no key in PEM form"));
  }
  SECTION("another certificate's") {
    put("key", ca.issue().key);
    CHECK_THAT(refusal(), Contains("does not belong to the first certificate"));
  }
  SECTION("of the second certificate") {
    put("pem", ca.certificate() + pair.certificate);
    CHECK_THAT(refusal(), Contains("does not belong to the first certificate"));
  }
}

TEST_CASE_METHOD(certificate_fixture, "of a bundle of CAs one at least is good", "[certificate]") {
  const auto now = system_time().wall();
  const auto old = ca.issue({.valid_from = -48h, .valid_until = -1h}).certificate;
  const auto both = load_tls_ca(put("ca", old + ca.certificate()), now);
  REQUIRE(both);
  CHECK(*both == old + ca.certificate());
  CHECK_THAT(load_tls_ca(put("ca", old), now).error().message, Contains("has expired"));
  CHECK_THAT(load_tls_ca(put("ca", ""), now).error().message, Contains("no certificate"));
  CHECK_FALSE(load_tls_ca(root / "nowhere", now));
}

TEST_CASE_METHOD(certificate_fixture, "a configuration's mistakes in TLS have their lines",
                 "[certificate]") {
  const auto certificate = line("tls_certificate", "pem");
  const auto key = line("tls_key", "key");
  CHECK(mistakes(certificate + key) == "");
  CHECK_THAT(mistakes(certificate), Catch::StartsWith("6: [site] tls_key is missing"));
  CHECK_THAT(mistakes(key), Catch::StartsWith("6: [site] tls_certificate is missing"));
  CHECK_THAT(mistakes(key + line("tls_certificate", "key")),
             Catch::StartsWith("7: [site] tls_certificate, tls_key: ") && Contains("PEM"));
  CHECK_THAT(mistakes("tls_key = \"key\"\n" + certificate), Contains("relative path"));

  put("ca", ca.certificate());
  CHECK(mistakes("", "https://127.0.0.1:1", line("tls_ca", "ca")) == "");
  CHECK(mistakes("", "https://127.0.0.1:1") == "");
  CHECK_THAT(mistakes("", "http://127.0.0.1:1", line("tls_ca", "ca")),
             Catch::StartsWith("8: [primary] tls_ca is for an address that begins with https://"));
  CHECK_THAT(mistakes("", "https://127.0.0.1:1", line("tls_ca", "secret")),
             Catch::StartsWith("8: [primary] tls_ca: ") && Contains("PEM"));
}
