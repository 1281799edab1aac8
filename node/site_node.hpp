// A running site, as the main thread sees it: started, told of a new configuration, stopped.

#pragma once

#include "config/config.hpp"
#include "config/error.hpp"

#include <functional>
#include <memory>
#include <string>

namespace farshore {

/// Main thread only. Destroying it ends everything at once, as a failure does; stop() first gives
/// back what is in flight.
class site_node {
public:
  virtual ~site_node() = default;
  /// host:port that it listens on.
  [[nodiscard]] virtual const std::string& address() const = 0;
  /// Makes the declared types, and what the files of secrets and certificates hold, be what runs.
  /// Where one of the files is no good, everything stays as it was.
  virtual result<void> declare(const config& settings) = 0;
  virtual void stop() = 0;
  /// Whether its actors answer, as /healthz asks them. Blocks for a second at most.
  virtual bool alive() = 0;
};

/// Called from any thread, at least once, when the site can't go on.
using failure_handler = std::function<void(const error&)>;

} // namespace farshore
