#include "node/wait_verdict.hpp"

#include "node/fields.hpp"

#include <fmt/format.h>

namespace farshore {

namespace {

using boost::json::value;

void judge_log(const value& status, std::uint64_t mark, wait_verdict& verdict) {
  auto covered = uint_at(status, "/log/covered_xid");
  if (covered >= mark)
    return;
  verdict.open.push_back(
      fmt::format("the primary's log is applied up to transaction {}, not yet {}", covered, mark));
  if (auto pid = int_at(status, "/log/blocker/pid"); pid != 0)
    verdict.open.push_back(fmt::format("an open transaction on the primary holds the log back: "
                                       "process {}, for {} s",
                                       pid, int_at(status, "/log/blocker/age_seconds")));
}

/// What stands between synced and verified.
void judge_verification(const value& type, const std::string& since, wait_verdict& verdict) {
  const auto name = text_at(type, "/name");
  // RFC 3339, in one form: as texts they are in the order of time. At the very horizon a change
  // from before the mark may still stand: pages that follow each other may have one and the same.
  const auto verified_to = text_at(type, "/verified_recovery_point");
  const bool later_only =
      !since.empty() && verified_to > since && int_at(type, "/marked_count") == 0;
  if (const auto pending = int_at(type, "/verification_pending_count"); pending > 0 && !later_only)
    verdict.open.push_back(fmt::format("type {}: {} synced, not verified yet", name, pending));
  if (const auto failed = int_at(type, "/verification_failed_count"); failed > 0)
    verdict.open.push_back(
        fmt::format("type {}: {} found damaged, not fetched again yet", name, failed));
}

void judge_type(const value& type, bool synced, const std::string& since, wait_verdict& verdict) {
  if (!bool_at(type, "/enabled"))
    return;
  auto name = text_at(type, "/name");
  auto count = [&](std::string_view path) { return int_at(type, path); };
  verdict.records += count("/registry_count");
  auto missing = count("/missing_on_primary_count");
  auto failed = count("/failed_count") - missing;
  auto due = count("/pending_count") + count("/started_count");
  auto removing = count("/removing_count");

  if (missing > 0) {
    verdict.missing_types.push_back(name);
    verdict.accounted.push_back(fmt::format("type {}: {} missing on the primary", name, missing));
  }
  const auto open_before = verdict.open.size();
  if (text_at(type, "/store/state") == "opening")
    verdict.open.push_back(fmt::format("type {}: its store is being looked at", name));
  if (auto waiting = text_at(type, "/waiting"); !waiting.empty())
    verdict.accounted.push_back(fmt::format("type {} waits: {}", name, one_line(waiting)));
  else if (!bool_at(type, "/backfill_complete"))
    verdict.open.push_back(fmt::format("type {}: its backfill is not complete", name));
  if (const auto held = int_at(type, "/check/held"); held > 0)
    verdict.accounted.push_back(
        fmt::format("type {}: {} gone from the primary, removals held back; farshore approve {}",
                    name, held, name));
  if (due > 0)
    verdict.open.push_back(fmt::format("type {}: {} due", name, due));
  if (bool_at(type, "/marking"))
    verdict.open.push_back(fmt::format("type {}: a resync of all begins", name));
  if (!synced && bool_at(type, "/reverifying"))
    verdict.open.push_back(fmt::format("type {}: a reverify of all is under way", name));
  if (!synced)
    judge_verification(type, since, verdict);
  if (removing > 0)
    verdict.open.push_back(fmt::format("type {}: {} to be removed", name, removing));
  if (failed > 0) {
    verdict.failing_types.push_back(name);
    verdict.open.push_back(fmt::format("type {}: {} failed", name, failed));
  }
  if (verdict.open.size() > open_before && bool_at(type, "/paused"))
    verdict.open.push_back(fmt::format("type {} is paused; farshore resume {}", name, name));
}

void judge_secondary(const value& status, std::uint64_t mark, bool synced, const std::string& since,
                     wait_verdict& verdict) {
  judge_log(status, mark, verdict);
  for (const auto& type : list_at(status, "/types"))
    judge_type(type, synced, since, verdict);
  if (!verdict.open.empty() && !bool_at(status, "/primary/reachable")) {
    auto error = one_line(text_at(status, "/primary/error"));
    verdict.open.push_back(fmt::format("the primary at {} is not reachable{}{}",
                                       text_at(status, "/primary/url"), error.empty() ? "" : ": ",
                                       error));
  }
}

void judge_primary(const value& status, bool synced, wait_verdict& verdict) {
  if (const auto lag = int_at(status, "/log/fold_lag_events"); lag > 0)
    verdict.open.push_back(fmt::format("{} events of the log are not folded yet", lag));
  for (const auto& type : list_at(status, "/types")) {
    const auto name = text_at(type, "/name");
    if (const auto waiting = text_at(type, "/waiting"); !waiting.empty())
      verdict.accounted.push_back(fmt::format("type {} waits: {}", name, one_line(waiting)));
    if (const auto pending = int_at(type, "/checksum_pending_count"); pending > 0 && !synced)
      verdict.open.push_back(fmt::format("type {}: {} not checksummed yet", name, pending));
  }
}

} // namespace

wait_verdict judge_wait(const value& status, std::uint64_t mark, bool synced,
                        const std::string& since) {
  wait_verdict verdict;
  if (text_at(status, "/health") == "starting")
    verdict.open.push_back("the node is starting");
  if (text_at(status, "/role") == "secondary")
    judge_secondary(status, mark, synced, since, verdict);
  else
    judge_primary(status, synced, verdict);
  verdict.reached = verdict.open.empty();
  return verdict;
}

} // namespace farshore
