#include "registry/row_rules.hpp"

#include "config/locator.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace farshore {

namespace {

constexpr std::size_t failure_bytes_max = 255;
constexpr std::size_t findings_bytes_max = 2000;
constexpr std::string_view replacement = "\xEF\xBF\xBD"; // U+FFFD

/// Bytes of the UTF-8 character at the text's beginning; 0 if there is none that a database takes.
std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return byte(i) >= low && byte(i) <= high;
  };
  const auto first = byte(0);
  if (first == 0)
    return 0;
  if (first < 0x80)
    return 1;
  if (first >= 0xC2 && first <= 0xDF)
    return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) { // neither overlong nor half of a surrogate pair
    const bool fits = follows(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF);
    return fits && follows(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool fits = follows(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF);
    return fits && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

bool is_placeable(std::string_view locator) {
  const auto bytes = decode_locator(locator);
  return bytes && check_locator(*bytes);
}

bool never_synced(const registry_row& row) {
  return !row.synced_revision && !row.due_since;
}

bool never_verified(const registry_row& row) {
  return !row.verified_at && !row.unverified_since;
}

void note_change(registry_row& row, wall_time since) {
  // A row that was never synced lacks older content than this change, too.
  if (!never_synced(row))
    row.due_since = std::min(row.due_since.value_or(since), since);
  if (!never_verified(row))
    row.unverified_since = std::min(row.unverified_since.value_or(since), since);
}

/// What is on the disk is what the primary has.
void note_confirmed(registry_row& row, wall_time now) {
  row.unverified_since.reset();
  if (row.verified_at && row.verification != verification_state::disabled)
    return; // also where it was marked to be read
  row.verification = verification_state::succeeded;
  row.verified_at = now;
}

void add_stale(registry_row& row, const std::string& locator) {
  auto& stale = row.stale_locators;
  if (locator != row.locator && !locator.empty() &&
      std::ranges::find(stale, locator) == stale.end())
    stale.push_back(locator);
}

/// The former locator becomes stale whatever the state: a worker that was killed may have left the
/// resource there.
void relocate(registry_row& row, const std::string& locator) {
  const auto former = std::exchange(row.locator, locator);
  add_stale(row, former);
}

/// The row's content is on the disk, and what the page names is that very content.
bool is_on_disk(const registry_row& row, const std::string& locator,
                const std::optional<checksum>& sum) {
  return row.state == sync_state::synced && row.wanted && sum && sum == row.sum &&
         locator == row.locator;
}

/// At the same revision, and yet not as the catalogue names it; or it knows a checksum that the row
/// does not.
bool is_named_otherwise(const registry_row& row, const catalogue_row& found) {
  return row.wanted && row.target_revision == found.rev &&
         (row.locator != found.locator || (found.sum && found.sum != row.primary_checksum));
}

void drop_settled(registry_row& row, std::size_t settled) {
  auto& stale = row.stale_locators;
  stale.erase(stale.begin(),
              stale.begin() + static_cast<std::ptrdiff_t>(std::min(settled, stale.size())));
}

/// Sizes beyond the column's range are as good as unknown.
std::optional<std::uint64_t> stored_size(std::optional<std::uint64_t> size) {
  return size && *size <= static_cast<std::uint64_t>(INT64_MAX) ? size : std::nullopt;
}

void make_pending(registry_row& row, std::optional<wall_time> retry_at) {
  row.state = sync_state::pending;
  row.retry_at = retry_at;
}

/// Due as bulk work, with a change that the log did not tell of. What is due as a live change stays
/// so.
void make_due_untold(registry_row& row, wall_time now) {
  note_change(row, since_unknown);
  const bool is_live = row.state == sync_state::pending && !row.retry_at;
  make_pending(row, is_live ? std::nullopt : std::optional{bulk_due(now, row.size, row.record)});
}

} // namespace

wall_time stored_time(wall_time t) {
  return wall_time{std::chrono::floor<std::chrono::microseconds>(t.time_since_epoch())};
}

std::string clean_text(std::string_view text, std::size_t bytes_max) {
  std::string clean;
  while (!text.empty()) {
    const auto bytes = character_bytes(text);
    const auto next = bytes > 0 ? text.substr(0, bytes) : replacement;
    if (next.size() > bytes_max - clean.size())
      break;
    clean += next;
    text.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return clean;
}

std::string failure_text(std::string_view text) {
  return clean_text(text, failure_bytes_max);
}

std::optional<checksum> known_checksum(const checksum& sum) {
  return sum == checksum{} ? std::nullopt : std::optional{sum};
}

std::map<std::string, std::vector<served_event>> newest_events(const events_page& page) {
  std::map<std::string, std::map<record_id, const served_event*>> newest;
  for (const auto& e : page.events) {
    if (e.op == operation::truncated)
      continue;
    auto& seen = newest[e.type][e.record];
    if (!seen || seen->id < e.id)
      seen = &e;
  }
  std::map<std::string, std::vector<served_event>> by_type;
  for (const auto& [type, records] : newest)
    for (const auto& [_, e] : records) {
      auto& clean = by_type[type].emplace_back(*e);
      clean.key = clean_text(e->key);
      clean.locator = clean_text(e->locator);
      clean.pool = clean_text(e->pool);
      clean.size = stored_size(e->size);
    }
  return by_type;
}

std::map<std::string, revision> truncations(const events_page& page) {
  std::map<std::string, revision> highest;
  for (const auto& e : page.events)
    if (e.op == operation::truncated)
      highest[e.type] = std::max(highest[e.type], e.id);
  return highest;
}

std::vector<catalogue_row> catalogue_rows(std::span<const catalogue_row> page) {
  std::map<record_id, const catalogue_row*> found;
  for (const auto& row : page)
    found[row.record] = &row;
  std::vector<catalogue_row> rows;
  rows.reserve(found.size());
  for (const auto& [_, row] : found) {
    auto& clean = rows.emplace_back(*row);
    clean.key = clean_text(row->key);
    clean.locator = clean_text(row->locator);
    clean.pool = clean_text(row->pool);
    clean.size = stored_size(row->size);
  }
  return rows;
}

std::optional<wall_time> told_recovery_point(std::optional<wall_time>& told,
                                             std::optional<wall_time> now) {
  if (!now || *now == since_unknown)
    return {};
  told = std::max(told.value_or(*now), *now);
  return told;
}

namespace {

constexpr std::chrono::minutes bulk_step{10};

/// `steps` before what is found now, and among equals the newer record first.
wall_time due_before(wall_time now, std::ptrdiff_t steps, record_id record) {
  using std::chrono::microseconds;
  const microseconds recency{std::clamp<record_id>(record, 0, microseconds{bulk_step}.count() - 1)};
  const auto found = std::chrono::floor<std::chrono::duration<std::int64_t, std::ratio<600>>>(
      now.time_since_epoch());
  return wall_time{found - steps * bulk_step - recency};
}

} // namespace

wall_time bulk_due(wall_time now, std::optional<std::uint64_t> size, record_id record) {
  constexpr std::array<std::uint64_t, 5> class_bytes_max{64u << 10, 1u << 20, 16u << 20, 256u << 20,
                                                         std::uint64_t{4} << 30};
  const auto bytes = size.value_or(1u << 20);
  const auto size_class =
      std::ranges::lower_bound(class_bytes_max, bytes) - class_bytes_max.begin();
  return due_before(now, 6 - size_class, record);
}

wall_time late_bulk_due(wall_time now, record_id record) {
  return due_before(now, 0, record);
}

bool changes_disk(const outcome& how) {
  return how.how == outcome::kind::removed || (how.how == outcome::kind::synced && !how.adopted);
}

std::vector<std::string> locators_to_lock(const registry_row& row) {
  auto locators = row.stale_locators;
  locators.push_back(row.locator);
  std::erase(locators, "");
  return locators;
}

std::vector<std::string> removal_candidates(const registry_row& row) {
  auto candidates = row.stale_locators;
  std::erase(candidates, row.locator);
  if (!row.wanted)
    candidates.push_back(row.locator);
  std::erase_if(candidates, [](const auto& locator) { return !is_placeable(locator); });
  return candidates;
}

registry_row row_of(const served_event& e, std::optional<wall_time> since, wall_time now) {
  registry_row row;
  row.record = e.record;
  row.key = e.key;
  row.locator = e.locator;
  row.target_revision = e.id;
  row.size = e.size;
  row.primary_checksum = e.sum;
  row.pool = e.pool;
  row.due_since = since;
  row.unverified_since = since;
  row.created_at = now;
  return row;
}

change apply_event(registry_row& row, const served_event& e, wall_time since, wall_time now) {
  if (e.id <= row.target_revision)
    return change::none;
  if (e.present && is_on_disk(row, e.locator, e.sum)) {
    row.target_revision = e.id;
    row.synced_revision = e.id;
    row.key = e.key;
    row.primary_checksum = e.sum;
    row.pool = e.pool;
    note_confirmed(row, now);
    return change::raised;
  }
  row.target_revision = e.id;
  row.wanted = e.present;
  if (e.present) {
    relocate(row, e.locator);
    row.key = e.key;
    row.size = e.size;
    row.primary_checksum = e.sum;
    row.pool = e.pool;
  }
  note_change(row, since);
  // A checksum alone does not let bulk work that waits, or is under way, overtake live changes.
  const bool keeps_place = e.op == operation::checksum_succeeded && e.present &&
                           (row.state == sync_state::pending || row.state == sync_state::started);
  if (!keeps_place)
    make_pending(row, {});
  return change::due;
}

change apply_truncation(registry_row& row, revision id, wall_time since) {
  if (row.target_revision >= id)
    return change::none;
  row.target_revision = id;
  row.wanted = false;
  note_change(row, since);
  make_pending(row, {});
  return change::due;
}

registry_row row_of(const catalogue_row& found, wall_time now) {
  registry_row row;
  row.record = found.record;
  row.key = found.key;
  row.locator = found.locator;
  row.target_revision = found.rev;
  row.size = found.size;
  row.primary_checksum = found.sum;
  row.pool = found.pool;
  row.retry_at = found.pool.empty() ? bulk_due(now, found.size, found.record)
                                    : late_bulk_due(now, found.record);
  row.created_at = now;
  return row;
}

change apply_catalogue(registry_row& row, const catalogue_row& found, wall_time now, bool asked) {
  const bool otherwise = asked && is_named_otherwise(row, found);
  if (row.target_revision >= found.rev && (row.wanted || !asked) && !otherwise)
    return change::none;
  row.target_revision = std::max(row.target_revision, found.rev);
  row.key = found.key;
  row.primary_checksum = found.sum;
  row.pool = found.pool;
  if (is_on_disk(row, found.locator, found.sum)) {
    row.synced_revision = found.rev;
    note_confirmed(row, now);
    return change::raised;
  }
  row.wanted = true;
  relocate(row, found.locator);
  row.size = found.size;
  make_due_untold(row, now);
  return change::due;
}

bool differs(const registry_row* row, const catalogue_row& found) {
  return !row || !row->wanted || row->target_revision < found.rev ||
         is_named_otherwise(*row, found);
}

void apply_gone(registry_row& row, wall_time now) {
  row.wanted = false;
  make_due_untold(row, now);
}

void apply_epoch(registry_row& row, wall_time now) {
  row.target_revision = 0;
  row.synced_revision.reset();
  row.primary_checksum.reset();
  row.due_since.reset();
  row.missing_on_primary = false;
  row.verification = verification_state::pending;
  row.verified_at.reset();
  row.unverified_since.reset();
  row.retry_count = 0;
  make_pending(row, bulk_due(now, row.size, row.record));
}

void apply_distrust(registry_row& row, wall_time now) {
  row.synced_revision.reset();
  row.due_since.reset();
  row.sum.reset();
  row.verified_at.reset();
  row.unverified_since.reset();
  row.verification = verification_state::pending;
  if (row.state == sync_state::failed)
    return; // what fails backs off all the same
  const bool is_live = row.state == sync_state::pending && !row.retry_at;
  make_pending(row, is_live ? std::nullopt : std::optional{bulk_due(now, row.size, row.record)});
}

bool resync_changes(const registry_row& row, wall_time now) {
  if (row.state == sync_state::started)
    return false;
  return row.state != sync_state::pending || (row.retry_at && *row.retry_at > now);
}

void apply_resync(registry_row& row, wall_time now) {
  row.retry_count = 0;
  make_pending(row, bulk_due(now, row.size, row.record));
}

void apply_synced(registry_row& row, const outcome& how, const live_claim& of, wall_time now,
                  bool verifies) {
  const bool is_at_target = row.target_revision == how.reached;
  // An event that came during the transfer may have brought nothing but this very content.
  const bool is_same_content = row.primary_checksum == how.sum && row.locator == of.locator &&
                               row.stale_locators.size() <= how.stale_settled;
  const bool settled = row.wanted && !of.outdated && (is_at_target || is_same_content);
  if (settled) {
    row.synced_revision = row.target_revision;
    row.state = sync_state::synced;
    row.due_since.reset();
    row.size = how.size;
  } else {
    row.state = sync_state::pending;
    if (never_synced(row))
      row.due_since = since_unknown; // no longer never synced, and yet a change is missing
    row.synced_revision = how.reached;
  }
  row.retry_at.reset();
  row.retry_count = 0;
  row.last_sync_failure.clear();
  row.last_synced_at = now;
  row.missing_on_primary = false;
  row.force_to_redownload = false;
  const bool confirmed = row.primary_checksum == how.sum;
  row.verification = confirmed  ? verification_state::succeeded
                     : verifies ? verification_state::pending
                                : verification_state::disabled;
  if (confirmed || !verifies)
    row.verified_at = now;
  else
    row.verified_at.reset();
  if (settled && row.verified_at)
    row.unverified_since.reset();
  else if (!row.verified_at && !row.unverified_since)
    row.unverified_since = since_unknown; // no longer never verified, and yet unconfirmed
  row.verification_failure.clear();
  row.sum = how.sum;
  row.checksum_mismatch = false;
  row.verification_checksum_mismatched.reset();
  drop_settled(row, how.stale_settled);
  add_stale(row, of.locator); // where it lies, whatever was settled
}

bool apply_removed(registry_row& row, const outcome& how) {
  if (!row.wanted && row.target_revision == how.reached)
    return false;
  drop_settled(row, how.stale_settled);
  row.synced_revision.reset();
  make_pending(row, {});
  return true;
}

void apply_failed(registry_row& row, const outcome& how, const live_claim& of, wall_time now) {
  if (of.outdated || row.target_revision != how.reached)
    return make_pending(row, {}); // what failed is not what is wanted by now
  row.state = sync_state::failed;
  row.retry_at = now + how.retry_after;
  ++row.retry_count;
  row.last_sync_failure = failure_text(how.why.message);
  row.missing_on_primary = how.why.code == ec::missing_on_primary;
  if (how.why.code == ec::checksum_mismatch) {
    row.checksum_mismatch = true;
    row.verification_checksum_mismatched = known_checksum(how.sum);
  }
}

void apply_given_back(registry_row& row, const live_claim& of) {
  if (row.state != sync_state::started)
    return;
  row.state = of.found_state;
  row.retry_at = of.found_retry_at;
}

void apply_started(registry_row& row, wall_time lease_end) {
  row.state = sync_state::started;
  row.retry_at = lease_end;
}

// -- verification at rest ------------------------------------------------------------------------

bool is_marked(const registry_row& row) {
  return row.state == sync_state::synced && row.verification == verification_state::pending &&
         !row.unverified_since;
}

bool is_due_for_walk(const registry_row& row, wall_time now, std::chrono::milliseconds recent) {
  return row.state == sync_state::synced && row.verified_at && *row.verified_at <= now - recent;
}

verification_claim verification_of(const registry_row& row, const std::string& type,
                                   epoch_number epoch) {
  return {{type, row.record},
          epoch,
          row.locator,
          row.sum.value_or(checksum{}),
          row.synced_revision.value_or(0),
          row.verified_at};
}

bool still_is(const registry_row& row, const verification_claim& of) {
  return row.state == sync_state::synced && row.synced_revision == of.synced &&
         row.verified_at == of.verified_at && row.locator == of.locator && row.sum == of.expected;
}

std::string findings_text(std::string_view text) {
  return clean_text(text, findings_bytes_max);
}

void apply_verified(registry_row& row, const verification_outcome& found, wall_time now) {
  row.findings = findings_text(found.findings);
  row.verification =
      row.primary_checksum ? verification_state::succeeded : verification_state::disabled;
  row.verified_at = now;
}

void apply_damaged(registry_row& row, const verification_outcome& found, wall_time now) {
  row.verification = verification_state::failed;
  row.verification_failure = failure_text(found.damage ? found.damage->message : "");
  row.checksum_mismatch = found.found.has_value();
  row.verification_checksum_mismatched = found.found;
  row.force_to_redownload = true;
  row.retry_count = 0;
  make_due_untold(row, now);
}

bool apply_reverify(registry_row& row, wall_time now) {
  if (row.verification == verification_state::failed) {
    if (!resync_changes(row, now))
      return false;
    apply_resync(row, now);
    return true;
  }
  if (row.state != sync_state::synced || !row.verified_at)
    return false;
  row.verification = verification_state::pending;
  return true;
}

bool apply_verifies(registry_row& row, bool verifies, wall_time now) {
  if (row.state != sync_state::synced || row.primary_checksum)
    return false;
  if (verifies != (row.verification == verification_state::disabled))
    return false;
  row.verification = verifies ? verification_state::pending : verification_state::disabled;
  if (verifies) {
    row.verified_at.reset();
    row.unverified_since = since_unknown;
  } else {
    row.verified_at = now;
    row.unverified_since.reset();
  }
  return true;
}

} // namespace farshore
