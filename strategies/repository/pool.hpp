// The repository that another one shares objects with (its pool), as it lies in the same store: a
// first mirror begins with what the pool has, as links to the very files. Neither needs the other
// from then on (docs/decisions/0023). Any thread; blocks on the disk.

#pragma once

#include "config/error.hpp"
#include "strategies/repository/refs.hpp"
#include "strategies/strategy.hpp"
#include "strategies/unique_fd.hpp"

#include <optional>
#include <string>

namespace farshore {

/// After so many failures a mirror is made without its pool.
inline constexpr int pool_tries_max = 5;

struct pool {
  /// O_PATH.
  unique_fd folder;
  /// Read before any pack is shared: all that they need is in the packs that are there then.
  repository_refs refs;
};

/// The decoded locator of the pool that a mirror of the job, at `own` (decoded), may begin with;
/// nothing where it is to be made by itself.
std::optional<std::string> pool_of(const sync_job& job, const std::string& own);

/// Of the mirror at the checked locator beneath `store`; nothing where none is there, or its refs
/// can't be read.
std::optional<pool> open_pool(int store, const std::string& locator);

/// All packs of the pool become packs of the new mirror, which nobody else knows yet: as hard
/// links, or copies where the file system can't. git's gc leaves them as they are (`.keep`). Fails
/// with ec::disk or ec::no_space.
result<void> share_packs(const pool& from, int mirror);

} // namespace farshore
