// Certificates for tests, made when they are needed: a CA of one's own, and what it signs.
//
// Throws std::runtime_error where OpenSSL fails.

#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace farshore::test {

/// A certificate and its key, PEM.
struct certified {
  std::string certificate;
  std::string key;
};

struct certificate_wish {
  /// "IP:127.0.0.1", "DNS:harbour.example.com".
  std::vector<std::string> names{"IP:127.0.0.1"};
  std::chrono::hours valid_from{-1};
  std::chrono::hours valid_until{24};
};

class certificate_authority {
public:
  explicit certificate_authority(const std::string& name = "Test CA");
  ~certificate_authority();
  certificate_authority(const certificate_authority&) = delete;
  certificate_authority& operator=(const certificate_authority&) = delete;

  /// The CA's own certificate, PEM.
  [[nodiscard]] const std::string& certificate() const;
  [[nodiscard]] certified issue(const certificate_wish& wish = {}) const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

/// The key of `pair`, locked with a passphrase.
std::string locked_key(const certified& pair);

/// Writes a file whose content changes as a whole; 0600.
void write_private(const std::filesystem::path& file, const std::string& content);

} // namespace farshore::test
