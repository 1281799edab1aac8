// PRIMARY VERIFIER: checksums what a primary has, in the background, with or without a secondary.
//
//   registry ──claims──► locators (one look-up a batch) ──► hashers ──► results ──► registry
//   catalogue, page by page, each refs_check ──► glances ──► those that differ are due again
//
// Blocks while it looks locators up, on a read-only connection of its own (the declaration's SQL
// runs there): spawn it detached. Owns its hashers. What is in hand is bounded; nothing is kept
// that the database does not know: where this actor ends, what it had in hand is pending again.

#pragma once

#include "actors/interfaces.hpp"
#include "config/clock.hpp"
#include "registry/primary_reader.hpp"

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <caf/typed_event_based_actor.hpp>

namespace farshore {

struct primary_verifier_parts {
  checksum_desk_actor desk;
  std::function<result<std::unique_ptr<primary_reader>>()> open_reader;
  store_opener open_store;
  /// 0: as many as the machine has cores.
  std::size_t hashers = 0;
  /// Hashers have threads of their own, which give way to others. False: for tests.
  bool threads = true;
  /// First and longest wait after a failure.
  std::chrono::milliseconds retry_base{2'000};
  std::chrono::milliseconds retry_cap{3'600'000};
  const time_source* time = &system_time();
  std::uint64_t seed = random_seed();
};

class primary_verifier_state {
public:
  using pointer = primary_verifier_actor::stateful_pointer<primary_verifier_state>;
  static constexpr const char* name = "primary_verifier";

  explicit primary_verifier_state(pointer owner) : self{owner} {}

  void start(primary_verifier_parts with);
  void declare(const std::vector<replicable_type>& types);
  void wake();
  void take(hash_answer answer);
  void take(glance_answer answer);
  void tick();

private:
  /// A declared type and what of it is in hand.
  struct line {
    std::uint64_t number = 0;
    replicable_type declared;
    std::shared_ptr<strategy> store;
    std::string trouble;
    /// Nothing is claimed before; where something may be due, wake() ends it.
    steady_time rests_until{};
    bool may_be_woken = true;
    /// In anybody's hands but the registry's, and when the newest claim of it was made: a record
    /// that changes while it is read is claimed again, and the older claim no longer counts.
    std::map<record_id, std::string> held;

    [[nodiscard]] bool holds(const checksum_claim& one) const;
    [[nodiscard]] std::vector<record_id> records_held() const;
    std::deque<hash_order::item> waiting;
    std::vector<checksum_result> results;
    steady_time first_result{};
    /// The model's table was locked; not before.
    steady_time reports_from{};
    bool reporting = false;

    /// A pass over all records that have a checksum, comparing it by glances.
    struct glances {
      steady_time began{};
      record_id at = record_id_before_all;
      bool last_page = false;
      std::deque<glance_order::item> waiting;
    };
    std::optional<glances> glancing;
    /// It goes on, or the next one begins; not before.
    steady_time glances_from{};
  };

  /// Does what can be done now.
  void pump();
  void claim();
  void receive(const std::string& type, std::uint64_t number,
               const std::vector<checksum_claim>& claims);
  void look_up(line& of, const std::vector<checksum_claim>& claims);
  void dispatch();
  /// Goes on with one line's glances; one order is out at a time.
  void glance();
  void read_glances(line& of);
  void report(line& of);
  void reported(const std::string& type, std::uint64_t number, std::vector<checksum_result> results,
                const result<done>& answer);
  /// Everything of the line that is in no hasher's hands is given back.
  void give_up(line& of, const std::string& why, std::chrono::milliseconds rest);
  void release(line& of);
  void add_result(line& of, checksum_result one);
  checksum_result judge(const line& of, const hash_answer::item& item);
  void set_trouble(line& of, const std::string& what);
  void open_store(line& of);
  void lose_store(line& of);
  /// The connection for look-ups, opened where it is not; or why it can't be.
  result<primary_reader*> reader();
  line* find(const std::string& type, std::uint64_t number);

  pointer self;
  primary_verifier_parts parts_;
  std::optional<random_source> random_;
  std::unique_ptr<primary_reader> reader_;
  std::shared_ptr<std::atomic<bool>> stop_ = std::make_shared<std::atomic<bool>>(false);
  std::vector<replicable_type> declared_;
  std::map<std::string, line> lines_;
  std::uint64_t numbers_ = 0;
  /// The types that came last, for the turn of each.
  std::string claimed_last_;
  std::string dispatched_last_;
  std::string glanced_last_;
  /// A hasher has an order, or the registry is being told what came of one.
  bool glance_out_ = false;
  /// The last order was a glance: others have their turn.
  bool glanced_before_ = false;
  bool claiming_ = false;
  std::vector<hasher_actor> idle_;
  steady_time released_at_{};
};

primary_verifier_actor::behavior_type
primary_verifier(primary_verifier_actor::stateful_pointer<primary_verifier_state> self,
                 primary_verifier_parts parts);

} // namespace farshore
