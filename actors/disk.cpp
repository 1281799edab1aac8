#include "actors/disk.hpp"

#include <utility>

namespace farshore {

void disk_state::flush_soon() {
  if (std::exchange(flush_due, true))
    return;
  // Behind whatever is in the mailbox already: that all becomes one batch.
  self->send(self, atom::flush_v);
}

caf::result<result<landed>> disk_state::place(const place_request& request) {
  placing.push_back({request.job, request.from});
  placers.push_back(self->make_response_promise<result<landed>>());
  flush_soon();
  return placers.back();
}

caf::result<result<done>> disk_state::remove(const remove_request& request) {
  removing.push_back({request.job, request.locators});
  removers.push_back(self->make_response_promise<result<done>>());
  flush_soon();
  return removers.back();
}

void disk_state::flush() {
  flush_due = false;
  if (!placing.empty())
    store->place(placing);
  if (!removing.empty())
    store->remove(removing);
  for (std::size_t i = 0; i < placing.size(); ++i)
    placers[i].deliver(std::move(placing[i].to));
  for (std::size_t i = 0; i < removing.size(); ++i) {
    auto& ended = removing[i].done;
    removers[i].deliver(ended ? result<done>{} : result<done>{fail(std::move(ended).error())});
  }
  placing.clear();
  placers.clear();
  removing.clear();
  removers.clear();
}

disk_actor::behavior_type disk(disk_state::pointer self, std::shared_ptr<strategy> store,
                               std::function<result<disk_space>()> data_space) {
  self->state.store = std::move(store);
  return {
      [self](const place_request& request) { return self->state.place(request); },
      [self](const remove_request& request) { return self->state.remove(request); },
      [self, data_space](atom::space) {
        return site_space{self->state.store->space(), data_space()};
      },
      [self](atom::flush) { self->state.flush(); },
  };
}

} // namespace farshore
