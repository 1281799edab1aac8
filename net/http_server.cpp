#include "net/http_server.hpp"

#include "config/values.hpp"
#include "net/http_error.hpp"
#include "net/http_session.hpp"
#include "net/io_thread.hpp"

#include <set>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <spdlog/spdlog.h>

namespace farshore {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr auto as_values = asio::as_tuple(asio::use_awaitable);

tl::unexpected<error> cannot_listen(const std::string& where, const std::string& why) {
  return fail(ec::invalid_config, "can't listen on " + where + ": " + why +
                                      "; choose another address in [site] listen, or end what "
                                      "listens there");
}

result<tcp::acceptor> open_acceptor(asio::io_context& context, const std::string& listen) {
  const auto where = parse_endpoint(listen);
  if (!where)
    return cannot_listen(listen, "it is not host:port");
  boost::system::error_code failed;
  tcp::resolver resolver{context};
  const auto found =
      resolver.resolve(where->host, std::to_string(where->port), tcp::resolver::passive, failed);
  if (failed || found.empty())
    return cannot_listen(listen, failed.message());
  const tcp::endpoint endpoint = found.begin()->endpoint();
  tcp::acceptor acceptor{context};
  acceptor.open(endpoint.protocol(), failed);
  if (!failed)
    acceptor.set_option(asio::socket_base::reuse_address{true}, failed);
  if (!failed)
    acceptor.bind(endpoint, failed);
  if (!failed)
    acceptor.listen(asio::socket_base::max_listen_connections, failed);
  if (failed)
    return cannot_listen(listen, failed.message());
  return acceptor;
}

} // namespace

struct http_server::impl {
  impl(http_server_settings given, router routes, std::vector<std::string> secrets)
      : settings{std::move(given)} {
    context.routes = std::move(routes);
    context.keys = {settings.site, std::move(secrets)};
    context.page = settings.page ? settings.page : std::make_shared<page_sessions>(settings.site);
    context.time = settings.time;
    context.patience = settings.patience;
    context.tls = settings.tls;
    context.stream_patience = settings.stream_patience;
    context.sessions_of_site_max = settings.sessions_of_site_max;
    context.sessions_of_readers_max = settings.sessions_of_readers_max;
    context.sessions_of_people_max = settings.sessions_of_people_max;
  }

  asio::awaitable<void> accept();
  void turn_away(tcp::socket socket);
  void begin_session(tcp::socket socket);
  void begin_stop();
  void close_all() {
    for (auto* session : sessions)
      session->close();
  }

  http_server_settings settings;
  std::string address;
  session_context context;
  // Used on the thread only, from here on.
  std::set<http_session*> sessions;
  io_thread thread;
  tcp::acceptor acceptor{thread.context()};
  asio::steady_timer grace{thread.context()};
  asio::cancellation_signal end_background;
};

asio::awaitable<void> http_server::impl::accept() {
  while (!context.stopping) {
    auto [failed, socket] = co_await acceptor.async_accept(as_values);
    if (context.stopping)
      break;
    if (failed) {
      // Out of file descriptors, most likely: sessions that end give some back.
      spdlog::warn("can't accept a connection on {}: {}", address, failed.message());
      asio::steady_timer pause{thread.context(), std::chrono::milliseconds{200}};
      co_await pause.async_wait(as_values);
    } else if (sessions.size() >= settings.sessions_max) {
      turn_away(std::move(socket));
    } else {
      begin_session(std::move(socket));
    }
  }
}

void http_server::impl::turn_away(tcp::socket socket) {
  if (context.tls) // a sentence would need a handshake first
    return;
  const auto answer = error_answer({ec::overloaded, "this node has all the connections that it "
                                                    "takes; try again later"});
  const std::string text = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                           "Connection: close\r\n" +
                           std::string{wire_header} + ": " + std::to_string(wire_oldest) +
                           "\r\nContent-Length: " + std::to_string(answer.body.size()) +
                           "\r\n\r\n" + answer.body;
  // Never waits: a socket that was just accepted has room for this much.
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(text), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

void http_server::impl::begin_session(tcp::socket socket) {
  auto session = std::make_unique<http_session>(std::move(socket), context);
  auto* const raw = session.get();
  sessions.insert(raw);
  asio::co_spawn(thread.context(), raw->run(),
                 [this, session = std::move(session)](std::exception_ptr) {
                   sessions.erase(session.get());
                   if (context.stopping && sessions.empty())
                     grace.cancel();
                 });
}

void http_server::impl::begin_stop() {
  boost::system::error_code ignored;
  acceptor.close(ignored);
  end_background.emit(asio::cancellation_type::all);
  for (auto* session : sessions)
    if (session->idle())
      session->close();
  if (sessions.empty())
    return;
  grace.expires_after(settings.grace);
  grace.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled)
      close_all();
  });
}

result<std::unique_ptr<http_server>>
http_server::start(http_server_settings settings, router routes, std::vector<std::string> secrets) {
  auto parts = std::make_unique<impl>(std::move(settings), std::move(routes), std::move(secrets));
  auto acceptor = open_acceptor(parts->thread.context(), parts->settings.listen);
  if (!acceptor)
    return fail(std::move(acceptor).error());
  parts->acceptor = std::move(*acceptor);
  boost::system::error_code failed;
  const auto bound = parts->acceptor.local_endpoint(failed);
  parts->address = to_string(endpoint{bound.address().to_string(), bound.port()});
  asio::co_spawn(parts->thread.context(), parts->accept(), asio::detached);
  if (parts->settings.background)
    asio::co_spawn(parts->thread.context(), parts->settings.background(),
                   asio::bind_cancellation_slot(parts->end_background.slot(), asio::detached));
  return std::unique_ptr<http_server>{new http_server{std::move(parts)}};
}

http_server::http_server(std::unique_ptr<impl> parts) : impl_{std::move(parts)} {}

http_server::~http_server() {
  stop();
}

const std::string& http_server::address() const {
  return impl_->address;
}

void http_server::set_secrets(std::vector<std::string> secrets) {
  asio::post(impl_->thread.context(), [parts = impl_.get(), fresh = std::move(secrets)]() mutable {
    parts->context.keys.secrets = std::move(fresh);
  });
}

void http_server::set_tls(tls_context tls) {
  asio::post(impl_->thread.context(), [parts = impl_.get(), fresh = std::move(tls)]() mutable {
    parts->context.tls = std::move(fresh);
  });
}

void http_server::stop() {
  if (!impl_->context.stopping.exchange(true))
    asio::post(impl_->thread.context(), [parts = impl_.get()] { parts->begin_stop(); });
  impl_->thread.join();
}

} // namespace farshore
