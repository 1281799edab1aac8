// Reads how the verification of a primary's records stands, for API and command line, on a
// read-only connection of its own. Blocks. Not thread-safe: one for each thread that reads. After
// an error throw it away and open another.

#pragma once

#include "config/error.hpp"
#include "config/ids.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace farshore {

struct checksum_row {
  record_id record = 0;
  std::string key;
  revision rev = 0;
  verification_state state = verification_state::pending;
  bool missing = false;
  int retry_count = 0;
  /// When a failed one is tried again, or a verified one read again.
  std::optional<wall_time> retry_at;
  std::optional<wall_time> verified_at;
  /// Names record, locator and next step; empty unless it failed.
  std::string failure;
  std::optional<checksum> sum;
};

/// Which records to list; nothing: all.
struct checksum_filter {
  std::optional<verification_state> state = {};
  bool missing = false;
};

/// How many records one page is looked for in: see rows_looked_at_max of the registry's view.
inline constexpr std::size_t checksums_looked_at_max = 10'000;

struct listed_checksums {
  /// In order of record id.
  std::vector<checksum_row> rows;
  /// What the next page is behind; nothing after the last one.
  std::optional<record_id> next;
};

class checksum_view {
public:
  virtual ~checksum_view() = default;

  /// `url` is the primary's; its schema must be there.
  static result<std::unique_ptr<checksum_view>> open(const std::string& url);

  /// Up to `limit` (> 0) records of the type behind `after`. Fails with ec::not_found for an
  /// unknown type.
  [[nodiscard]] virtual result<listed_checksums> list(const std::string& type,
                                                      const checksum_filter& only, record_id after,
                                                      std::size_t limit) = 0;

  /// Those of the records that are known, in order of record id.
  [[nodiscard]] virtual result<std::vector<checksum_row>> find(const std::string& type,
                                                               std::span<const record_id> ids) = 0;
};

} // namespace farshore
