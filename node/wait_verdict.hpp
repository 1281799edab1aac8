// What `farshore wait` decides from a status: a pure function.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

namespace farshore {

struct wait_verdict {
  bool reached = false;
  /// Why not, one sentence each; empty where reached.
  std::vector<std::string> open;
  /// What is not synced, but known and named: waiting types, records missing on the primary.
  std::vector<std::string> accounted;
  /// Names of the types with records that failed for other reasons than being missing.
  std::vector<std::string> failing_types;
  /// Names of the types with records missing on the primary.
  std::vector<std::string> missing_types;
  /// Registry rows of the enabled types.
  std::int64_t records = 0;
};

/// `mark`: the transaction that has to be covered (a secondary's status), ignored for a primary.
/// `synced`: what is not verified yet is no reason to wait. `since`: the log's horizon in the first
/// status that had covered the mark, where one had; what came later need not be verified yet, of
/// which under a steady load there always is something.
wait_verdict judge_wait(const boost::json::value& status, std::uint64_t mark, bool synced = false,
                        const std::string& since = {});

} // namespace farshore
