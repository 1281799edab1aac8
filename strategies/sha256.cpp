#include "strategies/sha256.hpp"

#include <new>

#include <openssl/evp.h>

namespace farshore {

namespace {

/// Fetched once: EVP_sha256() would look the algorithm up again for every file.
const EVP_MD* algorithm() {
  static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return fetched;
}

/// OpenSSL fails here only without memory.
void demand(int done) {
  if (done != 1)
    throw std::bad_alloc{};
}

} // namespace

void sha256::free_context::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

sha256::sha256() : context_{EVP_MD_CTX_new()} {
  demand(context_ ? EVP_DigestInit_ex2(context_.get(), algorithm(), nullptr) : 0);
}

sha256::sha256(sha256&&) noexcept = default;
sha256& sha256::operator=(sha256&&) noexcept = default;
sha256::~sha256() = default;

void sha256::update(std::span<const std::byte> bytes) {
  demand(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
}

checksum sha256::value() const {
  std::unique_ptr<EVP_MD_CTX, free_context> copy{EVP_MD_CTX_new()};
  demand(copy ? EVP_MD_CTX_copy_ex(copy.get(), context_.get()) : 0);
  checksum sum;
  demand(EVP_DigestFinal_ex(copy.get(), sum.data(), nullptr));
  return sum;
}

} // namespace farshore
