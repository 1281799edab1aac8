#include "registry/horizon.hpp"

#include <algorithm>

namespace farshore {

void horizon_samples::sample(wall_time at, std::uint64_t xmax) {
  if (!samples_.empty()) {
    auto& newest = samples_.back();
    if (xmax < newest.xmax) { // another database answers now: what was known means nothing there
      samples_.clear();
    } else {
      at = std::max(at, newest.at);
      if (xmax == newest.xmax) { // nothing happened since
        newest.at = at;
        return;
      }
    }
  }
  samples_.push_back({at, xmax});
  if (samples_.size() <= samples_max)
    return;
  // A reader that lags for days needs old samples too, but not each second of them: of the older
  // half every second one goes, so that age costs resolution only.
  std::deque<one> kept;
  for (std::size_t i = 0; i < samples_.size(); ++i)
    if (i >= samples_max / 2 || i % 2 == 0)
      kept.push_back(samples_[i]);
  samples_ = std::move(kept);
}

std::optional<wall_time> horizon_samples::horizon(std::uint64_t covered) const {
  const auto above = std::ranges::upper_bound(samples_, covered, {}, &one::xmax);
  if (above == samples_.begin())
    return std::nullopt;
  return std::prev(above)->at;
}

} // namespace farshore
