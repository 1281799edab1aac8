// GET /git/TYPE/LOCATOR/info/refs and POST /git/TYPE/LOCATOR/git-upload-pack: the repositories of a
// site for git's own client, to read. Pushes are refused with a sentence that git shows.
//
// Thread-safe. Owns a thread on which it is looked up what may be served. Destroy it after the
// server that serves its routes has stopped.

#pragma once

#include "config/config.hpp"
#include "net/router.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace farshore {

/// How a repository stands at this site.
enum class repository_standing : std::uint8_t {
  /// No record lies there.
  unknown,
  /// A record does, and its newest state is not here.
  behind,
  level,
};

struct git_serving {
  /// The configuration as it is now; any thread.
  std::function<std::shared_ptr<const config>()> settings;
  /// How what lies at the encoded locator stands. Blocks; on one thread.
  std::function<result<repository_standing>(const std::string& type, const std::string& locator)>
      find;
  /// A link's token by which this reader may read `place` at the primary. On a secondary: git takes
  /// no password along when it is sent elsewhere.
  std::function<std::string(const std::string& reader, const std::string& place)> link_to_primary;
  /// Of git's processes; whoever comes further waits for its turn.
  std::size_t at_once_max = 8;
  /// A process that neither takes nor says anything for this long is ended.
  std::chrono::milliseconds silence_max{120'000};
};

class git_routes {
public:
  explicit git_routes(git_serving serving);
  ~git_routes();

  /// Adds the routes below /git. They refer to this object.
  void add_to(router& routes);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace farshore
