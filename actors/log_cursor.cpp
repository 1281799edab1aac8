#include "actors/log_cursor.hpp"

#include "config/backoff.hpp"

#include <algorithm>
#include <utility>

namespace farshore {

namespace {

constexpr std::chrono::seconds primary_deadline{60};
constexpr std::chrono::minutes registry_deadline{5};
constexpr std::chrono::milliseconds outage_base{200};
constexpr std::chrono::milliseconds outage_cap{5'000};

} // namespace

// The registry's own failures need no handling here: it ends, and the node with it.

void log_cursor_state::step() {
  if (!loaded)
    return load();
  if (status.cursor.identity.empty())
    return start_epoch();
  if (const auto* due = level ? backfill_due() : nullptr) {
    const auto* begun = backfill_of(due->name);
    const bool goes_on = begun && begun->generation == due->generation;
    return read_catalogue(due->name, goes_on ? begun->after : record_id_before_all);
  }
  read_events();
}

void log_cursor_state::load() {
  self->request(parts.registry, registry_deadline, atom::cursor_v)
      .then([this](result<cursor_status>& found) {
        if (!found)
          return;
        status.cursor = found->cursor;
        status.backfills = std::move(found->backfills);
        loaded = true;
        again();
      });
}

void log_cursor_state::start_epoch() {
  self->request(parts.primary, primary_deadline, atom::position_v)
      .then(
          [this](const result<primary_position>& now) {
            if (!now)
              return trouble(now.error());
            self->request(parts.registry, registry_deadline, atom::epoch_v, now->identity,
                          now->place)
                .then([this](result<cursor_status>& begun) {
                  if (!begun)
                    return;
                  status.cursor = begun->cursor;
                  status.backfills = std::move(begun->backfills);
                  level = false;
                  contact();
                  again();
                });
          },
          [this](const caf::error& lost) {
            trouble({ec::primary_unreachable, caf::to_string(lost)});
          });
}

void log_cursor_state::read_events() {
  events_request next;
  next.after = status.cursor.place;
  next.limit = parts.events_limit;
  next.wait = level && backfill_due() == nullptr ? parts.long_poll : std::chrono::milliseconds{0};
  self->request(parts.primary, primary_deadline, next)
      .then(
          [this](const result<events_page>& page) {
            if (page)
              return on_events(*page);
            if (page.error().code == ec::position_unknown || page.error().code == ec::log_trimmed)
              return start_epoch();
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
  status.cursor.place = page.upto;
  status.cursor.covered_xid = page.covered_xid;
  if (page.horizon)
    status.cursor.horizon = page.horizon;
  level = !page.more;
  if (!what.due_types.empty())
    parts.on_due(what.due_types);
  again();
}

void log_cursor_state::read_catalogue(const std::string& type, record_id after) {
  self->request(parts.primary, primary_deadline,
                catalogue_request{type, after, parts.catalogue_limit})
      .then(
          [this](const result<catalogue_page>& page) {
            if (page)
              return on_catalogue(*page);
            // Its table went just now: the next page of the log says so, and it is no longer due.
            level = false;
            if (page.error().code == ec::type_waiting || page.error().code == ec::not_found)
              return again();
            trouble(page.error());
          },
          [this](const caf::error& lost) {
            trouble({ec::primary_unreachable, caf::to_string(lost)});
          });
}

void log_cursor_state::on_catalogue(const catalogue_page& page) {
  contact();
  self->request(parts.registry, registry_deadline, atom::apply_v, page)
      .then([this, type = page.type, generation = page.generation, after = page.next_after,
             last = page.last](const result<applied>& what) {
        if (!what)
          return;
        auto it = std::ranges::find(status.backfills, type, &backfill_state::type);
        if (it == status.backfills.end())
          it = status.backfills.insert(it, backfill_state{type, generation, after, last});
        *it = {type, generation, after, last};
        level = false; // a look at the log between any two pages: live changes come first
        if (!what->due_types.empty())
          parts.on_due(what->due_types);
        again();
      });
}

const backfill_state* log_cursor_state::backfill_of(const std::string& type) const {
  const auto it = std::ranges::find(status.backfills, type, &backfill_state::type);
  return it == status.backfills.end() ? nullptr : &*it;
}

const type_status* log_cursor_state::backfill_due() const {
  for (const auto& type : status.primary_types) {
    if (type.generation == 0 || !type.waiting.empty() ||
        std::ranges::find(wanted, type.name) == wanted.end())
      continue;
    const auto* begun = backfill_of(type.name);
    if (!begun || begun->generation != type.generation || !begun->complete)
      return &type;
  }
  return nullptr;
}

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
      [&state](atom::declare, const std::vector<std::string>& types) { state.wanted = types; },
      [&state](atom::status) -> result<cursor_status> { return state.status; },
  };
}

} // namespace farshore
