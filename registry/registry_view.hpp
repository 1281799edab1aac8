// Reads a secondary's registry for API and command line, on a read-only connection of its own.
// Blocks. Not thread-safe: one for each thread that reads. After an error throw it away and open
// another.

#pragma once

#include "config/error.hpp"
#include "registry/registry_row.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace farshore {

/// Which rows to list; nothing: all.
struct rows_filter {
  std::optional<sync_state> state = {};
  std::optional<verification_state> verification = {};
  /// Only those with findings.
  bool findings = false;
  bool missing_on_primary = false;
  /// What the (encoded) locator contains; empty: whatever.
  std::string locator_part = {};
};

/// How many rows one page is looked for in. What failed, and what was found damaged, is found by an
/// index; other rows are looked at one by one, and a page is to take some 10 ms at any depth, so
/// that it may hold fewer rows than asked for, or none, and not be the last.
inline constexpr std::size_t rows_looked_at_max = 10'000;

struct listed_rows {
  /// In order of record id.
  std::vector<registry_row> rows;
  /// What the next page is behind; nothing after the last one.
  std::optional<record_id> next;
};

class registry_view {
public:
  virtual ~registry_view() = default;

  /// `url` is the tracking database's; its schema must be there (the node's store makes it). Fails
  /// with ec::database_unavailable.
  static result<std::unique_ptr<registry_view>> open(const std::string& url);

  /// Up to `limit` (> 0) rows of the type behind `after`. Fails with ec::not_found for an unknown
  /// type.
  [[nodiscard]] virtual result<listed_rows> list(const std::string& type, const rows_filter& only,
                                                 record_id after, std::size_t limit) = 0;

  /// Those of the records that have a row, in order of record id.
  [[nodiscard]] virtual result<std::vector<registry_row>> find(const std::string& type,
                                                               std::span<const record_id> ids) = 0;

  /// The rows of records that are to lie at the (encoded) locator; usually one, at most ten.
  [[nodiscard]] virtual result<std::vector<registry_row>> at(const std::string& type,
                                                             const std::string& locator) = 0;
};

} // namespace farshore
