// ORPHAN FINDER: looks through a store for files that no row of the registry names, and removes
// them when it is told to.
//
//   a page of the store ─► which of them are named? ─► … ─► the end ─► (a pause) ─► named by now?
//                                                                        └─► removed by the disk
//
// Blocks on the disk: spawn it detached. One search at a time; a page at a time is looked up, and
// the first few thousand finds are kept. A file is removed only after it was looked up twice, and
// never where they are many (promise 11), unless the order says so.

#pragma once

#include "actors/interfaces.hpp"
#include "config/clock.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

namespace farshore {

struct orphan_finder_parts {
  registry_actor registry;
  const time_source* time = nullptr;
};

struct orphan_finder_state {
  using pointer = orphan_finder_actor::stateful_pointer<orphan_finder_state>;
  static constexpr const char* name = "orphan_finder";

  explicit orphan_finder_state(pointer owner) : self{owner} {}

  result<done> begin(const orphan_search& given);
  result<done> stop();
  void step();

  pointer self;
  orphan_finder_parts parts;
  orphan_status report;

private:
  void look_up(std::vector<std::string> locators, bool last);
  void walked();
  void remove();
  void end(std::string trouble = {});

  /// Answers to questions of another run are dropped.
  std::uint64_t run_ = 0;
  bool removing_ = false;
  orphan_search order_;
  std::unique_ptr<store_listing> listing_;
};

orphan_finder_actor::behavior_type orphan_finder(orphan_finder_state::pointer self,
                                                 orphan_finder_parts parts);

} // namespace farshore
