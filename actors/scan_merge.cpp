#include "actors/scan_merge.hpp"

#include <chrono>
#include <utility>

namespace farshore {

namespace {

using kind = folder_entry::kind;
using std::chrono::nanoseconds;

/// The coarsest step of the kernel's clock for files, twice.
constexpr nanoseconds tick{std::chrono::milliseconds{20}};

bool is_content(const folder_entry& entry) {
  return entry.what == kind::regular || entry.what == kind::link || entry.what == kind::repository;
}

struct freshness {
  bool young = false;
  bool settled = true;
};

/// A change that follows within the same step of the file system's clock leaves size and times as
/// they were. ctime alone decides: nobody can set it, and every change sets it. Repositories are
/// compared by what their refs say, and need no times.
freshness freshness_of(const folder_entry& entry, bool exact_times) {
  if (entry.what == kind::repository)
    return {};
  const auto now = std::chrono::duration_cast<nanoseconds>(entry.looked_at.time_since_epoch());
  const auto age = now - nanoseconds{entry.ctime_ns};
  if (age < nanoseconds{0} || age >= young_age)
    return {};
  const bool whole_seconds = entry.ctime_ns % 1'000'000'000 == 0;
  return {true, exact_times && !whole_seconds && age >= tick};
}

scanned_file file_of(folder_entry entry, bool settled) {
  return {std::move(entry.path),
          entry.what == kind::link         ? scanned_kind::link
          : entry.what == kind::repository ? scanned_kind::repository
                                           : scanned_kind::regular,
          entry.size,
          entry.mtime_ns,
          entry.ctime_ns,
          entry.inode,
          entry.mode,
          settled};
}

} // namespace

void compare_place(const std::optional<folder_entry>& seen, const scanned_row* row,
                   bool exact_times, scan_findings& into) {
  if (seen && (seen->what == kind::closed || seen->what == kind::unclear)) {
    if (seen->what == kind::closed || !seen->note.empty())
      into.closed.push_back(*seen);
    return;
  }
  if (seen && seen->what == kind::unsupported)
    into.unsupported.push_back(*seen);
  if (!seen || !is_content(*seen)) {
    if (row)
      into.differences.gone.push_back(row->id);
    return;
  }
  const auto fresh = freshness_of(*seen, exact_times);
  if (fresh.young)
    into.young.push_back(seen->path);
  auto file = file_of(*seen, fresh.settled);
  if (!row) {
    into.differences.created.push_back(std::move(file));
    return;
  }
  auto before = row->file;
  before.settled = file.settled;
  // An unsettled row stays one while it is young, and is settled by an event of its own.
  if (before == file && (row->file.settled || fresh.young))
    return;
  into.differences.changed.push_back({row->id, std::move(file)});
}

void scan_merge::add(scanned_page page) {
  page_ = std::move(page);
  at_ = 0;
}

scan_merge::pause scan_merge::run(std::size_t steps, scan_findings& into) {
  for (;;) {
    if (at_ == page_.rows.size() && !page_.last)
      return pause::needs_rows;
    if (steps-- == 0)
      return pause::interrupted;
    if (!entry_ && !walk_ended_) {
      entry_ = walk_();
      walk_ended_ = !entry_;
    }
    const auto* row = at_ < page_.rows.size() ? &page_.rows[at_] : nullptr;
    if (!entry_ && !row)
      return pause::done;
    const auto take_row = [this] { ++at_, ++rows_seen_; };
    if (row && closed_ && row->file.path.starts_with(*closed_)) {
      take_row();
      continue;
    }
    const int order = !entry_ ? 1 : !row ? -1 : entry_->key().compare(row->file.path);
    if (order > 0) {
      compare_place(std::nullopt, row, exact_times_, into);
      take_row();
      continue;
    }
    if (entry_->what == kind::closed)
      closed_ = entry_->key();
    compare_place(entry_, order == 0 ? row : nullptr, exact_times_, into);
    if (order == 0)
      take_row();
    entry_.reset();
  }
}

} // namespace farshore
