// A site's TLS, from the files that its configuration names.

#pragma once

#include "config/config.hpp"
#include "net/tls.hpp"

namespace farshore {

/// What the node's port shows; null where the site has no certificate. Fails with
/// ec::invalid_config.
result<tls_context> load_server_tls(const config& settings);

/// Whom a secondary trusts to be its primary; null where that is asked by plain HTTP. Fails with
/// ec::invalid_config.
result<tls_context> load_primary_tls(const config& settings);

} // namespace farshore
