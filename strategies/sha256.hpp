// SHA-256 of bytes that arrive piece by piece.

#pragma once

#include "config/ids.hpp"

#include <cstddef>
#include <memory>
#include <span>

struct evp_md_ctx_st;

namespace farshore {

/// Used by one thread at a time.
class sha256 {
public:
  sha256();
  sha256(sha256&&) noexcept;
  sha256& operator=(sha256&&) noexcept;
  ~sha256();

  void update(std::span<const std::byte> bytes);
  /// Of the bytes so far; more may follow.
  [[nodiscard]] checksum value() const;

private:
  struct free_context {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, free_context> context_;
};

} // namespace farshore
