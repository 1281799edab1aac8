// Certificates and keys as files: PEM, read and checked before anything else sees them.

#pragma once

#include "config/error.hpp"
#include "config/ids.hpp"

#include <filesystem>
#include <string>

namespace farshore {

/// A site's certificate with what stands behind it in its chain, and its key; PEM.
struct tls_identity {
  std::string certificate;
  std::string key;
};

/// Reads both. Fails with ec::invalid_config where one can't be read, is not PEM, the key is open
/// to others or needs a passphrase, the certificate is not valid `now`, or they do not belong
/// together.
result<tls_identity> load_tls_identity(const std::filesystem::path& certificate,
                                       const std::filesystem::path& key, wall_time now);

/// Reads a bundle of CA certificates (PEM). Fails with ec::invalid_config where one of them can't
/// be read, or none is valid `now`.
result<std::string> load_tls_ca(const std::filesystem::path& file, wall_time now);

} // namespace farshore
