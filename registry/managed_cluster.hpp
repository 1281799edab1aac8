// A private PostgreSQL that lives and dies with the node: its files in a folder of the node's, on a
// unix socket only.
//
// Start and stop it from the process's main thread: PostgreSQL is asked to end when the *thread*
// that forked it ends (PR_SET_PDEATHSIG), also after a kill -9.

#pragma once

#include "config/error.hpp"

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

namespace farshore {

class server_process;

class managed_cluster {
public:
  /// Creates the cluster in `folder` on first use, starts it, waits until it answers (crash
  /// recovery included, up to `deadline`), and makes the database "farshore". As root it runs as
  /// user "postgres", also where only root can reach `folder`. A server that a killed node left
  /// behind is waited for. Fails with ec::database_unavailable and the end of PostgreSQL's own log.
  static result<std::unique_ptr<managed_cluster>>
  start(const std::filesystem::path& folder,
        std::chrono::seconds deadline = std::chrono::seconds{60});

  /// Fast shutdown, waited for.
  ~managed_cluster();
  managed_cluster(const managed_cluster&) = delete;
  managed_cluster& operator=(const managed_cluster&) = delete;

  /// postgresql:// URL of the database "farshore", by the unix socket.
  [[nodiscard]] const std::string& url() const { return url_; }

  /// The URL that a cluster in `folder` has while it runs, without starting it.
  static std::string url_of(const std::filesystem::path& folder);

  [[nodiscard]] int pid() const;

  /// False once PostgreSQL has ended, e.g. because somebody killed it.
  [[nodiscard]] bool running();

private:
  managed_cluster(std::string url, std::unique_ptr<server_process> server);

  std::string url_;
  std::unique_ptr<server_process> server_;
};

} // namespace farshore
