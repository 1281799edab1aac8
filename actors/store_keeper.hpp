// STORE KEEPER: believes the disk, not the table (promise 10).
//
//   look ──► as expected ──► raise the counter at the start, and each minute in which there was
//   work
//    ▲  ├──► not as expected ──► stop the types ──► forget what their rows believe ──► open afresh
//    │  └──► away ──► stop the types, and wait until it is back or accepted
//    └── every second
//
// Blocks on the disk (a disk that hangs holds up nobody else): spawn it detached. Owns the opening
// of one store, by its path, for all types that lie there. Between a look that finds another store
// and the next the types' workers may have written into the old one: what they recorded is
// forgotten with all the rest, and what they still bring is void.

#pragma once

#include "actors/interfaces.hpp"
#include "config/backoff.hpp"
#include "config/clock.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

namespace farshore {

struct store_keeper_parts {
  std::string path;
  store_opener open;
  registry_actor registry;
  secondary_site_actor site;
  const time_source* time = nullptr;
  std::uint64_t seed = 0;
};

struct store_keeper_state {
  using pointer = store_keeper_actor::stateful_pointer<store_keeper_state>;
  static constexpr const char* name = "store_keeper";

  explicit store_keeper_state(pointer owner) : self{owner}, random{0} {}

  void declare(const std::vector<replicable_type>& types);
  void accept();
  void tick();

  pointer self;
  store_keeper_parts parts;
  random_source random;
  /// The types that lie here, and what was opened for them.
  std::vector<site_type> types;
  store_view view;
  /// Nothing until the registry has said what it knows.
  std::optional<known_store> known;
  /// Waits for the registry; no second look meanwhile.
  bool busy = false;
  bool accepted = false;

private:
  /// Asks the registry; its failure ends the node, so only answers matter.
  template <class T, class Next, class... Question>
  void ask(Next next, Question... question);
  void load();
  void look();
  void judge_now(const store_look& seen);
  void ask_whether_empty();
  void heal(store_verdict why);
  void open();
  void claim_mark();
  void raise(const store_look& seen);
  void raise_after_work(const store_look& seen);
  void opened();
  void close(const std::string& why);
  void rest();
  [[nodiscard]] bool is_open() const;

  /// The folder that was opened.
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  steady_time raised_at_{};
  /// What was said last, so that it is said once.
  std::string said_;
  int failed_looks_ = 0;
  int failures_ = 0;
  steady_time retry_at_{};
};

store_keeper_actor::behavior_type store_keeper(store_keeper_state::pointer self,
                                               store_keeper_parts parts);

} // namespace farshore
