// The node's one port: a listener, a session for each connection, and the thread that they run on.
//
// Every request is authenticated before anything else is done with it (public routes excepted), and
// everything is bounded: header 16 KiB, body 1 MiB, sessions, and the time of each read and write.

#pragma once

#include "config/clock.hpp"
#include "config/error.hpp"
#include "net/page_sessions.hpp"
#include "net/router.hpp"
#include "net/tls.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace farshore {

struct http_server_settings {
  /// host:port; port 0 takes a free one.
  std::string listen;
  /// Whose API it is: the one site, by name, whose signature and whose tokens open that.
  std::string site{};
  /// Who is signed in to the page; null: only this server knows.
  std::shared_ptr<page_sessions> page{};
  std::size_t sessions_max = 1024;
  /// Of these, at most so many of one site.
  std::size_t sessions_of_site_max = 192;
  /// Of these, at most so many of readers, all together.
  std::size_t sessions_of_readers_max = 640;
  /// Of these, at most so many of people with a token, all together.
  std::size_t sessions_of_people_max = 256;
  /// Runs on the server's thread until the server stops, which cancels what it waits for.
  std::function<boost::asio::awaitable<void>()> background{};
  /// For each read and each write, and between two requests.
  std::chrono::milliseconds patience{60'000};
  /// For each part of a streamed answer that the other side takes: a reader that caps its bandwidth
  /// may take nothing for minutes.
  std::chrono::milliseconds stream_patience{600'000};
  /// How long stop() lets running requests go on.
  std::chrono::milliseconds grace{5'000};
  const time_source* time = &system_time();
  /// Null: plain HTTP. Else TLS, and nothing but TLS.
  tls_context tls{};
};

/// Thread-safe.
class http_server {
public:
  /// Listens and serves from now on. Fails with ec::invalid_config where it can't listen there.
  static result<std::unique_ptr<http_server>> start(http_server_settings settings, router routes,
                                                    std::vector<std::string> secrets);
  ~http_server();

  /// host:port as it is listened on.
  [[nodiscard]] const std::string& address() const;

  /// The secrets that count from now on; two during a rotation.
  void set_secrets(std::vector<std::string> secrets);

  /// What connections begin with from now on; null: plain HTTP. Those that are there go on.
  void set_tls(tls_context tls);

  /// Accepts nothing more, lets running requests finish within the grace, closes what is left, and
  /// returns when all of it has ended. May be called again.
  void stop();

private:
  struct impl;
  explicit http_server(std::unique_ptr<impl> parts);
  std::unique_ptr<impl> impl_;
};

} // namespace farshore
