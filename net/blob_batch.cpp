#include "net/blob_batch.hpp"

#include "net/blob_request.hpp"

#include <algorithm>
#include <utility>

namespace farshore {

namespace {

/// Reading this much to the end costs less than a new connection.
constexpr std::uint64_t drain_bytes_max = 1u << 20;

error as_error(const sync_job& job, blob_status status) {
  const auto name = to_string(job.id) + " (" + job.locator + "): ";
  switch (status) {
  case blob_status::missing:
    return {ec::missing_on_primary,
            name + "nothing lies there on the primary; it is asked again from time to time"};
  case blob_status::moved_on:
    return {ec::moved_on, name + "its row on the primary is gone, out of scope, or names another "
                                 "place by now; the log will say more"};
  case blob_status::changed:
    return {ec::changed, name + "it changed on the primary while it was read; it is fetched again"};
  case blob_status::bad_locator:
    return {ec::bad_locator,
            name + "on the primary the locator leads out of the store, or to "
                   "something that is no regular file (no bare repository); correct the row there"};
  default:
    return {ec::unreadable_on_primary,
            name + "the primary can't read the file; the log of its node says why"};
  }
}

tl::unexpected<error> hostile(const sync_job& job, std::string what) {
  return fail(ec::protocol, to_string(job.id) + ": the primary " + std::move(what));
}

} // namespace

blob_batch::blob_batch(std::vector<fetch_item> items) {
  items_.reserve(items.size());
  for (auto& item : items)
    items_.push_back({std::move(item)});
}

void blob_batch::prepare(std::uint64_t large_blob_bytes, bool for_large) {
  const bool alone = items_.size() == 1;
  for (auto& [item, open] : items_) {
    if (item.abandoned()) {
      item.done(fail(ec::lease_lost, to_string(item.job->id) + ": its claim was taken away"));
      open = false;
      continue;
    }
    if (!std::exchange(item.looked, true))
      item.offer = item.into->offer();
    if ((!alone && item.offer && item.offer->size > large_blob_bytes) ||
        (!for_large && item.into->may_be_large())) {
      large_.push_back(std::move(item));
      open = false;
    }
  }
  std::erase_if(items_, [](const entry& one) { return !one.open; });
}

std::string blob_batch::request_body() const {
  blob_request request;
  request.type = items_.front().what.job->id.type;
  for (const auto& [item, open] : items_)
    request.blobs.push_back({item.job->id.record, item.job->locator, item.offer});
  return to_json(request);
}

result<void> blob_batch::on_head(const blob_head& head) {
  current_ = head.index;
  left_ = 0;
  auto& which = items_[current_];
  if (!which.open)
    return fail(ec::internal, "a blob's frames come after it was settled");
  which.what.job->moving = true;
  switch (head.status) {
  case blob_status::ok:
    return begin(head);
  case blob_status::match:
    return match(head);
  case blob_status::large:
    if (items_.size() == 1)
      return hostile(*which.what.job, "calls a blob too large that was asked for alone");
    which.open = false;
    which.what.job->moving = false;
    large_.push_back(std::move(which.what));
    return {};
  default:
    refuse(which, head.status);
    return {};
  }
}

result<void> blob_batch::begin(const blob_head& head) {
  auto& which = items_[current_];
  const auto& offer = which.what.offer;
  if (head.offset != 0 && (!offer || head.offset != offer->size))
    return hostile(*which.what.job, "goes on from a place that was not offered");
  left_ = head.size - head.offset; // of a size that is not known as good as endless
  if (auto begun = which.what.into->begin(head.offset, head.size, head.attributes); !begun)
    settle(which, std::move(begun));
  return {};
}

result<void> blob_batch::match(const blob_head& head) {
  auto& which = items_[current_];
  const auto& offer = which.what.offer;
  if (!offer || head.size != offer->size)
    return hostile(*which.what.job, "finds content equal that was not offered");
  settle(which, which.what.into->matched(head.attributes));
  return {};
}

void blob_batch::on_data(std::span<const std::byte> bytes) {
  left_ -= bytes.size();
  auto& which = items_[current_];
  if (!which.open)
    return;
  if (which.what.abandoned())
    settle(which, fail(ec::lease_lost, to_string(which.what.job->id) +
                                           ": its claim was taken away during the transfer"));
  else if (auto written = which.what.into->write(bytes); !written)
    settle(which, std::move(written));
  else
    which.what.job->moving = true;
}

/// The primary is at work: that nothing arrives is no lack of progress, and it says so again and
/// again.
void blob_batch::on_busy() {
  auto& which = items_[current_];
  if (!which.open)
    return;
  if (which.what.abandoned())
    settle(which, fail(ec::lease_lost, to_string(which.what.job->id) +
                                           ": its claim was taken away during the transfer"));
  else
    which.what.job->moving = false;
}

void blob_batch::on_tail(blob_status status) {
  left_ = 0;
  auto& which = items_[current_];
  if (!which.open)
    return;
  if (status == blob_status::ok)
    settle(which, which.what.into->finish());
  else
    refuse(which, status);
}

void blob_batch::hold(bool held) {
  if (auto& which = items_[current_]; which.open && left_ > 0)
    which.what.job->moving = !held;
}

bool blob_batch::pointless() const {
  return left_ > drain_bytes_max &&
         std::ranges::none_of(items_, [](const entry& one) { return one.open; });
}

void blob_batch::fail_rest(const error& why) {
  for (auto& one : items_)
    if (one.open)
      settle(one, fail(why));
}

std::vector<fetch_item> blob_batch::take_large() {
  return std::exchange(large_, {});
}

void blob_batch::settle(entry& which, result<void> how) {
  which.open = false;
  // Whoever waits may go on with the receiver at once: this side is through with it.
  which.what.into.reset();
  const auto done = std::move(which.what.done);
  done(std::move(how));
}

void blob_batch::refuse(entry& which, blob_status status) {
  settle(which, fail(as_error(*which.what.job, status)));
}

} // namespace farshore
