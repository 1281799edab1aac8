#include "strategies/blob/blob_strategy.hpp"

#include "config/locator.hpp"
#include "strategies/beneath.hpp"
#include "strategies/blob/blob_listing.hpp"
#include "strategies/blob/blob_reader.hpp"
#include "strategies/blob/blob_receiver.hpp"
#include "strategies/blob/hash_file.hpp"

#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace farshore {

namespace {

/// Up to so many files are flushed one by one; more by flushing their whole file system, whatever
/// else is unwritten there.
constexpr std::size_t flushed_singly_max = 4;

/// A rename or removal that has begun is over within this time, and so is the clock's error.
constexpr std::chrono::milliseconds lease_margin{500};

/// A placement on its way.
struct placing {
  placement* entry;
  blob_receiver* from;

  /// Keeps a failure as the placement's end; false if there is one.
  bool went(result<void> step) const {
    if (!step)
      entry->to = fail(about(*entry->job, std::move(step).error()));
    return step.has_value();
  }
  /// A flush failed that it depended on.
  result<void> condemn(const error& why) const {
    from->condemn();
    return fail(why);
  }
};

template <class Step>
void keep_if(std::vector<placing>& all, Step step) {
  std::erase_if(all, [&](const placing& one) { return !one.went(step(one)); });
}

/// The decoded locators, without those at which no file can ever have been put.
std::vector<std::string> possible(const std::vector<std::string>& encoded) {
  std::vector<std::string> locators;
  for (const auto& text : encoded)
    if (auto locator = decode_locator(text); locator && check_locator(*locator))
      locators.push_back(std::move(*locator));
  return locators;
}

} // namespace

blob_strategy::blob_strategy(const replicable_type& type, const time_source& time,
                             std::shared_ptr<store_files> files)
    : time_{time},
      root_{type.store},
      files_{files},
      shelf_{std::make_shared<shelf>(type, std::move(files))} {}

result<void> blob_strategy::prepare() {
  if (auto prepared = files_->prepare(); !prepared)
    return prepared;
  return shelf_->sweep();
}

result<std::unique_ptr<store_listing>> blob_strategy::list() {
  return blob_listing::open(root_, time_);
}

result<std::shared_ptr<receiver>> blob_strategy::receive(std::shared_ptr<sync_job> job) {
  auto locator = decode_locator(job->locator);
  if (!locator)
    return fail(std::move(locator).error());
  if (auto checked = check_locator(*locator); !checked)
    return fail(std::move(checked).error());
  return std::make_shared<blob_receiver>(shelf_, std::move(job), std::move(*locator));
}

result<void> blob_strategy::demand_lease(const sync_job& job) const {
  if (job.held && job.held->lasts(time_.now() + lease_margin))
    return {};
  return fail(ec::lease_lost, "the claim ran out before the disk was ready; it is claimed again");
}

result<void> blob_strategy::flush_all() {
  auto flushed = files_->flush_all();
  if (!flushed)
    shelf_->flush_failed();
  return flushed;
}

/// The second flush of a group commit: the names after the bytes. One result for each locator.
std::vector<result<void>> blob_strategy::flush_names(std::span<const std::string> locators) {
  if (locators.size() > flushed_singly_max)
    return std::vector(locators.size(), flush_all());
  std::vector<result<void>> flushed;
  std::map<std::string, result<void>> folders; // what lies in one folder shares its flush
  for (const auto& locator : locators) {
    const auto folder = parent_of(locator);
    if (!folders.contains(folder))
      folders.emplace(folder, files_->flush_names(locator));
    flushed.push_back(folders.at(folder));
  }
  return flushed;
}

void blob_strategy::place(std::span<placement> batch) {
  std::vector<placing> alive;
  for (auto& entry : batch)
    alive.push_back({&entry, dynamic_cast<blob_receiver*>(entry.from.get())});
  keep_if(alive, [](const placing& one) {
    return one.from ? one.from->ready() : fail(ec::internal, "another strategy's receiver");
  });

  if (alive.size() <= flushed_singly_max)
    keep_if(alive, [](const placing& one) { return one.from->flush(); });
  else if (const auto flushed = flush_all(); !flushed)
    keep_if(alive, [&](const placing& one) { return one.condemn(flushed.error()); });

  keep_if(alive, [this](const placing& one) {
    auto held = demand_lease(*one.entry->job);
    return held ? one.from->rename() : held;
  });

  std::vector<std::string> locators;
  for (const auto& one : alive)
    locators.push_back(one.from->locator());
  const auto flushed = flush_names(locators);
  for (std::size_t i = 0; i < alive.size(); ++i)
    if (alive[i].went(flushed[i] ? flushed[i] : alive[i].condemn(flushed[i].error())))
      alive[i].entry->to = alive[i].from->settle();
}

void blob_strategy::remove(std::span<removal> batch) {
  std::vector<std::string> locators;
  std::vector<removal*> owners;
  for (auto& entry : batch) {
    entry.done = result<void>{};
    shelf_->drop(entry.job->id.record);
    for (auto& locator : possible(entry.locators)) {
      entry.done = demand_lease(*entry.job);
      if (entry.done)
        entry.done = files_->remove(locator);
      if (!entry.done)
        break;
      locators.push_back(std::move(locator));
      owners.push_back(&entry);
    }
  }
  const auto flushed = flush_names(locators);
  for (std::size_t i = 0; i < locators.size(); ++i)
    if (owners[i]->done)
      owners[i]->done = flushed[i];
  for (auto& entry : batch)
    if (!entry.done)
      entry.done = fail(about(*entry.job, std::move(entry.done).error()));
}

result<std::unique_ptr<resource_reader>> blob_strategy::open(std::string_view encoded_locator) {
  return open_blob(files_, encoded_locator);
}

result<content_offer> blob_strategy::checksum_of(std::string_view encoded_locator,
                                                 const std::atomic<bool>* cancelled) {
  auto reader = open_blob(files_, encoded_locator);
  if (!reader)
    return fail(std::move(reader).error());
  sha256 hash;
  const auto size = (*reader)->size();
  const auto hashed =
      read_through(**reader, size, [&](std::span<const std::byte> bytes) -> result<void> {
        if (cancelled && *cancelled)
          return fail(ec::stopping, "the reading was cancelled");
        hash.update(bytes);
        return {};
      });
  if (!hashed)
    return fail(hashed.error());
  if (!(*reader)->unchanged())
    return fail(ec::changed, fmt::format("\"{}\" changed while it was read", encoded_locator));
  return content_offer{size, hash.value()};
}

} // namespace farshore
