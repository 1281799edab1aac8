#include "config/certificate.hpp"

#include "config/small_file.hpp"

#include <ctime>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace farshore {

namespace fs = std::filesystem;

namespace {

/// The system's bundle of CAs has some 200 KiB.
constexpr std::size_t certificate_bytes_max = 1u << 20;
constexpr std::size_t key_bytes_max = 64u << 10;

template <auto Free>
struct free_with {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using bio_ptr = std::unique_ptr<BIO, free_with<BIO_free>>;
using x509_ptr = std::unique_ptr<X509, free_with<X509_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, free_with<EVP_PKEY_free>>;

bio_ptr reading(const std::string& bytes) {
  return bio_ptr{BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))};
}

/// OpenSSL would ask for a passphrase on the terminal.
int no_passphrase(char*, int, int, void* was_asked) {
  *static_cast<bool*>(was_asked) = true;
  return -1;
}

/// "2027-01-15T08:00:00Z". Certificates may name years beyond wall_time's range.
std::string shown(const ASN1_TIME* time) {
  std::tm parts{};
  char text[32] = "a time that can't be read";
  if (ASN1_TIME_to_tm(time, &parts) == 1)
    std::strftime(text, sizeof text, "%FT%TZ", &parts);
  return text;
}

result<void> check_validity(const X509* certificate, const fs::path& file, wall_time now) {
  auto here = std::chrono::system_clock::to_time_t(now);
  const auto* from = X509_get0_notBefore(certificate);
  const auto* until = X509_get0_notAfter(certificate);
  // Below 0 for earlier ones, 0 for an error.
  if (X509_cmp_time(until, &here) <= 0)
    return fail(ec::invalid_config,
                fmt::format("the certificate in \"{}\" has expired at {}; renew it", file.string(),
                            shown(until)));
  if (X509_cmp_time(from, &here) >= 0)
    return fail(ec::invalid_config,
                fmt::format("the certificate in \"{}\" is not valid before {}, and this machine's "
                            "clock says {}; set the clock (NTP), or make the certificate anew",
                            file.string(), shown(from), to_rfc3339(now)));
  return {};
}

tl::unexpected<error> not_pem(const fs::path& file, std::string_view what) {
  return fail(ec::invalid_config,
              fmt::format("\"{}\" holds no {} in PEM form (a block that begins with "
                          "-----BEGIN {}-----); `openssl` converts other forms",
                          file.string(), what,
                          what == "certificate" ? "CERTIFICATE" : "PRIVATE KEY"));
}

/// At least one.
result<std::vector<x509_ptr>> parse_certificates(const std::string& pem, const fs::path& file) {
  const auto from = reading(pem);
  std::vector<x509_ptr> found;
  for (;;) {
    x509_ptr next{PEM_read_bio_X509(from.get(), nullptr, nullptr, nullptr)};
    if (!next) {
      const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
      ERR_clear_error();
      if (found.empty() || !at_end)
        return not_pem(file, "certificate");
      return found;
    }
    found.push_back(std::move(next));
  }
}

result<key_ptr> check_key(const std::string& pem, const fs::path& file) {
  bool has_passphrase = false;
  key_ptr key{PEM_read_bio_PrivateKey(reading(pem).get(), nullptr, no_passphrase, &has_passphrase)};
  ERR_clear_error();
  if (has_passphrase)
    return fail(
        ec::invalid_config,
        fmt::format("the key in \"{0}\" is locked with a passphrase, which a node can't ask "
                    "for; unlock it: openssl pkey -in {0} -out NEW_FILE",
                    file.string()));
  if (!key)
    return not_pem(file, "key");
  return key;
}

} // namespace

result<tls_identity> load_tls_identity(const fs::path& certificate, const fs::path& key,
                                       wall_time now) {
  auto chain = read_small_file(certificate, certificate_bytes_max);
  if (!chain)
    return fail(std::move(chain).error());
  const auto certificates = parse_certificates(chain->bytes, certificate);
  if (!certificates)
    return fail(certificates.error());
  for (const auto& one : *certificates)
    if (auto valid = check_validity(one.get(), certificate, now); !valid)
      return fail(std::move(valid).error());
  auto secret = read_small_file(key, key_bytes_max);
  if (!secret)
    return fail(std::move(secret).error());
  if (auto closed = check_private(*secret, key, "the key"); !closed)
    return fail(std::move(closed).error());
  const auto own = check_key(secret->bytes, key);
  if (!own)
    return fail(own.error());
  const bool fits = X509_check_private_key(certificates->front().get(), own->get()) == 1;
  ERR_clear_error();
  if (!fits)
    return fail(ec::invalid_config,
                fmt::format("the key in \"{}\" does not belong to the first certificate in \"{}\"; "
                            "the node's own certificate comes first, then those that signed it",
                            key.string(), certificate.string()));
  return tls_identity{std::move(chain->bytes), std::move(secret->bytes)};
}

result<std::string> load_tls_ca(const fs::path& file, wall_time now) {
  auto bundle = read_small_file(file, certificate_bytes_max);
  if (!bundle)
    return fail(std::move(bundle).error());
  const auto certificates = parse_certificates(bundle->bytes, file);
  if (!certificates)
    return fail(certificates.error());
  // Large bundles have old ones among them.
  result<void> valid;
  for (const auto& one : *certificates)
    if (valid = check_validity(one.get(), file, now); valid)
      return std::move(bundle->bytes);
  return fail(std::move(valid).error());
}

} // namespace farshore
