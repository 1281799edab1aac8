#include "registry/row_comparison.hpp"

namespace farshore {

namespace {

bool both_known_and_other(const std::optional<checksum>& a, const std::optional<checksum>& b) {
  return a && b && *a != *b;
}

} // namespace

std::string_view fault_of(const registry_row& row) {
  if (!row.wanted)
    return "removing";
  if (row.state == sync_state::failed)
    return "failed";
  if (row.state == sync_state::started)
    return "started";
  if (row.state != sync_state::synced || row.synced_revision != row.target_revision)
    return "pending";
  if (row.verification == verification_state::failed || row.checksum_mismatch ||
      both_known_and_other(row.sum, row.primary_checksum))
    return "damaged";
  return {};
}

std::optional<record_digest> digest_of(const registry_row& row, digest_view view) {
  if (view == digest_view::target && !row.wanted)
    return {};
  const auto fault = view == digest_view::held ? fault_of(row) : std::string_view{};
  return digest_of(row.record, row.locator, row.target_revision, row.primary_checksum, fault);
}

held_digests digest_rows(const held_request& asked, std::span<const registry_row> rows, bool cut) {
  held_digests found;
  if (asked.bounds.empty())
    return found;
  found.upto = cut && !rows.empty() ? rows.back().record : asked.bounds.back();
  std::size_t next = 0;
  for (const auto bound : asked.bounds) {
    auto& slice = found.slices.emplace_back();
    for (; next < rows.size() && rows[next].record <= bound; ++next)
      if (const auto one = digest_of(rows[next], asked.view))
        slice += *one;
    if (bound >= found.upto)
      break;
  }
  return found;
}

std::string_view to_string(difference_kind kind) {
  switch (kind) {
  case difference_kind::none:
    return "none";
  case difference_kind::missing_here:
    return "missing_here";
  case difference_kind::only_here:
    return "only_here";
  case difference_kind::other_locator:
    return "other_locator";
  case difference_kind::other_revision:
    return "other_revision";
  case difference_kind::other_checksum:
    return "other_checksum";
  case difference_kind::not_sound:
    return "not_sound";
  }
  return "unknown";
}

difference_kind difference_of(const catalogue_row* there, const registry_row* here) {
  if (!there && !here)
    return difference_kind::none;
  if (!there)
    return here->wanted ? difference_kind::only_here : difference_kind::not_sound;
  if (!here || !here->wanted)
    return difference_kind::missing_here;
  if (here->locator != there->locator)
    return difference_kind::other_locator;
  if (here->target_revision != there->rev)
    return difference_kind::other_revision;
  if (both_known_and_other(here->primary_checksum, there->sum))
    return difference_kind::other_checksum;
  return fault_of(*here).empty() ? difference_kind::none : difference_kind::not_sound;
}

} // namespace farshore
