#include "node/site_tls.hpp"

#include "config/clock.hpp"

namespace farshore {

result<tls_context> load_server_tls(const config& settings) {
  if (settings.tls_certificate.empty())
    return tls_context{};
  return load_tls_identity(settings.tls_certificate, settings.tls_key, system_time().wall())
      .and_then(make_server_tls);
}

result<tls_context> load_primary_tls(const config& settings) {
  if (!settings.primary_url.starts_with("https://"))
    return tls_context{};
  if (settings.primary_tls_ca.empty())
    return make_client_tls({});
  return load_tls_ca(settings.primary_tls_ca, system_time().wall()).and_then(make_client_tls);
}

} // namespace farshore
