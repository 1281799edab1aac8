// What two sites compare instead of rows: a digest of a set of records. Digests of disjoint sets
// add up, in any order, so a range's digest is the sum of its parts'. Plain data; docs/wire.md,
// "Digests", says what is hashed.

#pragma once

#include "config/ids.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace farshore {

struct record_digest {
  std::int64_t records = 0;
  /// The sum of the records' hashes, modulo 2^128.
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  record_digest& operator+=(const record_digest& other);
  friend bool operator==(const record_digest&, const record_digest&) = default;
};

/// Of one record. `fault`: what is wrong with what is held of it, a word that no sound record has;
/// so that it never equals the primary's. Empty: nothing.
record_digest digest_of(record_id record, std::string_view locator, revision rev,
                        const std::optional<checksum>& sum, std::string_view fault = {});

/// The sum alone, 32 lower-case hex digits.
std::string sum_text(const record_digest& digest);
/// Inverse, into `high` and `low`. False unless the text is just that.
bool parse_sum(std::string_view text, record_digest& into);

/// Four groups of four, to be read out over the telephone: "7K2M-Q0XV-4ZTC-9H3D". Digits and
/// capital letters without I, L, O and U.
std::string spoken_digest(const record_digest& digest);
/// The same for a whole site, by its types' names.
std::string spoken_digest(const std::map<std::string, record_digest>& types);

} // namespace farshore
