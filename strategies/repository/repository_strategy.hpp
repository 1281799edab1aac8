// Repositories: each resource is one bare git repository, a folder at its locator.
//
// On a primary it is read only; on a secondary it is a mirror of our own making (mirror.hpp), equal
// in refs and HEAD, complete by itself. Refs are read by our own code, packs are made, taken and
// checked by the program git (docs/decisions/0021-git-repositories.md). Thread-safe as strategy.hpp
// says; place() and remove() may run beside each other and beside receivers.

#pragma once

#include "config/config.hpp"
#include "strategies/repository/workshop.hpp"
#include "strategies/strategy.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace farshore {

class repository_strategy final : public strategy {
public:
  repository_strategy(const replicable_type& type, const time_source& time,
                      std::shared_ptr<store_files> files);

  result<store_look> look() override { return files_->look(); }
  result<void> prepare() override;
  result<void> write_mark(const store_mark& mark) override { return files_->write_mark(mark); }
  result<std::shared_ptr<receiver>> receive(std::shared_ptr<sync_job> job) override;
  void place(std::span<placement> batch) override;
  /// What lies at a locator and is no repository is left, and fails the removal.
  void remove(std::span<removal> batch) override;
  result<disk_space> space() override { return files_->space(); }
  /// git gc in a mirror that has collected packs and that nobody fetches into, exchanges, removes
  /// or verifies; whoever comes to do so breaks it off, and it stays due.
  bool keep_up(const std::atomic<bool>* cancelled) override;
  /// Of repositories; what lies beside them is none of ours.
  result<std::unique_ptr<store_listing>> list() override;
  result<std::unique_ptr<resource_reader>> open(std::string_view encoded_locator) override;
  /// refs_checksum; its size is 0. Costs no process.
  result<content_offer> checksum_of(std::string_view encoded_locator,
                                    const std::atomic<bool>* cancelled) override;
  /// The same.
  result<std::optional<checksum>> glance(std::string_view encoded_locator) override;
  /// Beyond it `git fsck`: every object is read, and all that the refs need is there. What git
  /// merely does not like are the findings.
  result<read_content> verify(std::string_view encoded_locator,
                              const std::atomic<bool>* cancelled) override;

private:
  result<void> demand_pool(const sync_job& job, const std::string& locator);
  [[nodiscard]] result<void> demand_lease(const sync_job& job) const;
  result<unique_fd> open_at(std::string_view encoded_locator);
  result<void> keep_up_one(const mirror_turns::upkeep& turn, const std::function<bool()>& stopped);
  /// Takes it away, into the temporary folder that is added to `taken`.
  result<void> remove_one(const sync_job& job, const std::string& locator,
                          std::vector<std::string>& taken);

  const std::string type_;
  const time_source& time_;
  const std::filesystem::path root_;
  const std::shared_ptr<store_files> files_;
  const std::shared_ptr<workshop> workshop_;
};

} // namespace farshore
