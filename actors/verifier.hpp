// VERIFIER: has one type's synced records read where they lie, and tells the registry.
//
//   tick, wake ──► claim ──► REGISTRY ──► a batch, cut into parts ──► READERS AT REST
//                                              │ right ──► REGISTRY
//                                              └ wrong ──► 2 s later once more ──► REGISTRY ──►
//                                              SUPERVISOR
//
// Scheduled; never blocks. What was marked (reverify) goes first, as fast as the readers go, and as
// fast goes a reverify of all, which needs no marks: the registry keeps up to where what was found
// has been told, and after a restart it goes on there; what could not be judged then is marked.
// Beside them a walk through all rows that is through once in `reverify_after`, in steps as even as
// the rows allow: so nothing needs a time of its own, and nothing comes in a wave. Holds no record
// up: what it found counts only if the record is by then what it was. What seems damaged is looked
// at twice, so that a store that is just going away is noticed as such, by its keeper. Memory
// follows the batches in flight, of which there are few.
//
// On its tick it has a reader do the upkeep that is due, too: one resource at a time, as long as
// there is more.

#pragma once

#include "actors/interfaces.hpp"
#include "config/clock.hpp"
#include "strategies/strategy.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

namespace farshore {

struct verifier_parts {
  std::string type;
  std::shared_ptr<strategy> store;
  registry_actor registry;
  /// Woken where something has to be fetched anew.
  supervisor_actor supervisor;
  /// At least one; shared with the other types.
  std::vector<rest_reader_actor> readers;
  /// How long the walk through all rows takes.
  std::chrono::milliseconds reverify_after{0};
  const time_source* time = nullptr;
};

/// How many rows the walk has earned: all of them in `interval`, evenly.
class walk_pace {
public:
  walk_pace(std::chrono::milliseconds interval, steady_time now)
      : interval_{interval}, counted_to_{now} {}

  /// Rows to go on by now, at most `rows_max`; what is more than that is forgiven, so that no wave
  /// follows a pause.
  std::size_t take(std::int64_t rows, steady_time now, std::size_t rows_max);

private:
  std::chrono::milliseconds interval_;
  steady_time counted_to_;
  double earned_ = 0;
};

struct verifier_state {
  using pointer = verifier_actor::stateful_pointer<verifier_state>;
  static constexpr const char* name = "verifier";

  struct batch {
    /// Parts that readers have.
    std::size_t reading = 0;
    /// What is to be looked at once more.
    std::vector<verification_claim> suspects;
    bool second_look = false;
    /// Of the reverify of all: what was claimed before this batch.
    record_id behind = record_id_before_all;
  };

  explicit verifier_state(pointer owner) : self{owner} {}
  ~verifier_state() { cancelled->store(true); }
  verifier_state(const verifier_state&) = delete;
  verifier_state& operator=(const verifier_state&) = delete;

  void look();
  void keep_up();
  void tick();
  void confirm();

  pointer self;
  verifier_parts parts;
  walk_pace pace{std::chrono::milliseconds{1}, {}};
  std::map<std::uint64_t, batch> batches;
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);

private:
  void take(const verification_round& round);
  void read(std::uint64_t number, const std::vector<verification_claim>& claims);
  void on_part(std::uint64_t number, std::vector<record_id> asked, verification_report&& found);
  void tell(verification_report found);
  void end(std::uint64_t number);
  /// Of the reverify of all: what was found up to here has been told.
  [[nodiscard]] record_id all_told() const;

  std::uint64_t last_batch_ = 0;
  std::size_t next_reader_ = 0;
  /// All rows of the type, as the registry told last.
  std::int64_t rows_ = 0;
  /// Marked rows up to here are in flight, or were.
  record_id marked_after_ = record_id_before_all;
  /// The reverify of all that is under way (0: none), and up to where it is in flight, or was.
  std::uint64_t all_order_ = 0;
  record_id all_claimed_ = record_id_before_all;
  bool claiming_ = false;
  bool look_again_ = false;
  bool keeping_up_ = false;
};

verifier_actor::behavior_type verifier(verifier_state::pointer self, verifier_parts parts);

} // namespace farshore
