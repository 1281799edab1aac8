#include "tests/support/certificates.hpp"

#include <fstream>
#include <random>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace farshore::test {

namespace {

template <auto Free>
struct free_with {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using key_ptr = std::unique_ptr<EVP_PKEY, free_with<EVP_PKEY_free>>;
using x509_ptr = std::unique_ptr<X509, free_with<X509_free>>;
using bio_ptr = std::unique_ptr<BIO, free_with<BIO_free>>;

void demand(bool good) {
  if (!good)
    throw std::runtime_error{"OpenSSL fails to make a certificate"};
}

std::string text_of(const bio_ptr& written) {
  char* bytes = nullptr;
  const auto length = BIO_get_mem_data(written.get(), &bytes);
  return {bytes, static_cast<std::size_t>(length)};
}

std::string to_pem(X509* certificate) {
  const bio_ptr to{BIO_new(BIO_s_mem())};
  demand(PEM_write_bio_X509(to.get(), certificate) == 1);
  return text_of(to);
}

std::string to_pem(EVP_PKEY* key, const char* passphrase = nullptr) {
  const bio_ptr to{BIO_new(BIO_s_mem())};
  demand(PEM_write_bio_PKCS8PrivateKey(
             to.get(), key, passphrase ? EVP_aes_256_cbc() : nullptr, passphrase,
             passphrase ? static_cast<int>(std::string{passphrase}.size()) : 0, nullptr,
             nullptr) == 1);
  return text_of(to);
}

void add_extension(X509* to, X509* issuer, int which, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  auto* const extension = X509V3_EXT_conf_nid(nullptr, &context, which, value.c_str());
  demand(extension && X509_add_ext(to, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

x509_ptr blank(EVP_PKEY* key, const std::string& name, std::chrono::hours from,
               std::chrono::hours until) {
  static std::random_device random;
  x509_ptr made{X509_new()};
  demand(X509_set_version(made.get(), 2) == 1);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), random());
  X509_gmtime_adj(X509_getm_notBefore(made.get()), std::chrono::seconds{from}.count());
  X509_gmtime_adj(X509_getm_notAfter(made.get()), std::chrono::seconds{until}.count());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  demand(X509_set_pubkey(made.get(), key) == 1);
  return made;
}

} // namespace

struct certificate_authority::impl {
  key_ptr key{EVP_EC_gen("P-256")};
  x509_ptr certificate;
  std::string pem;
};

certificate_authority::certificate_authority(const std::string& name)
    : impl_{std::make_unique<impl>()} {
  auto& own = impl_->certificate;
  own = blank(impl_->key.get(), name, std::chrono::hours{-1}, std::chrono::hours{24});
  demand(X509_set_issuer_name(own.get(), X509_get_subject_name(own.get())) == 1);
  add_extension(own.get(), own.get(), NID_basic_constraints, "critical,CA:TRUE");
  add_extension(own.get(), own.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  demand(X509_sign(own.get(), impl_->key.get(), EVP_sha256()) > 0);
  impl_->pem = to_pem(own.get());
}

certificate_authority::~certificate_authority() = default;

const std::string& certificate_authority::certificate() const {
  return impl_->pem;
}

certified certificate_authority::issue(const certificate_wish& wish) const {
  const key_ptr key{EVP_EC_gen("P-256")};
  const auto made = blank(key.get(), "a node", wish.valid_from, wish.valid_until);
  auto* const issuer = impl_->certificate.get();
  demand(X509_set_issuer_name(made.get(), X509_get_subject_name(issuer)) == 1);
  std::string names;
  for (const auto& name : wish.names)
    names += (names.empty() ? "" : ",") + name;
  if (!names.empty())
    add_extension(made.get(), issuer, NID_subject_alt_name, names);
  demand(X509_sign(made.get(), impl_->key.get(), EVP_sha256()) > 0);
  return {to_pem(made.get()), to_pem(key.get())};
}

std::string locked_key(const certified& pair) {
  const bio_ptr from{BIO_new_mem_buf(pair.key.data(), static_cast<int>(pair.key.size()))};
  const key_ptr key{PEM_read_bio_PrivateKey(from.get(), nullptr, nullptr, nullptr)};
  demand(key != nullptr);
  return to_pem(key.get(), "passphrase");
}

void write_private(const std::filesystem::path& file, const std::string& content) {
  auto beside = file;
  beside += ".new";
  std::ofstream{beside, std::ios::binary} << content;
  std::filesystem::permissions(beside, std::filesystem::perms::owner_read |
                                           std::filesystem::perms::owner_write);
  std::filesystem::rename(beside, file);
}

} // namespace farshore::test
