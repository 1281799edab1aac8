#include "strategies/repository/repository_strategy.hpp"

#include "config/locator.hpp"
#include "strategies/blob/shelf.hpp"
#include "strategies/repository/fsck.hpp"
#include "strategies/repository/mirror.hpp"
#include "strategies/repository/refs.hpp"
#include "strategies/repository/repository_reader.hpp"
#include "strategies/repository/repository_receiver.hpp"
#include "strategies/repository/upkeep.hpp"

#include <chrono>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace farshore {

namespace {

/// Up to so many are flushed one by one; more by flushing their whole file system.
constexpr std::size_t flushed_singly_max = 4;
/// A rename that has begun is over within this time, and so is the clock's error.
constexpr std::chrono::milliseconds lease_margin{500};

/// A placement on its way.
struct placing {
  placement* entry;
  repository_receiver* from;

  bool went(result<void> step) const {
    if (!step)
      entry->to = fail(about(*entry->job, std::move(step).error()));
    return step.has_value();
  }
};

template <class Step>
void keep_if(std::vector<placing>& all, Step step) {
  std::erase_if(all, [&](const placing& one) { return !one.went(step(one)); });
}

/// In the order in which the file system tells of them; not into a repository.
class repository_listing final : public store_listing {
public:
  repository_listing(std::filesystem::path root, std::filesystem::recursive_directory_iterator at)
      : root_{std::move(root)}, at_{std::move(at)} {}

  result<stored_page> next(std::size_t limit) override {
    namespace fs = std::filesystem;
    stored_page page;
    std::error_code failed;
    for (; page.locators.size() < limit && at_ != fs::recursive_directory_iterator{};
         at_.increment(failed)) {
      if (failed)
        break;
      const auto& entry = *at_;
      if (entry.is_symlink(failed) || !entry.is_directory(failed))
        continue;
      const auto path = entry.path().lexically_relative(root_).string();
      if (path == ".farshore") {
        at_.disable_recursion_pending();
      } else if (is_repository(entry.path())) {
        at_.disable_recursion_pending();
        page.locators.push_back(encode_locator(path));
      }
    }
    if (failed)
      return fail(ec::disk, fmt::format("a folder in the store {} can't be looked into: {}",
                                        root_.string(), failed.message()));
    page.last = at_ == fs::recursive_directory_iterator{};
    return page;
  }

private:
  /// Enough of one to be sure that it was.
  static bool is_repository(const std::filesystem::path& path) {
    std::error_code none;
    return std::filesystem::exists(path / "HEAD", none) +
               std::filesystem::is_directory(path / "objects", none) +
               std::filesystem::is_directory(path / "refs", none) >=
           2;
  }

  std::filesystem::path root_;
  std::filesystem::recursive_directory_iterator at_;
};

} // namespace

repository_strategy::repository_strategy(const replicable_type& type, const time_source& time,
                                         std::shared_ptr<store_files> files)
    : type_{type.name},
      time_{time},
      root_{type.store},
      files_{files},
      workshop_{std::make_shared<workshop>(type, std::move(files))} {}

result<void> repository_strategy::prepare() {
  if (auto prepared = files_->prepare(); !prepared)
    return prepared;
  return workshop_->sweep();
}

result<std::shared_ptr<receiver>> repository_strategy::receive(std::shared_ptr<sync_job> job) {
  auto locator = decode_locator(job->locator);
  if (!locator)
    return fail(std::move(locator).error());
  if (auto checked = check_locator(*locator); !checked)
    return fail(std::move(checked).error());
  if (auto there = demand_pool(*job, *locator); !there)
    return fail(std::move(there).error());
  return std::make_shared<repository_receiver>(workshop_, std::move(job), std::move(*locator));
}

/// A first mirror waits for its pool, for a while: the pool may be no record of this site at all.
result<void> repository_strategy::demand_pool(const sync_job& job, const std::string& locator) {
  const auto pool = pool_of(job, locator);
  if (!pool)
    return {};
  const auto root = workshop_->root();
  if (!root || open_repository(*root, *pool) || open_repository(*root, locator))
    return {};
  for (const auto& encoded : job.former)
    if (const auto former = decode_locator(encoded); former && open_repository(*root, *former))
      return {};
  return fail(ec::pool_missing,
              fmt::format("its pool \"{}\" is not here yet; where it does not come, a mirror by "
                          "itself is made",
                          job.pool));
}

result<void> repository_strategy::demand_lease(const sync_job& job) const {
  if (job.held && job.held->lasts(time_.now() + lease_margin))
    return {};
  return fail(ec::lease_lost, "the claim ran out before the disk was ready; it is claimed again");
}

void repository_strategy::place(std::span<placement> batch) {
  std::vector<placing> alive;
  for (auto& entry : batch)
    alive.push_back({&entry, dynamic_cast<repository_receiver*>(entry.from.get())});
  keep_if(alive, [](const placing& one) {
    return one.from ? one.from->ready() : fail(ec::internal, "another strategy's receiver");
  });
  const bool together = alive.size() > flushed_singly_max;
  const auto flush = [&](auto singly) {
    const auto whole = together ? files_->flush_all() : result<void>{};
    keep_if(alive, [&](const placing& one) {
      auto flushed = together ? whole : singly(*one.from);
      if (!flushed)
        one.from->condemn();
      return flushed;
    });
  };
  const auto step_if_held = [&](auto step) {
    keep_if(alive, [&](const placing& one) {
      auto held = demand_lease(*one.entry->job);
      return held ? step(*one.from) : held;
    });
  };
  flush([](repository_receiver& one) { return one.flush_received(); });
  step_if_held([](repository_receiver& one) { return one.bring_objects(); });
  flush([](repository_receiver& one) { return one.flush_objects(); });
  step_if_held([](repository_receiver& one) { return one.change_refs(); });
  flush([](repository_receiver& one) { return one.flush_refs(); });
  for (const auto& one : alive)
    one.entry->to = one.from->settle();
}

result<void> repository_strategy::remove_one(const sync_job& job, const std::string& locator,
                                             std::vector<std::string>& taken) {
  const auto use = workshop_->turns().begin_use(locator);
  if (!use)
    return fail(use.error());
  const auto root = workshop_->root();
  if (!root)
    return fail(root.error());
  const auto there = what_lies_at(*root, locator);
  if (!there)
    return there.error().code == ec::bad_locator ? result<void>{} : fail(there.error());
  if (*there == lying::other)
    return fail(ec::bad_locator, fmt::format("what lies at \"{}\" is no repository, and is left; "
                                             "move it away",
                                             encode_locator(locator)));
  if (*there == lying::nothing)
    return {};
  taken.push_back(workshop_->temp_name(job, "gone"));
  return workshop_->take(locator, taken.back());
}

void repository_strategy::remove(std::span<removal> batch) {
  std::vector<std::string> taken;
  for (auto& entry : batch) {
    entry.done = result<void>{};
    for (const auto& encoded : entry.locators) {
      const auto locator = decode_locator(encoded);
      if (!locator || !check_locator(*locator))
        continue; // nothing can ever have been put there
      entry.done = demand_lease(*entry.job);
      if (entry.done)
        entry.done = remove_one(*entry.job, *locator, taken);
      if (entry.done)
        entry.done = files_->remove(*locator); // the folders that are empty now
      if (entry.done)
        entry.done = files_->flush_names(*locator);
      if (!entry.done)
        break;
    }
    if (!entry.done)
      entry.done = fail(about(*entry.job, std::move(entry.done).error()));
  }
  for (const auto& name : taken)
    workshop_->remove_temp(name);
}

result<void> repository_strategy::keep_up_one(const mirror_turns::upkeep& turn,
                                              const std::function<bool()>& stopped) {
  const auto root = workshop_->root();
  if (!root)
    return fail(root.error());
  const auto repository = open_repository(*root, turn.what().locator);
  if (!repository) // it went since
    return {};
  const auto room = files_->space();
  if (!room)
    return fail(room.error());
  return keep_up_mirror(repository->get(),
                        turn.what().broken_off ? upkeep_kind::brief : upkeep_kind::whole,
                        room->free_bytes, [&] { return turn.is_broken_off() || stopped(); });
}

bool repository_strategy::keep_up(const std::atomic<bool>* cancelled) {
  const auto stopped = [cancelled] { return cancelled != nullptr && *cancelled; };
  auto& turns = workshop_->turns();
  auto turn = turns.begin_upkeep();
  if (!turn)
    return false;
  const auto done = keep_up_one(*turn, stopped);
  if (!done && done.error().code == ec::stopping)
    turns.note({turn->what().locator, true});
  else if (!done)
    spdlog::warn("{}: \"{}\" keeps its many packs until its next fetch: {}", type_,
                 encode_locator(turn->what().locator), done.error().message);
  turn.reset();
  return !stopped() && turns.has_due();
}

result<std::unique_ptr<store_listing>> repository_strategy::list() {
  std::error_code failed;
  std::filesystem::recursive_directory_iterator at{root_, failed};
  if (failed)
    return fail(ec::disk, fmt::format("the store {} can't be looked into: {}", root_.string(),
                                      failed.message()));
  return std::make_unique<repository_listing>(root_, std::move(at));
}

result<unique_fd> repository_strategy::open_at(std::string_view encoded_locator) {
  auto locator = decode_locator(encoded_locator);
  if (!locator)
    return fail(std::move(locator).error());
  if (auto checked = check_locator(*locator); !checked)
    return fail(std::move(checked).error());
  const auto root = workshop_->root();
  if (!root)
    return fail(ec::missing_on_primary, root.error().message);
  return open_repository(*root, *locator);
}

result<std::unique_ptr<resource_reader>>
repository_strategy::open(std::string_view encoded_locator) {
  auto repository = open_at(encoded_locator);
  if (!repository)
    return fail(std::move(repository).error());
  return open_repository_reader(std::move(*repository));
}

result<content_offer> repository_strategy::checksum_of(std::string_view encoded_locator,
                                                       const std::atomic<bool>*) {
  const auto repository = open_at(encoded_locator);
  if (!repository)
    return fail(repository.error());
  const auto refs = read_refs(repository->get());
  if (!refs)
    return fail(refs.error());
  return content_offer{0, refs_checksum(*refs)};
}

result<std::optional<checksum>> repository_strategy::glance(std::string_view encoded_locator) {
  return checksum_of(encoded_locator, nullptr).map([](const content_offer& found) {
    return std::optional{found.sum};
  });
}

result<read_content> repository_strategy::verify(std::string_view encoded_locator,
                                                 const std::atomic<bool>* cancelled) {
  const auto locator = decode_locator(encoded_locator);
  if (!locator)
    return fail(locator.error());
  // Packs that gc removes while they are read would look like damage.
  const auto use = workshop_->turns().begin_use(*locator);
  if (!use)
    return fail(use.error());
  const auto found = checksum_of(encoded_locator, cancelled);
  if (!found)
    return fail(found.error());
  const auto repository = open_at(encoded_locator);
  if (!repository)
    return fail(repository.error());
  const auto report = fsck(repository->get(), cancelled);
  if (!report)
    return fail(report.error());
  if (!report->damage.empty())
    return fail(ec::unreadable_on_primary, report->damage);
  workshop_->look_for_upkeep(repository->get(), *locator);
  return read_content{found->sum, to_text(*report)};
}

} // namespace farshore
