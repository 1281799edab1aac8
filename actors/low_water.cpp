#include "actors/low_water.hpp"

#include "config/values.hpp"

namespace farshore {

void low_water::update(const result<disk_space>& found, bool refused) {
  room_ = 0;
  if (!found) {
    was_low_ = true;
    why_ = place_ + ": " + found.error().message + "; nothing new is fetched until that is known";
    return;
  }
  const auto least = mark_.of(found->total_bytes);
  if (found->free_bytes > least)
    room_ = found->free_bytes - least;
  was_low_ = found->free_bytes < (was_low_ || refused ? least + least / 10 : least);
  why_ = was_low_ ? place_ + " has " + readable_bytes(found->free_bytes) + " free of " +
                        readable_bytes(found->total_bytes) + "; fetching stops below " +
                        readable_bytes(least) + ": free some space; it goes on by itself"
                  : "";
}

} // namespace farshore
