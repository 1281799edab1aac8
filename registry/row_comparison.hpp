// How a secondary's row and the primary's record differ, and what of a row goes into a digest.
// Plain functions.

#pragma once

#include "registry/range_digests.hpp"
#include "registry/records.hpp"
#include "registry/registry_row.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace farshore {

/// What the row itself says is wrong with what is held. A word: "pending", "started", "failed",
/// "removing" or "damaged" (its verification failed, or its content is not the primary's); empty
/// where all is well.
std::string_view fault_of(const registry_row& row);

/// Of a row as that view has it; nothing where it has no part in it.
std::optional<record_digest> digest_of(const registry_row& row, digest_view view);

/// What the request asks of `rows`: those behind `asked.after`, in order, as many as were read.
/// `cut`: more may follow the last of them.
held_digests digest_rows(const held_request& asked, std::span<const registry_row> rows, bool cut);

enum class difference_kind {
  none,
  /// The primary has the record, and no row says so here.
  missing_here,
  /// A row is here, not on its way out, and the primary has no such record.
  only_here,
  other_locator,
  other_revision,
  other_checksum,
  /// The row's own fault: see fault_of().
  not_sound,
};
std::string_view to_string(difference_kind kind);

/// Either may be nullptr. A checksum that one side alone knows makes no difference.
difference_kind difference_of(const catalogue_row* there, const registry_row* here);

} // namespace farshore
