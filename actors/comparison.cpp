#include "actors/comparison.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace farshore {

namespace {

constexpr std::chrono::seconds answer_deadline{60};
constexpr std::chrono::milliseconds poll_pause{50};
constexpr std::chrono::milliseconds round_pause{200};
constexpr int rounds_max = 3;

bool is_under_way(const registry_row& row) {
  const auto fault = fault_of(row);
  return fault == "pending" || fault == "started" || fault == "removing";
}

std::string explained(const error& why, const std::string& type) {
  if (why.code == ec::not_found)
    return "the primary does not compare " + type +
           ": it is an older Farshore, or the type is not enabled there (" + why.message + ")";
  return why.message;
}

} // namespace

result<done> comparison_state::begin(const comparison_order& given) {
  if (report.now == comparison_status::stage::running)
    return fail(ec::overloaded, "a comparison with the primary is under way (" + report.at +
                                    "); ask again when it has ended");
  ++run_;
  order_ = given;
  order_.limit = std::clamp<std::size_t>(order_.limit, 1, records_asked_max);
  types_left_ = {given.types.begin(), given.types.end()};
  report = {comparison_status::stage::running, report.number + 1, parts.time->wall(), {}, {}};
  later(std::chrono::milliseconds{0}, [this] { begin_type(); });
  return done{};
}

result<done> comparison_state::stop() {
  if (report.now != comparison_status::stage::running)
    return done{};
  ++run_;
  next_ = nullptr;
  const auto leave = [this](std::string type) {
    auto& left = report.types.emplace_back();
    left.type = std::move(type);
    left.trouble = "it was ended before it was compared";
  };
  if (!current_.type.empty())
    leave(std::move(current_.type));
  for (auto& type : types_left_)
    leave(std::move(type));
  current_ = {};
  types_left_.clear();
  report.now = comparison_status::stage::done;
  report.at.clear();
  return done{};
}

void comparison_state::step() {
  if (const auto next = std::exchange(next_, nullptr))
    next();
}

void comparison_state::later(std::chrono::milliseconds pause, next_step what) {
  next_ = std::move(what);
  self->delayed_send(self, pause, atom::step_v);
}

bool comparison_state::out_of_patience() const {
  return parts.time->now() - round_began_ >= order_.patience;
}

template <class Answer, class Actor, class Then, class... Request>
void comparison_state::ask(const Actor& whom, Then then, const Request&... what) {
  self->request(whom, answer_deadline, what...)
      .then(
          [this, then, run = run_](const result<Answer>& got) {
            if (run != run_)
              return;
            if (got)
              then(*got);
            else
              end_type(explained(got.error(), current_.type));
          },
          [this, run = run_](const caf::error& lost) {
            if (run == run_)
              end_type("a part of the node does not answer: " + caf::to_string(lost));
          });
}

// -- one type ------------------------------------------------------------------------------------

void comparison_state::begin_type() {
  if (types_left_.empty()) {
    report.now = comparison_status::stage::done;
    report.at.clear();
    return;
  }
  current_ = {};
  current_.type = std::move(types_left_.front());
  types_left_.pop_front();
  candidates_.clear();
  bisection_.reset();
  round_ = 1;
  round_began_ = parts.time->now();
  report.at = "waiting for " + current_.type;
  catch_up([this] { settle([this] { bisect(); }); });
}

void comparison_state::end_type(std::string trouble) {
  current_.trouble = std::move(trouble);
  report.types.push_back(std::exchange(current_, {}));
  later(std::chrono::milliseconds{0}, [this] { begin_type(); });
}

/// Until the log is read as far as the primary stands now, and folded there.
void comparison_state::catch_up(next_step then) {
  ask<primary_position>(
      parts.primary, [this, then](const primary_position& now) { await_log(now, then); },
      atom::position_v);
}

void comparison_state::await_log(const primary_position& at, next_step then) {
  ask<cursor_status>(
      parts.cursor,
      [this, at, then](const cursor_status& log) {
        scope_ = log.cursor.scope;
        if (log.cursor.identity == at.identity && log.cursor.covered_xid >= at.mark_xid)
          return await_fold(log.cursor.place, then);
        if (out_of_patience())
          return end_type(log.cursor.identity == at.identity
                              ? "the primary's log could not be read as far as it went within " +
                                    std::to_string(order_.patience.count()) +
                                    " ms: it is busy, or a long transaction holds it back; ask "
                                    "again, or with a longer --timeout"
                              : "the primary is another one than this site follows (restored, or "
                                "just replaced); ask again");
        later(poll_pause, [this, at, then] { await_log(at, then); });
      },
      atom::status_v);
}

/// The primary lists a record's revision only once its own reader has come to it.
void comparison_state::await_fold(const event_position& read, next_step then) {
  ask<primary_position>(
      parts.primary,
      [this, read, then](const primary_position& now) {
        if (!before(now.place, read) || out_of_patience())
          return then();
        later(poll_pause, [this, read, then] { await_fold(read, then); });
      },
      atom::position_v);
}

void comparison_state::settle(next_step then) {
  ask<registry_status>(
      parts.registry,
      [this, then](const registry_status& all) {
        const auto found = std::ranges::find(all, current_.type, &registry_type_status::type);
        if (found == all.end())
          return end_type("the registry knows no type \"" + current_.type + "\"");
        const auto& counts = found->counts;
        const bool at_work = !found->paused && counts.pending + counts.started > 0;
        if ((at_work || !found->walk.complete) && !out_of_patience())
          return later(poll_pause, [this, then] { settle(then); });
        bisection_.emplace(current_.type, digest_view::held, counts.registry,
                           range_bisection::limits{.unequal_max = order_.limit + 1});
        then();
      },
      atom::status_v);
}

void comparison_state::bisect() {
  auto& through = *bisection_;
  report.at = "comparing " + current_.type;
  if (const auto here = through.here())
    return ask<held_digests>(
        parts.registry,
        [this](const held_digests& found) {
          bisection_->held(found);
          bisect();
        },
        *here);
  if (auto next = through.question()) {
    next->scope = scope_;
    return ask<digest_page>(
        parts.primary,
        [this](const digest_page& page) {
          if (auto good = bisection_->told(page); !good)
            return end_type(good.error().message);
          bisect();
        },
        *next);
  }
  current_.there = through.digest_there();
  current_.here = through.digest_here();
  current_.more = through.more();
  find_candidates();
}

// -- what differs --------------------------------------------------------------------------------

void comparison_state::find_candidates() {
  const auto& unequal = bisection_->unequal();
  current_.differences.clear();
  if (unequal.empty())
    return end_type();
  rows_request rows{current_.type, {}, order_.limit + 1};
  for (const auto& one : unequal)
    rows.ranges.push_back(one.range);
  ask<std::vector<registry_row>>(
      parts.registry,
      [this](const std::vector<registry_row>& here) {
        std::set<record_id> found;
        for (const auto& one : bisection_->unequal())
          if (one.on_primary)
            found.insert(one.range.upto);
        for (const auto& row : here)
          found.insert(row.record);
        candidates_.assign(found.begin(), found.end());
        if (candidates_.size() > order_.limit) {
          candidates_.resize(order_.limit);
          current_.more = true;
        }
        confirm();
      },
      rows);
}

/// The next round, of the records alone.
void comparison_state::confirm() {
  if (round_ == rounds_max)
    return end_type();
  if (candidates_.empty())
    return current_.more ? look_at_all_again() : end_type();
  ++round_;
  report.at = "looking again at what differs in " + current_.type;
  later(round_pause, [this] {
    round_began_ = parts.time->now();
    catch_up([this] { settle_candidates(); });
  });
}

/// What was named is equal by now, and it was not all.
void comparison_state::look_at_all_again() {
  ++round_;
  later(round_pause, [this] {
    round_began_ = parts.time->now();
    catch_up([this] { settle([this] { bisect(); }); });
  });
}

std::vector<record_range> comparison_state::candidate_ranges() const {
  std::vector<record_range> ranges;
  for (const auto record : candidates_)
    ranges.push_back({record - 1, record});
  return ranges;
}

void comparison_state::settle_candidates() {
  ask<std::vector<registry_row>>(
      parts.registry,
      [this](const std::vector<registry_row>& here) {
        if (std::ranges::any_of(here, is_under_way) && !out_of_patience())
          return later(poll_pause, [this] { settle_candidates(); });
        look_at(here);
      },
      rows_request{current_.type, candidate_ranges(), candidates_.size()});
}

void comparison_state::look_at(const std::vector<registry_row>& here) {
  ask<records_page>(
      parts.primary, [this, here](const records_page& there) { judge(there, here); },
      records_request{current_.type, candidates_, scope_});
}

void comparison_state::judge(const records_page& there, const std::vector<registry_row>& here) {
  std::map<record_id, record_difference> found;
  for (const auto record : candidates_)
    found[record].record = record;
  for (const auto& row : there.rows)
    if (const auto one = found.find(row.record); one != found.end())
      one->second.there = row;
  for (const auto& row : here)
    if (const auto one = found.find(row.record); one != found.end())
      one->second.here = row;
  candidates_.clear();
  current_.differences.clear();
  for (auto& [record, one] : found) {
    one.what = difference_of(one.there ? &*one.there : nullptr, one.here ? &*one.here : nullptr);
    if (one.what == difference_kind::none) {
      current_.checksums_unknown +=
          one.there && one.here &&
          one.there->sum.has_value() != one.here->primary_checksum.has_value();
      continue;
    }
    candidates_.push_back(record);
    current_.differences.push_back(std::move(one));
  }
  confirm();
}

comparison_actor::behavior_type comparison(comparison_state::pointer self, comparison_parts parts) {
  auto& state = self->state;
  state.parts = std::move(parts);
  return {
      [&state](atom::compare, const comparison_order& order) { return state.begin(order); },
      [&state](atom::stop) { return state.stop(); },
      [&state](atom::status) -> result<comparison_status> { return state.report; },
      [&state](atom::step) { state.step(); },
  };
}

} // namespace farshore
