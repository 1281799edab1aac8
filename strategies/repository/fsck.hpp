// Reads all objects of a repository, and tells damage from what git merely does not like.

#pragma once

#include "config/error.hpp"

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

namespace farshore {

struct fsck_report {
  /// Objects missing or corrupt, packs that can't be read, links or refs that lead nowhere, as git
  /// says it; empty: none.
  std::string damage;
  /// "error in commit …: missingSpaceBeforeDate: …" and the like, the first few: what the primary
  /// has accepted is kept as it is.
  std::vector<std::string> findings;
  std::size_t findings_count = 0;
};

/// What an exit code of `git fsck` and its words mean. Pure.
fsck_report read_fsck(int code, std::string_view output, std::string_view complaints);

/// The findings, a line each, and how many more there are; empty: none.
std::string to_text(const fsck_report& report);

/// Runs it in the open repository. Fails with ec::stopping soon after `cancelled` (unless nullptr)
/// was set, with ec::no_progress, or with ec::disk where there is no git.
result<fsck_report> fsck(int repository, const std::atomic<bool>* cancelled);

} // namespace farshore
