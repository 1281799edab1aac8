#include "actors/capacity.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace farshore {

caf::result<std::size_t> capacity_state::acquire(std::size_t wanted) {
  assert(wanted > 0);
  auto who = self->current_sender(); // the promise takes it away
  auto answer = self->make_response_promise<std::size_t>();
  waiting.push_back({std::move(who), wanted, answer});
  share_out();
  return answer;
}

void capacity_state::give_back(std::size_t credits) {
  free += credits;
  share_out();
}

/// Credits for one that has ended would be lost.
void capacity_state::withdraw(const caf::strong_actor_ptr& who) {
  std::erase_if(waiting, [&](waiting_supervisor& one) {
    if (one.who != who)
      return false;
    one.answer.deliver(std::size_t{0});
    return true;
  });
}

void capacity_state::share_out() {
  while (free > 0 && !waiting.empty()) {
    const auto part = std::max<std::size_t>(1, free / waiting.size());
    auto next = std::move(waiting.front());
    waiting.pop_front();
    const auto granted = std::min(part, next.wanted);
    free -= granted;
    next.answer.deliver(granted);
  }
}

capacity_actor::behavior_type capacity(capacity_state::pointer self, std::size_t total) {
  self->state.free = total;
  return {
      [self](atom::acquire, std::size_t wanted) { return self->state.acquire(wanted); },
      [self](atom::give_back, std::size_t credits) { self->state.give_back(credits); },
      [self](atom::stop) { self->state.withdraw(self->current_sender()); },
  };
}

} // namespace farshore
