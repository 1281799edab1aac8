// LOG CURSOR: reads the primary's log and catalogue into the registry.
//
//   load place ─► position ─► (first contact, or another primary: new epoch;
//        │                     a trimmed log: the same epoch, from that place on)
//        │                                      │
//        └──────────►  events ─► apply ─► next step of a walk (walk_plan) ─► apply ─┐
//                        ▲                                                          │
//                        └──────────────────────────────────────────────────────────┘
//
// Scheduled; never blocks. One page is under way at a time, and the next is asked for only once the
// registry has committed the last: so pages take effect in the order in which the primary read
// them, and a catalogue page can't bring back a record whose delete was applied while it was under
// way (promise 1).
//
// A walk of records that all have their rows reads no page where it can help it: it compares
// digests of ranges with the primary's (range_bisection), and asks for what is in the unequal ones.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/range_bisection.hpp"
#include "actors/walk_plan.hpp"
#include "config/clock.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

namespace farshore {

struct log_cursor_parts {
  primary_client_actor primary;
  registry_actor registry;
  const time_source* time = nullptr;
  std::uint64_t seed = 0;
  std::size_t events_limit = 2000;
  std::size_t catalogue_limit = 5000;
  /// What the site wants, as the registry goes by it.
  scope_digest scope = {};
  /// How long the primary may hold a request while nothing happens.
  std::chrono::milliseconds long_poll{2'000};
  /// How often every type is compared with the primary's records; 0: only when it is called for.
  std::chrono::milliseconds compare_every{0};
  /// Something of these types may be due.
  std::function<void(const std::vector<std::string>& types)> on_due;
  /// The primary answers again.
  std::function<void()> on_reachable;
};

struct log_cursor_state {
  using pointer = log_cursor_actor::stateful_pointer<log_cursor_state>;
  static constexpr const char* name = "log_cursor";

  explicit log_cursor_state(pointer owner) : self{owner}, random{0} {}

  void step();
  void on_events(const events_page& page);
  void on_catalogue(const walk_step& at, catalogue_page page);
  void on_records(const walk_step& at, const records_page& page);
  void on_digests(const walk_step& at, const result<digest_page>& page);
  void start_epoch();
  void skip_gap(const error& why);
  void set_scope(const scope_digest& scope);
  result<done> recheck(const std::string& type);
  result<done> end_recheck(const std::string& type);
  caf::result<result<std::size_t>> approve(const std::string& type);
  [[nodiscard]] cursor_status whole_status() const;

  pointer self;
  log_cursor_parts parts;
  random_source random;
  /// As the registry has committed it; `backfills` are the plan's.
  cursor_status status;
  walk_plan plan;
  /// The comparison that is under way.
  std::optional<range_bisection> comparing;
  /// When all types were last called up for one.
  steady_time compared_at{};
  bool loaded = false;
  /// Since the last question that was refused for it.
  bool scope_changed = false;
  /// The log was read to its end since the last step of a walk.
  bool level = false;
  int failures = 0;

private:
  void load();
  /// Asks the primary; `then` gets the answer. Where the type can't be read just now, or the
  /// primary does not answer, it is not called.
  template <class Answer, class Request, class Then>
  void ask_primary(const Request& what, Then then);
  void stands(cursor_status at);
  void read_events();
  void read_catalogue(const walk_step& at);
  void read_position(const walk_step& at);
  void read_suspects(const walk_step& at);
  void compare(const walk_step& at);
  void compare_in_time();
  void applied_events(const events_page& page, const applied& what);
  template <class Page>
  void apply_walk(const Page& page);
  void applied_walk(const applied& what);
  [[nodiscard]] walk_step next_walk() const;
  /// The page is of the scope that the site has now; else it is asked for anew.
  template <class Page>
  bool is_ours(const Page& page);
  void trouble(const error& why);
  void contact();
  void again() { self->send(self, atom::step_v); }
};

log_cursor_actor::behavior_type log_cursor(log_cursor_state::pointer self, log_cursor_parts parts);

} // namespace farshore
