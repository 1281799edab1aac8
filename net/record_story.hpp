// What is known of one record, told for a person: what happened when, how it stands, why, and what
// comes or is to be done next. Pure.

#pragma once

#include "config/ids.hpp"
#include "registry/checksum_view.hpp"
#include "registry/registry_row.hpp"

#include <optional>
#include <string>
#include <vector>

namespace farshore {

struct story_event {
  wall_time at;
  std::string what;
};

struct record_story {
  /// What is known of its past, the oldest first.
  std::vector<story_event> events;
  /// How it stands, in a sentence.
  std::string summary;
  /// Why it is not as it should be; empty where it is.
  std::string cause;
  /// What comes, or what to do.
  std::string next_step;
};

/// Why nothing is done for the type now; empty where it is.
struct type_hindrance {
  bool paused = false;
  bool disabled = false;
  /// "the primary can't be reached: …"
  std::string why;
};

record_story story_of(const std::string& type, const registry_row& row,
                      const type_hindrance& hindrance, wall_time now);
/// On a primary.
record_story story_of(const std::string& type, const checksum_row& row, wall_time now);

} // namespace farshore
