#include "strategies/blob/blob_strategy.hpp"

#include "config/locator.hpp"
#include "strategies/beneath.hpp"
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

/// An entry of a batch whose names are to be flushed, and where its result stands.
struct named {
  const std::string* locator;
  result<void> flushed;
};

/// The second flush of a group commit: the names after the bytes. Entries in one folder share it.
void flush_names(store_files& files, std::span<named> entries) {
  if (entries.size() > flushed_singly_max) {
    const auto all = files.flush_all();
    for (auto& entry : entries)
      entry.flushed = all;
    return;
  }
  std::map<std::string, result<void>> folders;
  for (auto& entry : entries) {
    const auto folder = parent_of(*entry.locator);
    if (!folders.contains(folder))
      folders.emplace(folder, files.flush_names(*entry.locator));
    entry.flushed = folders.at(folder);
  }
}

/// A placement on its way.
struct placing {
  placement* entry;
  blob_receiver* from;

  /// Keeps the failure; false if there is one.
  bool went(result<void> step) const {
    if (!step)
      entry->to = fail(std::move(step).error());
    return step.has_value();
  }
};

template <class Step>
void keep_if(std::vector<placing>& all, Step step) {
  std::erase_if(all, [&](const placing& one) { return !one.went(step(one)); });
}

} // namespace

blob_strategy::blob_strategy(const replicable_type& type, const time_source& time,
                             std::shared_ptr<store_files> files)
    : time_{time}, files_{files}, shelf_{std::make_shared<shelf>(type, std::move(files))} {}

result<void> blob_strategy::prepare() {
  if (auto prepared = files_->prepare(); !prepared)
    return prepared;
  return shelf_->sweep();
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
  return fail(ec::lease_lost, fmt::format("{} at \"{}\": the claim ran out before the disk was "
                                          "ready; it is claimed again",
                                          to_string(job.id), job.locator));
}

void blob_strategy::place(std::span<placement> batch) {
  std::vector<placing> alive;
  for (auto& entry : batch)
    alive.push_back({&entry, dynamic_cast<blob_receiver*>(entry.from.get())});
  keep_if(alive, [](const placing& one) {
    return one.from ? one.from->ready() : fail(ec::internal, "another strategy's receiver");
  });

  if (alive.size() <= flushed_singly_max) {
    keep_if(alive, [](const placing& one) { return one.from->flush(); });
  } else if (const auto flushed = files_->flush_all(); !flushed) {
    shelf_->flush_failed();
    keep_if(alive, [&](const placing& one) { return one.from->condemn(), flushed; });
  }

  keep_if(alive, [this](const placing& one) {
    auto held = demand_lease(*one.entry->job);
    return held ? one.from->rename() : held;
  });

  std::vector<named> names;
  for (const auto& one : alive)
    names.push_back({&one.from->locator(), {}});
  flush_names(*files_, names);
  for (std::size_t i = 0; i < alive.size(); ++i) {
    if (alive[i].went(std::move(names[i].flushed)))
      alive[i].entry->to = alive[i].from->settle();
    else
      alive[i].from->condemn();
  }
}

void blob_strategy::remove(std::span<removal> batch) {
  std::vector<std::string> locators;
  std::vector<removal*> owners;
  for (auto& entry : batch) {
    entry.done = result<void>{};
    shelf_->drop(entry.job->id.record);
    for (const auto& encoded : entry.locators) {
      auto locator = decode_locator(encoded);
      // Where no file may lie, none has ever been put.
      if (!locator || !check_locator(*locator))
        continue;
      if (entry.done)
        entry.done = demand_lease(*entry.job);
      if (entry.done)
        entry.done = files_->remove(*locator);
      if (!entry.done)
        break;
      locators.push_back(std::move(*locator));
      owners.push_back(&entry);
    }
  }
  std::vector<named> names;
  for (const auto& locator : locators)
    names.push_back({&locator, {}});
  flush_names(*files_, names);
  for (std::size_t i = 0; i < names.size(); ++i)
    if (!names[i].flushed && owners[i]->done)
      owners[i]->done = std::move(names[i].flushed);
}

result<std::unique_ptr<resource_reader>> blob_strategy::open(std::string_view encoded_locator) {
  return open_blob(files_, encoded_locator);
}

result<content_offer> blob_strategy::checksum_of(std::string_view encoded_locator) {
  auto reader = open_blob(files_, encoded_locator);
  if (!reader)
    return fail(std::move(reader).error());
  sha256 hash;
  const auto size = (*reader)->size();
  if (auto hashed = hash_through(**reader, size, hash); !hashed)
    return fail(std::move(hashed).error());
  if (!(*reader)->unchanged())
    return fail(ec::changed, fmt::format("\"{}\" changed while it was read", encoded_locator));
  return content_offer{size, hash.value()};
}

} // namespace farshore
