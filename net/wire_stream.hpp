// The bytes of one connection, plain or over TLS.
//
// Satisfies Beast's AsyncStream, so that sessions and clients are written, and compiled, once for
// both. Time-outs are those of the TCP stream beneath: expires_after() holds for whatever is asked
// of this one until it is set again. Used on one thread.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

namespace farshore {

/// Why a client's handshake failed.
struct tls_failure {
  enum class kind {
    /// What answers there speaks no TLS.
    no_tls,
    /// No CA that is trusted has signed the certificate.
    untrusted,
    /// The certificate, or its CA's, has expired or is not valid yet.
    not_now,
    /// The certificate is for other names than the one that was asked for.
    wrong_name,
    /// It is not the one certificate that is expected (make_pinned_tls).
    other_certificate,
    timeout,
    other,
  };
  kind what = kind::other;
  /// The names of the certificate, its issuer, or what the library says.
  std::string detail;
};

/// A sentence for the operator of a site whose primary at `url` is `host`.
std::string explain(const tls_failure& failure, const std::string& url, const std::string& host);

class wire_stream {
public:
  using executor_type = boost::beast::tcp_stream::executor_type;

  explicit wire_stream(boost::asio::io_context& context) : tcp_{context} {}
  explicit wire_stream(boost::asio::ip::tcp::socket socket) : tcp_{std::move(socket)} {}

  executor_type get_executor() { return tcp_.get_executor(); }
  template <class Duration>
  void expires_after(Duration patience) {
    tcp_.expires_after(patience);
  }
  /// What lies beneath: for connecting, and for bytes that are not TLS.
  boost::beast::tcp_stream& tcp() { return tcp_; }

  /// TLS as a server; `begun` are the bytes that were read already. Returns how many of them were
  /// used: what is left was sent behind the handshake.
  boost::asio::awaitable<std::pair<boost::beast::error_code, std::size_t>>
  accept_tls(boost::asio::ssl::context& with, boost::asio::const_buffer begun);

  /// TLS as a client of `host`, a name or an address that the certificate must be for, unless
  /// `with` expects one certificate. Nothing where it succeeded.
  boost::asio::awaitable<std::optional<tls_failure>> connect_tls(boost::asio::ssl::context& with,
                                                                 const std::string& host);

  /// Some bytes are there: reading would not wait for the other side to say more.
  [[nodiscard]] bool has_bytes();

  /// Ends what is under way.
  void close() { tcp_.close(); }
  /// Before a new connection is made; nothing may be under way.
  void make_plain() { tls_.reset(); }

  template <class Token>
  using moved_by = BOOST_ASIO_INITFN_RESULT_TYPE(Token,
                                                 void(boost::beast::error_code, std::size_t));

  // The result types are written out: Beast looks for these members with stand-ins for which the
  // bodies would not compile.

  template <class Buffers, class Token>
  moved_by<Token> async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::beast::error_code, std::size_t)>(
        [this](auto handler, const Buffers& into) {
          if (tls_)
            tls_->async_read_some(into, std::move(handler));
          else
            tcp_.async_read_some(into, std::move(handler));
        },
        token, buffers);
  }

  template <class Buffers, class Token>
  moved_by<Token> async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::beast::error_code, std::size_t)>(
        [this](auto handler, const Buffers& from) {
          if (tls_)
            tls_->async_write_some(from, std::move(handler));
          else
            tcp_.async_write_some(from, std::move(handler));
        },
        token, buffers);
  }

private:
  boost::beast::tcp_stream tcp_;
  std::optional<boost::beast::ssl_stream<boost::beast::tcp_stream&>> tls_;
};

} // namespace farshore
