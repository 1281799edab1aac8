#include "actors/hasher.hpp"

#include "config/background_thread.hpp"

#include <chrono>
#include <memory>
#include <utility>

namespace farshore {

namespace {

/// A small file never waits for long behind a large one's results.
constexpr std::chrono::milliseconds order_time{100};

hash_answer work_on(const hash_order& order, const hasher_parts& parts) {
  hash_answer answer;
  answer.type = order.type;
  answer.line = order.line;
  const auto until = parts.time->now() + order_time;
  for (const auto& item : order.items) {
    if (*parts.stop || answer.store_gone || (!answer.done.empty() && parts.time->now() > until)) {
      answer.left.push_back(item);
      continue;
    }
    auto found = order.store->checksum_of(item.locator, parts.stop.get());
    // A folder that is away takes nothing with it.
    answer.store_gone = !found && found.error().code == ec::missing_on_primary;
    if (answer.store_gone) {
      const auto look = order.store->look();
      answer.store_gone = look && !look->there;
    }
    if (answer.store_gone || (!found && found.error().code == ec::stopping))
      answer.left.push_back(item);
    else
      answer.done.push_back({item, std::move(found)});
  }
  return answer;
}

glance_answer look_over(const glance_order& order, const hasher_parts& parts) {
  glance_answer answer{order.type, order.line, {}, {}, false};
  const auto until = parts.time->now() + order_time;
  for (const auto& item : order.items) {
    const bool first = &item == &order.items.front();
    if (*parts.stop || answer.store_gone || (!first && parts.time->now() > until)) {
      answer.left.push_back(item);
      continue;
    }
    const auto found = order.store->glance(item.locator);
    if (!found && found.error().code == ec::missing_on_primary) {
      const auto look = order.store->look();
      answer.store_gone = look && !look->there;
    }
    if (answer.store_gone)
      answer.left.push_back(item);
    else if (!found || (*found && **found != item.sum))
      answer.differing.push_back(item.record);
  }
  return answer;
}

} // namespace

hasher_actor::behavior_type hasher(hasher_actor::pointer self, hasher_parts with) {
  const auto parts = std::make_shared<const hasher_parts>(std::move(with));
  if (parts->background)
    give_way_to_others();
  return {
      [self, parts](const hash_order& order) {
        self->send(parts->answers, work_on(order, *parts));
      },
      [self, parts](const glance_order& order) {
        self->send(parts->answers, look_over(order, *parts));
      },
  };
}

} // namespace farshore
