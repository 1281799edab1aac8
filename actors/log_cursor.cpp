#include "actors/log_cursor.hpp"

#include "config/backoff.hpp"
#include "registry/walk_rules.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

namespace farshore {

namespace {

constexpr std::chrono::seconds primary_deadline{60};
constexpr std::chrono::minutes registry_deadline{5};
constexpr std::chrono::milliseconds outage_base{200};
constexpr std::chrono::milliseconds outage_cap{5'000};
constexpr std::chrono::milliseconds not_now_pause{200};

/// The page is one that the primary may send: what a walk removes hangs on it.
bool fits(const catalogue_page& page, const walk_step& asked) {
  const bool moves = page.last ? page.next_after >= asked.after : page.next_after > asked.after;
  return page.type == asked.type && moves && std::ranges::all_of(page.rows, [&](const auto& row) {
           return row.record > asked.after && row.record <= page.next_after;
         });
}

bool fits(const records_page& page, const walk_step& asked) {
  const auto was_asked = [&](record_id record) {
    return std::ranges::binary_search(page.asked, record);
  };
  return page.type == asked.type &&
         std::ranges::all_of(page.rows, was_asked, &catalogue_row::record) &&
         std::ranges::all_of(page.outside, was_asked) &&
         std::ranges::none_of(page.rows, [&](const auto& row) {
           return std::ranges::binary_search(page.outside, row.record);
         });
}

error misfit(const walk_step& asked) {
  return {ec::protocol, "the primary answers for other records of " + asked.type +
                            " than were asked for, above " + std::to_string(asked.after)};
}

} // namespace

// The registry's own failures need no handling here: it ends, and the node with it.

void log_cursor_state::step() {
  if (!loaded)
    return load();
  if (status.cursor.identity.empty())
    return start_epoch();
  compare_in_time();
  const auto next = next_walk();
  switch (next.what) {
  case walk_step::kind::none:
    return read_events();
  case walk_step::kind::page:
    return read_catalogue(next);
  case walk_step::kind::compare:
    return compare(next);
  case walk_step::kind::position:
    return read_position(next);
  case walk_step::kind::suspects:
    return read_suspects(next);
  }
}

/// What a walk has to do now; first the log is read to its end.
walk_step log_cursor_state::next_walk() const {
  return level ? plan.next(status.primary_types, status.cursor.covered_xid) : walk_step{};
}

void log_cursor_state::load() {
  self->request(parts.registry, registry_deadline, atom::cursor_v)
      .then([this](result<cursor_status>& found) {
        if (!found)
          return;
        stands(std::move(*found));
        // While the node was away, what changed may have left no event.
        for (const auto& walk : plan.walks())
          plan.recheck(walk.type);
        compared_at = parts.time->now();
        loaded = true;
        again();
      });
}

void log_cursor_state::stands(cursor_status at) {
  status.cursor = std::move(at.cursor);
  plan.know(std::move(at.backfills));
  comparing.reset();
  level = false;
}

template <class Answer, class Request, class Then>
void log_cursor_state::ask_primary(const Request& what, Then then) {
  self->request(parts.primary, primary_deadline, what)
      .then(
          [this, then](const result<Answer>& got) {
            if (got)
              return then(*got);
            level = false;
            if (got.error().code == ec::scope_unknown && std::exchange(scope_changed, false))
              return again();
            if (got.error().code != ec::type_waiting && got.error().code != ec::not_found)
              return trouble(got.error());
            // Its table went just now, or is locked: the log's next page may say so.
            self->delayed_send(self, not_now_pause, atom::step_v);
          },
          [this](const caf::error& lost) {
            trouble({ec::primary_unreachable, caf::to_string(lost)});
          });
}

void log_cursor_state::start_epoch() {
  ask_primary<primary_position>(atom::position_v, [this](const primary_position& now) {
    self->request(parts.registry, registry_deadline, atom::epoch_v, now.identity, now.place)
        .then([this](result<cursor_status>& begun) {
          if (!begun)
            return;
          stands(std::move(*begun));
          status.gap.clear();
          contact();
          again();
        });
  });
}

/// The log no longer has what came after our place: goes on where the primary stands, and compares
/// everything.
void log_cursor_state::skip_gap(const error& why) {
  ask_primary<primary_position>(atom::position_v, [this, why](const primary_position& now) {
    if (now.identity != status.cursor.identity)
      return start_epoch();
    spdlog::warn("{}; every record is compared with the primary's catalogue", why.message);
    self->request(parts.registry, registry_deadline, atom::skip_v, now.place)
        .then([this, why](result<cursor_status>& skipped) {
          if (!skipped)
            return;
          stands(std::move(*skipped));
          status.gap = why.message;
          contact();
          again();
        });
  });
}

void log_cursor_state::read_events() {
  events_request next;
  next.after = status.cursor.place;
  next.limit = parts.events_limit;
  next.wait = level ? parts.long_poll : std::chrono::milliseconds{0};
  next.scope = parts.scope;
  self->request(parts.primary, primary_deadline, next)
      .then(
          [this](const result<events_page>& page) {
            if (page)
              return on_events(*page);
            if (page.error().code == ec::position_unknown)
              return start_epoch();
            if (page.error().code == ec::log_trimmed)
              return skip_gap(page.error());
            if (page.error().code == ec::scope_unknown && std::exchange(scope_changed, false))
              return again();
            trouble(page.error());
          },
          [this](const caf::error& lost) {
            trouble({ec::primary_unreachable, caf::to_string(lost)});
          });
}

void log_cursor_state::on_events(const events_page& page) {
  contact();
  status.primary_types = page.types;
  status.blocker = page.blocker;
  if (page.identity != status.cursor.identity)
    return start_epoch(); // another primary, or the same one restored: nothing read so far counts
  if (!is_ours(page))
    return;
  if (page.events.empty() && page.upto == status.cursor.place) {
    status.cursor.covered_xid = page.covered_xid;
    if (page.horizon && page.horizon != status.cursor.horizon) {
      status.cursor.horizon = page.horizon;
      self->send(parts.registry, atom::horizon_v, page.covered_xid, page.horizon);
    }
    level = !page.more;
    return again();
  }
  self->request(parts.registry, registry_deadline, atom::apply_v, page)
      .then([this, page](const result<applied>& what) {
        if (what)
          applied_events(page, *what);
      });
}

void log_cursor_state::applied_events(const events_page& page, const applied& what) {
  if (what.other_scope)
    return again();
  status.cursor.place = page.upto;
  status.cursor.covered_xid = page.covered_xid;
  if (page.horizon)
    status.cursor.horizon = page.horizon;
  level = !page.more;
  if (!what.due_types.empty())
    parts.on_due(what.due_types);
  again();
}

// -- walks through the catalogue -----------------------------------------------------------------

void log_cursor_state::read_catalogue(const walk_step& at) {
  ask_primary<catalogue_page>(
      catalogue_request{at.type, at.after, parts.catalogue_limit, parts.scope},
      [this, at](const catalogue_page& page) { on_catalogue(at, page); });
}

void log_cursor_state::on_catalogue(const walk_step& at, catalogue_page page) {
  if (!fits(page, at))
    return trouble(misfit(at));
  contact();
  level = false; // a look at the log between any two pages: live changes come first
  if (!is_ours(page))
    return;
  if (page.generation != at.generation)
    return again(); // the log's next page tells of the new one
  page.after = at.after;
  if (at.after == record_id_before_all)
    plan.begun(at.type);
  apply_walk(page);
}

/// What was read of the catalogue is older than this answer.
void log_cursor_state::read_position(const walk_step& at) {
  ask_primary<primary_position>(atom::position_v, [this, at](const primary_position& now) {
    contact();
    level = false;
    if (now.identity == status.cursor.identity)
      plan.stands(at.type, now.mark_xid);
    again();
  });
}

void log_cursor_state::read_suspects(const walk_step& at) {
  self->request(parts.registry, registry_deadline, atom::suspects_v, at.type, records_asked_max)
      .then([this, at](const result<std::vector<record_id>>& next) {
        if (!next)
          return;
        if (next->empty()) // events have settled them
          return apply_walk(records_page{at.type, at.generation, {}, {}, {}, parts.scope});
        ask_primary<records_page>(records_request{at.type, *next, parts.scope},
                                  [this, at](const records_page& page) { on_records(at, page); });
      });
}

void log_cursor_state::on_records(const walk_step& at, const records_page& page) {
  if (!fits(page, at))
    return trouble(misfit(at));
  contact();
  level = false;
  if (!is_ours(page))
    return;
  if (page.generation != at.generation)
    return again();
  apply_walk(page);
}

// -- comparisons, in a walk's place --------------------------------------------------------------

/// Once a day, or as the setting has it: the repair of last resort.
void log_cursor_state::compare_in_time() {
  const auto now = parts.time->now();
  if (parts.compare_every.count() == 0 || now - compared_at < parts.compare_every)
    return;
  compared_at = now;
  for (const auto& type : plan.wanted())
    plan.recheck(type);
}

/// The next question of the comparison, to either side.
void log_cursor_state::compare(const walk_step& at) {
  if (!comparing || comparing->type() != at.type) {
    const auto* walk = plan.find(at.type);
    comparing.emplace(at.type, digest_view::target, walk ? walk->seen : 0,
                      range_bisection::limits{});
    plan.comparing(at.type);
  }
  if (const auto here = comparing->here()) {
    self->request(parts.registry, registry_deadline, *here)
        .then([this](const result<held_digests>& found) {
          if (!found)
            return;
          if (comparing) // else the scope changed meanwhile
            comparing->held(*found);
          again();
        });
    return;
  }
  if (comparing->more()) { // then the pages cost less
    plan.read_pages(at.type);
    comparing.reset();
    return again();
  }
  if (auto next = comparing->question()) {
    next->scope = parts.scope;
    self->request(parts.primary, primary_deadline, *next)
        .then([this, at](const result<digest_page>& page) { on_digests(at, page); },
              [this](const caf::error& lost) {
                if (comparing)
                  comparing->ask_again();
                trouble({ec::primary_unreachable, caf::to_string(lost)});
              });
    return;
  }
  const compared_ranges compared{at.type, comparing->generation(),
                                 comparing->digest_there().records, comparing->unequal()};
  comparing.reset();
  plan.compared(at.type);
  apply_walk(compared);
}

void log_cursor_state::on_digests(const walk_step& at, const result<digest_page>& page) {
  if (!page && page.error().code == ec::not_found) { // an older primary, which knows no digests
    plan.read_pages(at.type);
    comparing.reset();
    return again();
  }
  level = false; // a look at the log between any two questions: live changes come first
  const bool other_scope =
      page ? page->scope != parts.scope
           : page.error().code == ec::scope_unknown && std::exchange(scope_changed, false);
  if (other_scope || !comparing) {
    comparing.reset();
    return again();
  }
  if (page && page->generation == at.generation) {
    if (auto good = comparing->told(*page); !good)
      return trouble(good.error());
    contact();
    return again();
  }
  if (page || page.error().code == ec::type_waiting) {
    // Installed anew, or locked: the log's next page may say so.
    comparing.reset();
    self->delayed_send(self, not_now_pause, atom::step_v);
    return;
  }
  comparing->ask_again();
  trouble(page.error());
}

template <class Page>
void log_cursor_state::apply_walk(const Page& page) {
  self->request(parts.registry, registry_deadline, atom::apply_v, page)
      .then([this](const result<applied>& what) {
        if (what)
          applied_walk(*what);
      });
}

void log_cursor_state::applied_walk(const applied& what) {
  level = false;
  if (!what.due_types.empty())
    parts.on_due(what.due_types);
  if (what.walk && !what.other_scope) {
    const auto& walk = *what.walk;
    plan.know(walk);
    const bool ended = walk.stage == walk_stage::none;
    if (ended && walk.found_missing + walk.found_gone + walk.held > 0)
      spdlog::warn("check of {}: {} records or changes were missing here and are fetched, {} are "
                   "gone from the primary, or not for this site, and are removed, {} are held back",
                   walk.type, walk.found_missing, walk.found_gone, walk.held);
    if (ended && plan.all_complete())
      status.gap.clear();
  }
  again();
}

template <class Page>
bool log_cursor_state::is_ours(const Page& page) {
  if (page.scope == parts.scope)
    return true;
  level = false;
  again();
  return false;
}

/// What is under way comes to its end first, and is dropped.
void log_cursor_state::set_scope(const scope_digest& scope) {
  parts.scope = scope;
  comparing.reset();
  scope_changed = true;
  loaded = false;
}

result<done> log_cursor_state::recheck(const std::string& type) {
  if (!type.empty() && !plan.wants(type))
    return fail(ec::not_found, "the type \"" + type + "\" is disabled here");
  for (const auto& one : plan.wanted())
    if (type.empty() || type == one)
      plan.order(one);
  return done{};
}

result<done> log_cursor_state::end_recheck(const std::string& type) {
  for (const auto& one : plan.wanted()) {
    if (!type.empty() && type != one)
      continue;
    if (!plan.forget(one))
      return fail(ec::overloaded, one + " is compared all the same: its pages are being read, or "
                                        "it has to be compared for another reason");
    if (comparing && comparing->type() == one)
      comparing.reset(); // its answer, still on the way, is dropped
  }
  return done{};
}

caf::result<result<std::size_t>> log_cursor_state::approve(const std::string& type) {
  auto answer = self->make_response_promise<result<std::size_t>>();
  self->request(parts.registry, registry_deadline, atom::approve_v, type)
      .then(
          [this, type, answer](const result<std::size_t>& approved) mutable {
            if (const auto* walk = plan.find(type); walk && approved && *approved > 0) {
              auto approved_walk = *walk;
              take_approval(approved_walk);
              plan.know(approved_walk);
            }
            answer.deliver(result<std::size_t>{approved});
          },
          [answer](const caf::error& lost) mutable {
            answer.deliver(result<std::size_t>{fail(ec::stopping, caf::to_string(lost))});
          });
  return answer;
}

cursor_status log_cursor_state::whole_status() const {
  auto whole = status;
  whole.cursor.scope = parts.scope;
  whole.backfills = plan.walks();
  return whole;
}

// -- the primary's reach -------------------------------------------------------------------------

void log_cursor_state::trouble(const error& why) {
  status.reachable = false;
  status.trouble = why.message;
  level = false;
  self->delayed_send(self, backoff(++failures, outage_base, outage_cap, random), atom::step_v);
}

void log_cursor_state::contact() {
  failures = 0;
  status.trouble.clear();
  status.last_contact = parts.time->wall();
  if (!std::exchange(status.reachable, true))
    parts.on_reachable();
}

log_cursor_actor::behavior_type log_cursor(log_cursor_state::pointer self, log_cursor_parts parts) {
  auto& state = self->state;
  state.random = random_source{parts.seed};
  state.parts = std::move(parts);
  self->send(self, atom::step_v);
  return {
      [&state](atom::step) { state.step(); },
      [&state](atom::declare, const std::vector<std::string>& types) { state.plan.want(types); },
      [&state](atom::scope, const scope_digest& scope) { state.set_scope(scope); },
      [&state](atom::recheck, const std::string& type) { return state.recheck(type); },
      [&state](atom::stop, atom::recheck, const std::string& type) {
        return state.end_recheck(type);
      },
      [&state](atom::approve, const std::string& type) { return state.approve(type); },
      [&state](atom::status) -> result<cursor_status> { return state.whole_status(); },
  };
}

} // namespace farshore
