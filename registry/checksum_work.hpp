// What the primary's verification consists of: records that are claimed, and what came of them.
// Plain structs.

#pragma once

#include "config/ids.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace farshore {

/// Asks for records of a type that are due.
struct checksum_request {
  std::string type;
  std::size_t limit = 0;
  /// Records in hand: what is read again stays `succeeded` meanwhile, so only they tell.
  std::vector<record_id> held;
};

/// A record of the primary's whose resource is to be hashed.
struct checksum_claim {
  record_id record = 0;
  revision rev = 0;
  /// Was verified before, and stays so until the result is there.
  bool again = false;
  /// When it was claimed, by the database; where it is read again, when it was due.
  std::string started;
  /// Failures in a row so far.
  int retry_count = 0;
};

/// What came of a claim.
struct checksum_result {
  enum class kind : std::uint8_t {
    succeeded,
    /// Its resource is not there.
    missing,
    /// Its resource is there, or might be, and can't be read.
    unreadable,
    /// It changed while it was read.
    changed,
    /// Its row is not available (any more).
    unavailable,
  };
  checksum_claim of;
  kind how = kind::unreadable;
  checksum sum{};
  /// Names record, locator and next step.
  std::string failure;
  /// When it is due again.
  std::chrono::milliseconds next{0};
};

struct checksum_report {
  std::string type;
  std::vector<checksum_result> results;
};

/// Of the type nothing else is in hand: claims beside these are void.
struct checksum_release {
  std::string type;
  std::vector<record_id> held;
};

} // namespace farshore
