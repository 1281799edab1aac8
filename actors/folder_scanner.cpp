#include "actors/folder_scanner.hpp"

#include <algorithm>
#include <utility>

#include <caf/exit_reason.hpp>

namespace farshore {

namespace {

constexpr std::chrono::milliseconds tick_period{50};
constexpr std::chrono::minutes answer_deadline{5};
constexpr std::size_t page_rows = 5000;
constexpr std::size_t pass_steps = 2000;
constexpr std::size_t batch_rows = 2000;
constexpr std::size_t removal_rows = 5000;
constexpr std::size_t look_paths = 1000;
/// More than that is for a whole scan to find.
constexpr std::size_t heard_max = 50'000;
constexpr std::size_t young_max = 10'000;
constexpr std::size_t unsupported_listed_max = 1000;

bool lies_beneath(const std::string& path, const std::string& folder) {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

/// A folder above it is in the set, and looking at that one will do.
bool is_covered(const std::string& path, const std::set<std::string>& by) {
  for (auto end = path.rfind('/'); end != std::string::npos && end > 0;
       end = path.rfind('/', end - 1))
    if (by.contains(path.substr(0, end)))
      return true;
  return false;
}

} // namespace

folder_scanner_state::pass::pass(std::string beneath, scan_merge::source walk, bool exact_times)
    : prefix{std::move(beneath)},
      // '0' follows '/': all paths that begin with "prefix/" lie between the two.
      until{prefix.empty() ? path_after_all() : prefix + "0"},
      at{prefix.empty() ? "" : prefix + "/"},
      merge{std::move(walk), exact_times} {}

void folder_scanner_state::start(folder_scanner_parts with) {
  parts_ = std::move(with);
  report_.type = parts_.type;
  next_scan_ = parts_.time->now();
  self->send(self, atom::tick_v);
}

template <class Answer, class Question, class Then>
void folder_scanner_state::ask(Question question, Then then) {
  busy_ = true;
  self->request(parts_.tables, answer_deadline, std::move(question))
      .then(
          [this, then](const result<Answer>& answer) {
            busy_ = false;
            if (!answer) // the registry has given up by now, and the node starts over
              return self->quit(caf::exit_reason::user_shutdown);
            then(*answer);
            if (!busy_)
              self->send(self, atom::step_v);
          },
          [this](const caf::error&) { self->quit(caf::exit_reason::user_shutdown); });
}

void folder_scanner_state::send(scan_differences differences) {
  if (rows_)
    *rows_ += differences.created.size();
  ask<done>(scan_change{parts_.type, std::move(differences)}, [](const done&) {});
}

// -- what is to be done next ----------------------------------------------------------------------

void folder_scanner_state::tick() {
  const auto now = parts_.time->now();
  // What was heard a tick ago has had time to become whole.
  looking_.merge(heard_);
  heard_.clear();
  listen();
  for (; !young_.empty() && young_.front().first <= now; young_.pop_front())
    looking_.insert(std::move(young_.front().second));
  if (!scan_ && now >= next_scan_)
    begin_scan();
  if (!busy_)
    step();
  self->delayed_send(self, tick_period, atom::tick_v);
}

void folder_scanner_state::step() {
  if (busy_)
    return;
  if (part_)
    return advance(*part_);
  if (!deep_.empty()) {
    const auto folder = *deep_.begin();
    deep_.erase(deep_.begin());
    if (!is_covered(folder, deep_) && root_)
      begin_pass(part_, folder);
    return self->send(self, atom::step_v);
  }
  // Before the table was counted nobody could tell a wave of removals.
  if (!looking_.empty() && rows_)
    return look();
  if (scan_)
    return advance(*scan_);
}

void folder_scanner_state::recheck() {
  next_scan_ = parts_.time->now();
  if (!watch_)
    watch_tried_ = false;
}

result<std::size_t> folder_scanner_state::approve() {
  const auto held = guard_.approve();
  if (held > 0)
    next_scan_ = parts_.time->now();
  return held;
}

// -- the watch ------------------------------------------------------------------------------------

void folder_scanner_state::open_watch() {
  if (std::exchange(watch_tried_, true))
    return;
  auto opened = parts_.open_watch(parts_.folder);
  report_.not_watched = opened ? "" : opened.error().message;
  if (opened)
    watch_ = std::move(*opened);
}

void folder_scanner_state::watch(const std::string& path, int fd) {
  if (!watch_)
    return;
  if (auto added = watch_->add(path, fd); !added) {
    report_.not_watched = added.error().message;
    watch_.reset();
  }
}

folder_walk::before_listing folder_scanner_state::watcher() {
  if (!watch_)
    return {};
  return [this](const std::string& path, int fd) { watch(path, fd); };
}

void folder_scanner_state::listen() {
  if (!watch_)
    return;
  auto news = watch_->read();
  if (news.everything)
    next_scan_ = parts_.time->now();
  for (auto& path : news.paths)
    hear(std::move(path));
}

void folder_scanner_state::hear(std::string path) {
  if (heard_.size() + looking_.size() < heard_max)
    heard_.insert(std::move(path));
  else
    next_scan_ = parts_.time->now();
}

// -- a look at single paths -----------------------------------------------------------------------

void folder_scanner_state::look() {
  std::set<std::string> chosen;
  while (!looking_.empty() && chosen.size() < look_paths) {
    const auto path = looking_.extract(looking_.begin());
    if (!is_covered(path.value(), chosen)) // a folder comes before what lies in it
      chosen.insert(root_ ? parts_.view->record_at(*root_, path.value()) : path.value());
  }
  const std::vector<std::string> paths{chosen.begin(), chosen.end()};
  if (scan_)
    after_scan_.merge(chosen);
  if (after_scan_.size() > heard_max) {
    after_scan_.clear();
    next_scan_ = parts_.time->now();
  }
  scan_lookup question{parts_.type, paths};
  ask<std::vector<scanned_place>>(
      std::move(question),
      [this, paths](const std::vector<scanned_place>& places) { look_at_places(paths, places); });
}

void folder_scanner_state::look_at_places(const std::vector<std::string>& paths,
                                          const std::vector<scanned_place>& places) {
  auto opened = opened_folder::open(parts_.folder);
  if (!opened || !root_ || (*opened)->device() != root_->device()) {
    next_scan_ = parts_.time->now(); // which tells what is wrong
    return;
  }
  root_ = std::move(*opened);
  scan_findings found;
  for (std::size_t i = 0; i < paths.size() && i < places.size(); ++i) {
    const auto& [row, has_beneath] = places[i];
    const auto seen = parts_.view->look(*root_, paths[i], watcher(), *parts_.time);
    forget_unsupported(paths[i]);
    compare_place(seen, row.id == 0 ? nullptr : &row, exact_times_, found);
    const bool closed = seen && seen->what == folder_entry::kind::closed;
    if ((seen && seen->what == folder_entry::kind::folder) || (has_beneath && !closed))
      deep_.insert(paths[i]);
  }
  take_notes(found, false);
  judge(found.differences);
  if (found.differences.size() > 0)
    send(std::move(found.differences));
  report();
}

void folder_scanner_state::judge(scan_differences& differences) {
  const auto gone = differences.gone.size();
  if (gone == 0)
    return;
  const auto now = parts_.time->now();
  if (rows_ && guard_.held() == 0 && guard_.allows(gone, *rows_, now)) {
    guard_.removed(gone, now);
    *rows_ -= std::min(*rows_, gone);
    return;
  }
  differences.gone.clear();
  if (guard_.held() > 0)
    return; // the next scan counts them
  guard_.hold(gone, rows_.value_or(0));
  next_scan_ = now; // to know how many there are in all
}

// -- a comparison of many -------------------------------------------------------------------------

void folder_scanner_state::begin_scan() {
  next_scan_ = parts_.time->now() + parts_.period;
  auto opened = opened_folder::open(parts_.folder);
  if (!opened) {
    report_.trouble = opened.error().message + "; nothing is taken for deleted";
    return report();
  }
  report_.trouble.clear();
  root_ = std::move(*opened);
  exact_times_ = remote_file_system(parts_.folder).empty();
  open_watch();
  begin_pass(scan_, "");
}

void folder_scanner_state::begin_pass(std::optional<pass>& into, const std::string& prefix) {
  const auto began = parts_.time->now();
  into.emplace(prefix, parts_.view->walk(root_, prefix, watcher(), *parts_.time), exact_times_);
  into->began = began;
}

void folder_scanner_state::read_rows(pass& now) {
  ask<scanned_page>(scan_page_request{parts_.type, now.at, now.until, page_rows},
                    [&now](const scanned_page& page) {
                      if (!page.rows.empty())
                        now.at = page.rows.back().file.path;
                      now.merge.add(page);
                    });
}

void folder_scanner_state::advance(pass& now) {
  auto& differences = now.found.differences;
  if (!now.compared) {
    switch (now.merge.run(pass_steps, now.found)) {
    case scan_merge::pause::needs_rows:
      return read_rows(now);
    case scan_merge::pause::interrupted:
      break;
    case scan_merge::pause::done:
      now.compared = true;
      break;
    }
    if (const auto found = differences.created.size() + differences.changed.size();
        found >= batch_rows || (found > 0 && now.compared)) {
      now.created += differences.created.size();
      scan_differences batch;
      batch.created = std::exchange(differences.created, {});
      batch.changed = std::exchange(differences.changed, {});
      if (now.compared)
        decide(now);
      return send(std::move(batch));
    }
    if (now.compared)
      decide(now);
    return self->send(self, atom::step_v);
  }
  if (now.removed < differences.gone.size())
    return remove_gone(now);
  finish(now);
  self->send(self, atom::step_v);
}

/// Whether what is gone may be removed.
void folder_scanner_state::decide(pass& now) {
  auto& gone = now.found.differences.gone;
  now.gone = gone.size();
  if (!now.whole())
    return judge(now.found.differences);
  const auto time = parts_.time->now();
  if (guard_.allows(gone.size(), now.merge.rows(), time)) {
    guard_.release();
    guard_.use_up_approval(SIZE_MAX);
    guard_.removed(gone.size(), time);
  } else {
    guard_.use_up_approval(SIZE_MAX);
    guard_.hold(gone.size(), now.merge.rows());
    gone.clear();
  }
}

void folder_scanner_state::remove_gone(pass& now) {
  const auto& gone = now.found.differences.gone;
  const auto from = gone.begin() + static_cast<std::ptrdiff_t>(now.removed);
  const auto n = std::min(removal_rows, gone.size() - now.removed);
  scan_differences batch;
  batch.gone.assign(from, from + static_cast<std::ptrdiff_t>(n));
  now.removed += n;
  send(std::move(batch));
}

void folder_scanner_state::finish(pass& now) {
  if (now.whole()) {
    const auto time = parts_.time->now();
    rows_ = now.merge.rows() + now.created - now.removed;
    report_.scanned_at = parts_.time->wall();
    report_.took = std::chrono::duration_cast<std::chrono::milliseconds>(time - now.began);
    report_.files = now.merge.rows() + now.created - now.gone;
    take_notes(now.found, true);
    looking_.merge(after_scan_);
    after_scan_.clear();
    scan_.reset();
  } else {
    for (const auto& entry : now.found.unsupported)
      forget_unsupported(entry.path);
    take_notes(now.found, false);
    part_.reset();
  }
  report();
}

// -- what is said of it ---------------------------------------------------------------------------

void folder_scanner_state::take_notes(scan_findings& found, bool whole) {
  const auto due = parts_.time->now() + young_age;
  for (auto& path : found.young)
    if (young_.size() < young_max)
      young_.emplace_back(due, std::move(path));
    else
      next_scan_ = std::min(next_scan_, due);
  if (whole) {
    unsupported_.clear();
    report_.unsupported = report_.closed = 0;
    report_.first_closed.clear();
  }
  report_.unsupported += found.unsupported.size();
  for (auto& entry : found.unsupported)
    if (unsupported_.size() < unsupported_listed_max)
      unsupported_.push_back({std::move(entry.path), std::move(entry.note)});
  report_.closed += found.closed.size();
  if (report_.first_closed.empty() && !found.closed.empty())
    report_.first_closed = found.closed.front().note;
}

/// Until it is looked at again; of those that are not listed the next scan knows.
void folder_scanner_state::forget_unsupported(const std::string& path) {
  report_.unsupported -= std::erase_if(unsupported_, [&](const unsupported_file& one) {
    return one.path == path || lies_beneath(one.path, path);
  });
}

void folder_scanner_state::report() {
  report_.held = guard_.held();
  report_.held_of = guard_.held_of();
  report_.unsupported_list = std::make_shared<const std::vector<unsupported_file>>(unsupported_);
  self->send(parts_.tables, report_);
}

folder_scanner_actor::behavior_type
folder_scanner(folder_scanner_actor::stateful_pointer<folder_scanner_state> self,
               folder_scanner_parts parts) {
  auto& state = self->state;
  state.start(std::move(parts));
  return {
      [&state](atom::tick) { state.tick(); },
      [&state](atom::step) { state.step(); },
      [&state](atom::recheck) { state.recheck(); },
      [&state](atom::look, const std::string& path) { state.hear(path); },
      [&state](atom::approve) { return state.approve(); },
  };
}

} // namespace farshore
