#include "net/wire_stream.hpp"

#include <algorithm>
#include <cstring>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/verify_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace farshore {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t shown_bytes_max = 200;

/// From the other side's certificate, and shown to an operator.
std::string shown(const unsigned char* text, int length) {
  std::string out;
  for (int i = 0; i < length; ++i)
    out += text[i] >= ' ' && text[i] <= '~' ? static_cast<char>(text[i]) : '?';
  return out;
}

/// What the certificate is for: its names and addresses.
std::string names_of(X509* certificate) {
  auto* const names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  std::string out;
  for (int i = 0; i < sk_GENERAL_NAME_num(names) && out.size() < shown_bytes_max; ++i) {
    const auto* name = sk_GENERAL_NAME_value(names, i);
    std::string one;
    if (name->type == GEN_DNS)
      one = shown(ASN1_STRING_get0_data(name->d.dNSName), ASN1_STRING_length(name->d.dNSName));
    if (name->type == GEN_IPADD) {
      const auto* bytes = ASN1_STRING_get0_data(name->d.iPAddress);
      if (ASN1_STRING_length(name->d.iPAddress) == 4) {
        asio::ip::address_v4::bytes_type v4;
        std::copy_n(bytes, v4.size(), v4.begin());
        one = asio::ip::address_v4{v4}.to_string();
      } else if (ASN1_STRING_length(name->d.iPAddress) == 16) {
        asio::ip::address_v6::bytes_type v6;
        std::copy_n(bytes, v6.size(), v6.begin());
        one = asio::ip::address_v6{v6}.to_string();
      }
    }
    if (!one.empty())
      out += (out.empty() ? "" : ", ") + one;
  }
  GENERAL_NAMES_free(names);
  return out.empty() ? "no name at all" : out;
}

std::string issuer_of(X509* certificate) {
  char text[shown_bytes_max] = {};
  X509_NAME_oneline(X509_get_issuer_name(certificate), text, sizeof text);
  return shown(reinterpret_cast<const unsigned char*>(text), static_cast<int>(std::strlen(text)));
}

/// Of the first certificate in the chain that does not pass.
tls_failure refusal(X509_STORE_CTX* checked) {
  using enum tls_failure::kind;
  auto* const certificate = X509_STORE_CTX_get_current_cert(checked);
  switch (const int why = X509_STORE_CTX_get_error(checked)) {
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
  case X509_V_ERR_CERT_UNTRUSTED:
  case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    return {untrusted, certificate ? issuer_of(certificate) : ""};
  case X509_V_ERR_CERT_HAS_EXPIRED:
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return {not_now, X509_verify_cert_error_string(why)};
  case X509_V_ERR_HOSTNAME_MISMATCH:
  case X509_V_ERR_IP_ADDRESS_MISMATCH:
    return {wrong_name, certificate ? names_of(certificate) : ""};
  default:
    return {other, X509_verify_cert_error_string(why)};
  }
}

tls_failure failure_of(beast::error_code failed) {
  using enum tls_failure::kind;
  if (failed == beast::error::timeout)
    return {timeout, failed.message()};
  if (failed == asio::error::eof || failed == asio::error::connection_reset ||
      failed == asio::error::broken_pipe || failed == asio::ssl::error::stream_truncated)
    return {other, "the other side closed the connection"};
  if (failed.category() == asio::error::get_ssl_category())
    switch (ERR_GET_REASON(static_cast<unsigned long>(failed.value()))) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
      return {no_tls, failed.message()};
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      // Any other refusal was explained by the certificate that is to blame.
      return {other_certificate, {}};
    default:
      break;
    }
  return {other, failed.message()};
}

/// False where OpenSSL has no memory, or `host` is none.
bool expect_host(SSL* session, const std::string& host) {
  auto* const wanted = SSL_get0_param(session);
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                              X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  beast::error_code is_name;
  asio::ip::make_address(host, is_name);
  if (!is_name)
    return X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1;
  return SSL_set_tlsext_host_name(session, host.c_str()) == 1 &&
         X509_VERIFY_PARAM_set1_host(wanted, host.data(), host.size()) == 1;
}

} // namespace

std::string explain(const tls_failure& failure, const std::string& url, const std::string& host) {
  using enum tls_failure::kind;
  switch (failure.what) {
  case no_tls:
    return "no TLS is spoken at " + url +
           ": write http:// into [primary] url, or give the primary a certificate "
           "([site] tls_certificate)";
  case untrusted:
    return "the certificate of the primary at " + url +
           " is signed by nobody that this site trusts (" + failure.detail +
           "): write the file of its CA into [primary] tls_ca";
  case not_now:
    return "the primary at " + url + " shows a certificate that can't be used: " + failure.detail +
           "; renew it, or set the clocks (NTP)";
  case wrong_name:
    return "the certificate of the primary at " + url + " is for " + failure.detail + ", not for " +
           host +
           ": write a name that it is for into [primary] url, or make the certificate for this one";
  case timeout:
    return "the TLS handshake with " + url + " took too long";
  case other_certificate:
  case other:
    break;
  }
  return "the TLS handshake with " + url + " failed: " + failure.detail;
}

asio::awaitable<std::pair<beast::error_code, std::size_t>>
wire_stream::accept_tls(asio::ssl::context& with, asio::const_buffer begun) {
  tls_.emplace(tcp_, with);
  auto [failed, used] =
      co_await tls_->async_handshake(asio::ssl::stream_base::server, begun, as_values);
  co_return std::pair{failed, used};
}

asio::awaitable<std::optional<tls_failure>> wire_stream::connect_tls(asio::ssl::context& with,
                                                                     const std::string& host) {
  tls_.emplace(tcp_, with);
  std::optional<tls_failure> refused;
  if (!expect_host(tls_->native_handle(), host)) {
    refused = {tls_failure::kind::other, "\"" + host + "\" is no host name"};
    co_return refused;
  }
  tls_->set_verify_callback([&refused](bool good, asio::ssl::verify_context& checked) {
    if (!good && !refused)
      refused = refusal(checked.native_handle());
    return good;
  });
  auto [failed] = co_await tls_->async_handshake(asio::ssl::stream_base::client, as_values);
  if (failed && !refused)
    refused = failure_of(failed);
  co_return refused;
}

bool wire_stream::has_bytes() {
  if (tls_ && SSL_pending(tls_->native_handle()) > 0)
    return true;
  beast::error_code ignored;
  return tcp_.socket().available(ignored) > 0;
}

} // namespace farshore
