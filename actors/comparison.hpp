// COMPARISON: compares what a secondary holds with what its primary lists, type by type.
//
//   catch up ─► settle ─► digests, by bisection ─► what differs, record by record
//   (the log is read   (what is under way           │   after a pause, caught up and settled
//    as far as the      ends, or patience does)     └── again, up to three rounds in all
//    primary stands)
//
// Only what differs in every round differs. Scheduled; never blocks. Every question has a deadline,
// and one is open at a time. Bounded by the order's limit: memory is that of as many records.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/range_bisection.hpp"
#include "config/clock.hpp"

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

namespace farshore {

struct comparison_parts {
  primary_client_actor primary;
  registry_actor registry;
  log_cursor_actor cursor;
  const time_source* time = nullptr;
};

struct comparison_state {
  using pointer = comparison_actor::stateful_pointer<comparison_state>;
  static constexpr const char* name = "comparison";

  explicit comparison_state(pointer owner) : self{owner} {}

  result<done> begin(const comparison_order& given);
  result<done> stop();
  void step();

  pointer self;
  comparison_parts parts;
  comparison_status report;

private:
  using next_step = std::function<void()>;

  /// Asks `whom`; what it can't answer ends the type. `then` gets the answer's value.
  template <class Answer, class Actor, class Then, class... Request>
  void ask(const Actor& whom, Then then, const Request&... what);
  void later(std::chrono::milliseconds pause, next_step what);
  [[nodiscard]] bool out_of_patience() const;

  void begin_type();
  void catch_up(next_step then);
  void await_log(const primary_position& at, next_step then);
  void await_fold(const event_position& read, next_step then);
  void settle(next_step then);
  void bisect();
  void find_candidates();
  void confirm();
  void look_at_all_again();
  void settle_candidates();
  void look_at(const std::vector<registry_row>& here);
  void judge(const records_page& there, const std::vector<registry_row>& here);
  void end_type(std::string trouble = {});
  [[nodiscard]] std::vector<record_range> candidate_ranges() const;

  comparison_order order_;
  std::deque<std::string> types_left_;
  type_comparison current_;
  std::optional<range_bisection> bisection_;
  std::vector<record_id> candidates_;
  /// What this site wants, as the cursor said last.
  scope_digest scope_;
  /// Answers to questions of another run are dropped.
  std::uint64_t run_ = 0;
  int round_ = 0;
  steady_time round_began_{};
  /// What the next step is for.
  next_step next_;
};

comparison_actor::behavior_type comparison(comparison_state::pointer self, comparison_parts parts);

} // namespace farshore
