// Blobs: each resource is one regular file at its locator.
//
// Thread-safe as strategy.hpp says; place() and remove() may run beside each other and beside
// receivers. Owns nothing but its shelf, which it shares with its receivers.

#pragma once

#include "config/config.hpp"
#include "strategies/blob/shelf.hpp"
#include "strategies/strategy.hpp"

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace farshore {

class blob_strategy final : public strategy {
public:
  blob_strategy(const replicable_type& type, const time_source& time,
                std::shared_ptr<store_files> files);

  result<store_look> look() override { return files_->look(); }
  result<void> prepare() override;
  result<void> write_mark(const store_mark& mark) override { return files_->write_mark(mark); }
  result<std::shared_ptr<receiver>> receive(std::shared_ptr<sync_job> job) override;
  void place(std::span<placement> batch) override;
  void remove(std::span<removal> batch) override;
  result<disk_space> space() override { return files_->space(); }
  result<std::unique_ptr<store_listing>> list() override;
  result<std::unique_ptr<resource_reader>> open(std::string_view encoded_locator) override;
  result<content_offer> checksum_of(std::string_view encoded_locator,
                                    const std::atomic<bool>* cancelled) override;

private:
  [[nodiscard]] result<void> demand_lease(const sync_job& job) const;
  result<void> flush_all();
  std::vector<result<void>> flush_names(std::span<const std::string> locators);

  const time_source& time_;
  const std::filesystem::path root_;
  const std::shared_ptr<store_files> files_;
  const std::shared_ptr<shelf> shelf_;
};

} // namespace farshore
