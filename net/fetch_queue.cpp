#include "net/fetch_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace farshore {

void fetch_queue::push(fetch_item item) {
  const auto is_bulk = [](const fetch_item& one) { return !one.job->live; };
  const auto at = item.job->live ? std::ranges::find_if(items_, is_bulk) : items_.end();
  items_.insert(at, std::move(item));
  wake_.cancel_one();
}

std::vector<fetch_item> fetch_queue::take(const batch_limits& limits) {
  /// An offer, an id and the names of the fields.
  constexpr std::size_t request_overhead_bytes = 200;
  std::vector<fetch_item> taken;
  std::deque<fetch_item> left;
  std::uint64_t content_bytes = 0;
  std::size_t request_bytes = 0;
  while (!items_.empty() && taken.size() < limits.blobs) {
    auto item = std::move(items_.front());
    items_.pop_front();
    const auto content = item.job->size.value_or(0);
    const auto request = item.job->locator.size() + request_overhead_bytes;
    const bool fits =
        taken.empty() ||
        (item.job->id.type == taken.front().job->id.type &&
         content <= limits.content_bytes - std::min(content_bytes, limits.content_bytes) &&
         request_bytes + request <= limits.request_bytes);
    if (!fits) {
      left.push_back(std::move(item));
      continue;
    }
    content_bytes += content;
    request_bytes += request;
    taken.push_back(std::move(item));
  }
  // What did not fit stays in front, in its order.
  items_.insert(items_.begin(), std::move_iterator{left.begin()}, std::move_iterator{left.end()});
  return taken;
}

std::vector<fetch_item> fetch_queue::take_all() {
  std::vector<fetch_item> all{std::move_iterator{items_.begin()}, std::move_iterator{items_.end()}};
  items_.clear();
  return all;
}

} // namespace farshore
