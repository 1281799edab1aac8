// What a primary knows of the sites that read its log: plain structs.

#pragma once

#include "config/ids.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace farshore {

/// A site's question for events, whose place the log has proved.
struct site_note {
  std::string name;
  /// What it has applied.
  event_position place;
  wall_time seen;
  /// Its program's version; empty where it does not say.
  std::string program;
  /// Version of what it speaks with us.
  std::string wire;
  std::string address;
};

/// A site, and how far it is behind.
struct site_standing {
  site_note last;
  wall_time first_seen;
  /// The log was trimmed past its place: it holds nothing back, and does a full check when it
  /// comes. What it has missed is not known then.
  bool cut_off = false;
  /// No other site is further behind, and there is something that it has not read.
  bool slowest = false;
  std::int64_t lag_events = 0;
  /// How old the first of them may be; nothing where that is not known.
  std::optional<std::chrono::milliseconds> lag;
  /// What the log holds from its place on; by whole samples.
  std::int64_t held_bytes = 0;
};

/// What one slice of trimming came to.
struct trimmed_slice {
  std::size_t events = 0;
  /// The slice was full: there may be more.
  bool more = false;
  /// Sites whose place went with it, though they had not read on: retention was over.
  std::vector<std::string> cut_off;
};

} // namespace farshore
