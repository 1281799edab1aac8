// One run of git's own `upload-pack` on a repository's folder, for a coroutine that feeds it and
// takes what it says.
//
// It gets nothing of this process but PATH: no environment, no configuration but our own, no hook,
// no descriptor, no signal state; and what the repository's own configuration could make it run is
// shut off. It and all that it started end with this object.

#pragma once

#include "config/error.hpp"
#include "strategies/unique_fd.hpp"

#include <string>
#include <vector>

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace farshore {

/// A child that runs, before a thread has taken it over.
struct spawned_git {
  pid_t pid = -1;
  /// Its standard input and output. A socket: writing to a child that is gone is an error, and no
  /// signal.
  unique_fd conversation;
  /// Readable when it has ended.
  unique_fd life;
  /// What it complains of: at most 4 KiB.
  unique_fd complaints;
};

/// Runs `git upload-pack ARGUMENTS .` within `folder`. `protocol`: of the client, "" or as
/// is_git_protocol() has passed it. Blocks for about a millisecond. Any thread. Fails with
/// ec::internal and what is missing.
result<spawned_git> spawn_upload_pack(const unique_fd& folder, std::vector<std::string> arguments,
                                      const std::string& protocol);

/// A client's "Git-Protocol" that git may see: short, of [a-z0-9=:] only.
bool is_git_protocol(std::string_view text);
/// The client asks for version 2, or more.
bool wants_protocol_2(std::string_view protocol);

/// On the thread of `executor`.
class git_process {
public:
  git_process(boost::asio::any_io_executor executor, spawned_git child);
  ~git_process();
  git_process(const git_process&) = delete;
  git_process& operator=(const git_process&) = delete;

  boost::asio::local::stream_protocol::socket& conversation() { return conversation_; }
  /// At once, with all that it started.
  void kill();
  /// Waits for its end, however it comes. True: by itself, and it was content.
  boost::asio::awaitable<bool> end();
  /// What it said on its standard error, cut; on one line.
  [[nodiscard]] std::string complaint() const;

private:
  bool reap(int flags);

  pid_t pid_;
  boost::asio::local::stream_protocol::socket conversation_;
  boost::asio::posix::stream_descriptor life_;
  unique_fd complaints_;
  bool content_ = false;
};

} // namespace farshore
