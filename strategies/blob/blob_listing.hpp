// What lies in a store of blobs, in the order of the paths. Blocks on the disk; one thread at a
// time. See folder/folder_walk.hpp for how it goes.

#pragma once

#include "strategies/folder/folder_walk.hpp"
#include "strategies/strategy.hpp"

#include <filesystem>
#include <memory>

namespace farshore {

class blob_listing final : public store_listing {
public:
  /// Fails with ec::disk. `time` outlives it.
  static result<std::unique_ptr<store_listing>> open(const std::filesystem::path& root,
                                                     const time_source& time);

  blob_listing(std::shared_ptr<const opened_folder> root, const time_source& time)
      : walk_{std::move(root), "", {}, time} {}

  result<stored_page> next(std::size_t limit) override;

private:
  folder_walk walk_;
};

} // namespace farshore
