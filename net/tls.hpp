// What the two ends of a TLS connection need to know: who a server is, and whom a client trusts.
// TLS 1.2 and up. A context is made once, shared by connections, and replaced as a whole.

#pragma once

#include "config/certificate.hpp"
#include "config/error.hpp"

#include <memory>
#include <string>

namespace boost::asio::ssl {
class context;
}

namespace farshore {

using tls_context = std::shared_ptr<boost::asio::ssl::context>;

/// Fails with ec::invalid_config.
result<tls_context> make_server_tls(const tls_identity& identity);

/// Trusts the CAs of `ca`, or the system's where it is empty. Fails with ec::invalid_config.
result<tls_context> make_client_tls(const std::string& ca);

/// Trusts the first certificate of `certificate`, whatever its names and its CA, and no other: for
/// a client on the machine where the file lies. Fails with ec::invalid_config.
result<tls_context> make_pinned_tls(const std::string& certificate);

} // namespace farshore
