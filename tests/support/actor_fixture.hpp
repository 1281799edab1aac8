// An actor system whose scheduler and clock move only when the test says so: nothing here sleeps or
// blocks, and a lost answer shows as `!answer->arrived`, never as a hang.

#pragma once

#include "actors/messages.hpp"
#include "config/clock.hpp"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>

namespace farshore::test {

/// Follows the test coordinator's clock.
class virtual_time final : public time_source {
public:
  explicit virtual_time(caf::scheduler::test_coordinator& scheduler) : scheduler_{scheduler} {}

  [[nodiscard]] steady_time now() const override {
    return steady_time{std::chrono::hours{1}} + scheduler_.clock().now().time_since_epoch();
  }
  [[nodiscard]] wall_time wall() const override {
    return wall_time{std::chrono::hours{24 * 365 * 50}} +
           std::chrono::duration_cast<wall_time::duration>(now().time_since_epoch());
  }

private:
  caf::scheduler::test_coordinator& scheduler_;
};

/// What a request brought back so far.
template <class T>
struct answer {
  bool arrived = false;
  std::optional<T> value;
  caf::error lost;
};

class actor_fixture {
public:
  actor_fixture()
      : system{prepare(settings)},
        scheduler{dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler())},
        time{scheduler} {}

  ~actor_fixture() {
    for (auto& actor : spawned_) // a ticking actor would never end by itself
      caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    deliver_all();
  }

  /// Spawns an actor that ends with the test. Use this, not `system.spawn`.
  template <class... Ts>
  auto spawn(Ts&&... args) {
    auto handle = system.spawn(std::forward<Ts>(args)...);
    spawned_.push_back(caf::actor_cast<caf::strong_actor_ptr>(handle));
    return handle;
  }

  /// Delivers messages until every mailbox is empty; time stands still.
  void deliver_all() {
    while (scheduler.try_run_once()) {
    }
  }

  /// Moves the clock, fires what is due, then delivers what that caused. A timer that re-arms
  /// itself fires once per call: step by its period.
  void advance(std::chrono::milliseconds step) {
    scheduler.advance_time(step);
    deliver_all();
  }

  /// Sends a request and delivers all messages it causes.
  template <class T, class Handle, class... Ts>
  std::shared_ptr<const answer<T>> ask(const Handle& target, Ts... args) {
    auto out = std::make_shared<answer<T>>();
    spawn([=](caf::event_based_actor* self) {
      self->request(target, caf::infinite, args...)
          .then([=](const T& x) { out->arrived = true, out->value = x; },
                [=](const caf::error& e) { out->arrived = true, out->lost = e; });
    });
    deliver_all();
    return out;
  }

  caf::actor_system_config settings;
  caf::actor_system system;
  caf::scheduler::test_coordinator& scheduler;
  virtual_time time;

private:
  std::vector<caf::strong_actor_ptr> spawned_;

  static caf::actor_system_config& prepare(caf::actor_system_config& settings) {
    settings.set("scheduler.policy", caf::atom("testing"));
    settings.add_message_types<caf::id_block::farshore>();
    return settings;
  }
};

} // namespace farshore::test
