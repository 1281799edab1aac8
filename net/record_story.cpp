#include "net/record_story.hpp"

#include "config/values.hpp"

#include <algorithm>
#include <utility>

namespace farshore {

namespace {

std::string attempts(int failures) {
  return std::to_string(failures) + (failures == 1 ? " failure" : " failures") + " in a row";
}

/// "at 2026-01-02T03:04:09.000Z, in 4s"; nothing: "as soon as its turn comes".
std::string when(const std::optional<wall_time>& at, wall_time now) {
  if (!at || *at <= now)
    return "as soon as its turn comes";
  return "at " + to_rfc3339(*at) + ", in " +
         show_duration(std::chrono::ceil<std::chrono::seconds>(*at - now));
}

void add(std::vector<story_event>& events, const std::optional<wall_time>& at, std::string what) {
  if (at && *at != since_unknown)
    events.push_back({*at, std::move(what)});
}

std::vector<story_event> past_of(const registry_row& row) {
  std::vector<story_event> events;
  add(events, row.created_at, "the site heard of the record");
  add(events, row.last_synced_at,
      "it was synced" +
          (row.synced_revision ? ", at revision " + std::to_string(*row.synced_revision) : ""));
  add(events, row.verified_at, "what is on the disk was found to be right");
  add(events, row.due_since, "the first change that is not here yet was made, or later");
  if (row.unverified_since != row.due_since)
    add(events, row.unverified_since,
        "the first change that is not verified yet was made, or later");
  std::ranges::stable_sort(events, {}, &story_event::at);
  return events;
}

/// The next step where a person, or something outside the record, is what it waits for.
std::string held_up(const std::string& type, const type_hindrance& hindrance) {
  if (hindrance.disabled)
    return "nothing: the type is disabled here ([[replicable]] enabled)";
  if (hindrance.paused)
    return "nothing while the type is paused: farshore resume " + type;
  if (!hindrance.why.empty())
    return "nothing before that is mended: " + hindrance.why;
  return {};
}

std::string try_at_once(const std::string& type, record_id record) {
  return "; at once: farshore resync " + type + " --id " + std::to_string(record);
}

/// Of a row that is not synced.
void tell_due(record_story& story, const std::string& type, const registry_row& row,
              const std::string& hold, wall_time now) {
  const std::string what = row.wanted ? "fetched" : "removed";
  if (row.state == sync_state::started) {
    story.summary = "It is being " + what + " now.";
    story.next_step = "wait: the result is recorded when it ends";
    return;
  }
  const bool again = row.retry_count > 0;
  story.summary = !row.wanted ? "It is to be removed from this site."
                  : row.missing_on_primary
                      ? "The primary has the record, and no content where its row says."
                  : row.verification == verification_state::failed
                      ? "It was found damaged here, and is to be fetched anew."
                  : again ? "It could not be synced: " + attempts(row.retry_count) + "."
                          : "It is due, and waits for its turn.";
  story.cause = row.verification == verification_state::failed && !row.verification_failure.empty()
                    ? row.verification_failure
                    : row.last_sync_failure;
  story.next_step = !hold.empty() ? hold
                    : again
                        ? "tried again " + when(row.retry_at, now) + try_at_once(type, row.record)
                        : what + " " + when(row.retry_at, now);
  if (row.missing_on_primary && hold.empty())
    story.next_step = "bring the content back at the primary, or delete the row there; looked for "
                      "again " +
                      when(row.retry_at, now);
}

void tell_synced(record_story& story, const std::string& type, const registry_row& row,
                 const std::string& hold) {
  const bool level = row.synced_revision == row.target_revision;
  switch (row.verification) {
  case verification_state::succeeded:
    story.summary = "It is synced and verified.";
    story.next_step = "nothing is to be done; it is read again from time to time "
                      "(reverify_after)";
    return;
  case verification_state::disabled:
    story.summary = "It is synced; the primary checksums nothing of the type.";
    story.next_step = "nothing is to be done";
    return;
  default:
    break;
  }
  story.summary = level ? "It is synced, and not verified yet." : "It is synced, and was changed.";
  story.cause = !row.primary_checksum ? "the primary has not told its checksum yet" : "";
  story.next_step = !hold.empty()          ? hold
                    : row.primary_checksum ? "it is read and compared as soon as its turn comes; "
                                             "at once: farshore reverify " +
                                                 type + " --id " + std::to_string(row.record)
                                           : "it is verified once the primary has read it";
}

} // namespace

record_story story_of(const std::string& type, const registry_row& row,
                      const type_hindrance& hindrance, wall_time now) {
  record_story story;
  story.events = past_of(row);
  const auto hold = held_up(type, hindrance);
  if (row.state == sync_state::synced)
    tell_synced(story, type, row, hold);
  else
    tell_due(story, type, row, hold, now);
  return story;
}

record_story story_of(const std::string& type, const checksum_row& row, wall_time now) {
  record_story story;
  add(story.events, row.verified_at, "it was read and checksummed");
  const auto again = when(row.retry_at, now);
  switch (row.state) {
  case verification_state::succeeded:
    story.summary = "Its content was read, and its checksum is known.";
    story.next_step = "nothing is to be done; read again " + again;
    break;
  case verification_state::failed:
    story.summary = row.missing
                        ? "There is no content where its row says."
                        : "Its content could not be read: " + attempts(row.retry_count) + ".";
    story.cause = row.failure;
    story.next_step = std::string{row.missing ? "bring the content back, or delete the row"
                                              : "see to what the failure names"} +
                      "; tried again " + again + "; at once: farshore reverify " + type + " --id " +
                      std::to_string(row.record);
    break;
  case verification_state::disabled:
    story.summary = "It is not verified: not available, or of a type that is not.";
    story.next_step = "nothing is to be done";
    break;
  default:
    story.summary = row.state == verification_state::started ? "It is being read now."
                                                             : "It is due to be read.";
    story.next_step = "read " + again;
  }
  return story;
}

} // namespace farshore
