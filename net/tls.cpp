#include "net/tls.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace farshore {

namespace {

namespace ssl = boost::asio::ssl;

tl::unexpected<error> unusable(const std::string& what, const boost::system::error_code& why) {
  return fail(ec::invalid_config, what + " can't be used for TLS: " + why.message());
}

std::shared_ptr<ssl::context> make_context(ssl::context::method role) {
  auto context = std::make_shared<ssl::context>(role);
  auto* const raw = context->native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  // Nobody resumes: connections are few, and long.
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  return context;
}

struct pinned {
  ~pinned() { X509_free(certificate); }
  X509* certificate = nullptr;
  std::shared_ptr<ssl::context> context;
};

/// Stands in for OpenSSL's own verification.
int is_pinned(X509_STORE_CTX* shown, void* expected) {
  if (X509_cmp(X509_STORE_CTX_get0_cert(shown), static_cast<X509*>(expected)) == 0)
    return 1;
  X509_STORE_CTX_set_error(shown, X509_V_ERR_CERT_REJECTED);
  return 0;
}

} // namespace

result<tls_context> make_server_tls(const tls_identity& identity) {
  auto context = make_context(ssl::context::tls_server);
  boost::system::error_code failed;
  context->use_certificate_chain(boost::asio::buffer(identity.certificate), failed);
  if (failed)
    return unusable("the certificate", failed);
  context->use_private_key(boost::asio::buffer(identity.key), ssl::context::pem, failed);
  if (failed)
    return unusable("the certificate's key", failed);
  return context;
}

result<tls_context> make_client_tls(const std::string& ca) {
  auto context = make_context(ssl::context::tls_client);
  boost::system::error_code failed;
  context->set_verify_mode(ssl::verify_peer, failed);
  if (!failed && ca.empty())
    context->set_default_verify_paths(failed);
  else if (!failed)
    context->add_certificate_authority(boost::asio::buffer(ca), failed);
  if (failed)
    return unusable(ca.empty() ? "the system's CAs" : "the CA", failed);
  return context;
}

result<tls_context> make_pinned_tls(const std::string& certificate) {
  auto parts = std::make_shared<pinned>();
  parts->context = make_context(ssl::context::tls_client);
  auto* const from = BIO_new_mem_buf(certificate.data(), static_cast<int>(certificate.size()));
  parts->certificate = PEM_read_bio_X509(from, nullptr, nullptr, nullptr);
  BIO_free(from);
  if (!parts->certificate)
    return fail(ec::invalid_config, "the certificate is not PEM");
  boost::system::error_code failed;
  parts->context->set_verify_mode(ssl::verify_peer, failed);
  if (failed)
    return unusable("the certificate", failed);
  SSL_CTX_set_cert_verify_callback(parts->context->native_handle(), is_pinned, parts->certificate);
  auto* const context = parts->context.get();
  return tls_context{std::move(parts), context};
}

} // namespace farshore
