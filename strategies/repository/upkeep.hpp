// The upkeep of one mirror, by git's own gc: few packs instead of one for each fetch, a
// commit-graph, bitmaps, and no objects that nothing has led to for two weeks. Refs stay as they
// are: packed-refs is ours (mirror.hpp).
//
// Blocks. The mirror must be in nobody's use but that of readers who serve clones: they keep open
// what they read, and look for packs again.

#pragma once

#include "config/error.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>

namespace farshore {

/// Packs that upkeep would make one of; large ones stay as they are.
struct small_packs {
  std::size_t count = 0;
  std::uint64_t bytes = 0;
};

/// From so many small packs on a mirror is due.
inline constexpr std::size_t packs_due = 20;

/// Costs a listing of one folder. Fails with ec::disk.
result<small_packs> count_small_packs(int repository);

enum class upkeep_kind : std::uint8_t {
  whole,
  /// Makes few of the small packs, and looks at nothing else.
  brief,
};

/// Fails with ec::stopping soon after `cancelled` said so, with ec::no_space where less is free
/// than it may need, or with what git says. However it ends, or is killed, the mirror is a good
/// one; what was left by one that was killed is cleared.
result<void> keep_up_mirror(int repository, upkeep_kind how, std::uint64_t free_bytes,
                            const std::function<bool()>& cancelled);

} // namespace farshore
