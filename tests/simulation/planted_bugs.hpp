// Bugs that someone might write, put in between at the seams: the simulation must find each of them
// (simulation_test.cpp). The program itself knows nothing of them.

#pragma once

#include "registry/memory_store.hpp"
#include "registry/store.hpp"
#include "tests/support/fake_files.hpp"

#include <chrono>
#include <memory>

namespace farshore::simulation {

/// What each of them does wrong.
enum class planted_bug {
  none,
  /// The log's place is committed before the changes that its events caused.
  cursor_before_changes,
  /// A file gets its name before its bytes are on the disk.
  rename_before_flush,
  /// What an old claim brought is taken for the newest revision.
  old_claim_accepted,
  /// A delete does not wait for the download that is under way.
  delete_overtakes_download,
  /// The backfill sets a target back to the revision that its page saw.
  target_lowered_by_backfill,
  /// A check believes what it saw first: the answer by id is not looked at.
  suspect_believed,
  /// What was found damaged at rest is noted, and not fetched again.
  damage_left,
};

/// Whether the bug is looked for in a world with checks, and with rows that come and go untold.
bool has_checks(planted_bug bug);

/// The store of a node that has the bug.
std::shared_ptr<registry_store> with_bug(planted_bug bug, std::shared_ptr<registry_store> store,
                                         std::shared_ptr<test::fake_volume> volume);

/// The file operations of a node that has the bug.
std::shared_ptr<store_files> with_bug(planted_bug bug, std::shared_ptr<store_files> files);

} // namespace farshore::simulation
