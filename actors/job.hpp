// What a person orders a site to do, and how that stands. Plain structs.

#pragma once

#include "actors/comparison_report.hpp"
#include "actors/orphan_report.hpp"
#include "config/ids.hpp"
#include "registry/record_selection.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace farshore {

enum class site_action : std::uint8_t {
  resync,
  reverify,
  pause,
  resume,
  recheck,
  approve,
  compare,
  orphans,
};
/// "resync"
const char* to_string(site_action action);

struct site_order {
  site_action what = site_action::resync;
  /// Empty: all types, where that can be.
  std::string type;
  /// Of resync and reverify.
  record_selection which = {};
  comparison_order compare = {};
  orphan_order orphans = {};
  /// Who ordered it, for people.
  std::string by;
};

struct job {
  enum class stage : std::uint8_t { running, done, failed, cancelled };

  /// Counts the orders since the node started, from 1.
  std::uint64_t id = 0;
  site_order order;
  stage now = stage::running;
  wall_time began_at;
  std::optional<wall_time> ended_at;
  /// Records, files or types that are through, and of how many.
  std::int64_t through = 0;
  std::optional<std::int64_t> total;
  /// What it is at, or what came of it, for people.
  std::string at;
  /// Why it failed; empty when it did not.
  std::string trouble;
  /// It can be ended before it is done.
  bool can_be_cancelled = false;
  /// How many records it is about, of an order that tells so at once.
  std::optional<std::int64_t> counted;
};
const char* to_string(job::stage stage);

} // namespace farshore
