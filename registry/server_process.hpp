// Runs PostgreSQL's programs as children of this process, as a user that PostgreSQL accepts: it
// refuses root, so a node of root's runs it as user "postgres".
//
// A child gets SIGINT (PostgreSQL's fast shutdown) when the *thread* that started it ends, also by
// kill -9. It is in a session of its own, so that Ctrl-C reaches the node alone.

#pragma once

#include "config/error.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace farshore {

/// Who PostgreSQL runs as, and where its programs are.
struct server_account {
  uid_t uid = 0;
  gid_t gid = 0;
  /// User "postgres" stands in for root.
  bool substituted = false;
  /// Folder of initdb and postgres.
  std::filesystem::path programs;
};

/// Fails with ec::database_unavailable where PostgreSQL or its user is not installed.
result<server_account> find_server_account();

/// One started program. The owner waits for it: an unwaited child would stay a zombie whose number
/// PostgreSQL takes for a living server.
class server_process {
public:
  /// Starts `arguments[0]` of `account.programs`, with standard output and error appended to `log`.
  /// `data` is the folder that it must be able to reach.
  static result<server_process> start(const server_account& account,
                                      const std::vector<std::string>& arguments,
                                      const std::filesystem::path& data,
                                      const std::filesystem::path& log);

  server_process(server_process&& other) noexcept;
  server_process& operator=(server_process&&) = delete;
  /// Ends the program if it still runs: fast, after 30 s at once, at last by SIGKILL.
  ~server_process();

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// False once it has ended.
  [[nodiscard]] bool running();
  /// Waits up to `limit` for its end; its exit status (as of a shell), or nothing.
  std::optional<int> wait(std::chrono::milliseconds limit);

private:
  explicit server_process(pid_t pid) : pid_{pid} {}

  pid_t pid_ = -1;
  std::optional<int> status_;
};

/// The last lines of a log, at most `bytes`, from offset `from` on.
std::string log_tail(const std::filesystem::path& log, std::uintmax_t from,
                     std::size_t bytes = 1500);

} // namespace farshore
