#include "actors/registry.hpp"

#include <algorithm>
#include <utility>

#include <caf/exit_reason.hpp>

namespace farshore {

namespace {

/// Rows of a resync or reverify job that one batch advances.
constexpr std::size_t marking_slice_rows = 5000;

bool breaks_store(ec code) {
  return code != ec::not_found && code != ec::type_waiting && code != ec::overloaded;
}

} // namespace

template <class T, class Run>
caf::result<result<T>> registry_state::enqueue(std::deque<task>& lane, Run run) {
  auto promise = self->make_response_promise<result<T>>();
  auto value = std::make_shared<T>();
  lane.push_back({[run = std::move(run), value](registry_store& store) -> result<void> {
                    auto got = run(store);
                    if (!got)
                      return fail(std::move(got).error());
                    if constexpr (!std::is_void_v<typename decltype(got)::value_type>)
                      *value = std::move(*got);
                    return {};
                  },
                  [promise, value](const error* failed) mutable {
                    if (failed)
                      promise.deliver(result<T>{fail(*failed)});
                    else
                      promise.deliver(result<T>{std::move(*value)});
                  }});
  flush_soon();
  return promise;
}

caf::result<result<bool>> registry_state::finish(const outcome& how) {
  ended.push_back(how);
  enders.push_back(self->make_response_promise<result<bool>>());
  flush_soon();
  return enders.back();
}

void registry_state::flush_soon() {
  if (std::exchange(flush_due, true))
    return;
  // Behind whatever is in the mailbox already: that all becomes one batch.
  self->send(self, atom::flush_v);
}

result<void> registry_state::run_batch(std::vector<task>& ran, std::vector<bool>& counted) {
  auto& store = *parts.store;
  const auto until = parts.time->now() + parts.batch_time;
  if (auto ok = store.begin(); !ok)
    return ok;
  if (!ended.empty()) { // first: a claim in the same batch may take what they set free
    auto finished = store.finish(ended);
    if (!finished)
      return fail(std::move(finished).error());
    counted = std::move(*finished);
  }
  auto run_front = [&](std::deque<task>& lane) -> result<void> {
    auto& one = ran.emplace_back(std::move(lane.front()));
    lane.pop_front();
    auto ok = one.run(store);
    if (ok || breaks_store(ok.error().code))
      return ok;
    one.refused = std::move(ok).error(); // a question with no answer harms nobody else's work
    return {};
  };
  while (!live.empty())
    if (auto ok = run_front(live); !ok)
      return ok;
  while (!bulk.empty() && parts.time->now() < until)
    if (auto ok = run_front(bulk); !ok)
      return ok;
  if (resync_open && parts.time->now() < until) {
    auto more = store.continue_resync(marking_slice_rows);
    if (!more)
      return fail(std::move(more).error());
    resync_open = *more;
  }
  return store.commit();
}

void registry_state::flush() {
  flush_due = false;
  std::vector<task> ran;
  std::vector<bool> counted;
  const auto began = parts.time->now();
  const auto committed = run_batch(ran, counted);
  if (committed)
    parts.measures->committed(ran.size() + ended.size(), parts.time->now() - began);
  const auto* failed = committed ? nullptr : &committed.error();
  for (auto& one : ran)
    one.answer(failed ? failed : one.refused ? &*one.refused : nullptr);
  for (std::size_t i = 0; i < enders.size(); ++i)
    enders[i].deliver(failed ? result<bool>{fail(*failed)} : result<bool>{bool{counted[i]}});
  ended.clear();
  enders.clear();
  if (failed)
    return give_up(*failed);
  if (!live.empty() || !bulk.empty() || resync_open)
    flush_soon();
}

void registry_state::give_up(const error& why) {
  for (auto* lane : {&live, &bulk}) {
    for (auto& one : *lane)
      one.answer(&why);
    lane->clear();
  }
  if (parts.on_failure)
    parts.on_failure(why);
  self->quit(caf::exit_reason::unhandled_exception);
}

registry_actor::behavior_type registry(registry_state::pointer self, registry_parts parts) {
  auto& state = self->state;
  state.parts = std::move(parts);
  auto whereabouts = [](registry_store& store) -> result<cursor_status> {
    cursor_status now;
    auto cursor = store.cursor();
    if (!cursor)
      return fail(std::move(cursor).error());
    now.cursor = std::move(*cursor);
    auto backfills = store.backfills();
    if (!backfills)
      return fail(std::move(backfills).error());
    now.backfills = std::move(*backfills);
    return now;
  };
  return {
      [&state](atom::declare, const std::vector<store_type>& types) {
        return state.enqueue<done>(state.live, [types](registry_store& store) {
          return store.declare_types(types).map([] { return done{}; });
        });
      },
      [&state](atom::scope, const scope_digest& scope) {
        return state.enqueue<done>(state.live, [scope](registry_store& store) {
          return store.set_scope(scope).map([] { return done{}; });
        });
      },
      [&state](atom::apply, const events_page& page) {
        return state.enqueue<applied>(
            state.live, [page](registry_store& store) { return store.apply_events(page); });
      },
      [&state](atom::apply, const catalogue_page& page) {
        return state.enqueue<applied>(
            state.bulk, [page](registry_store& store) { return store.apply_catalogue(page); });
      },
      [&state](atom::suspects, const std::string& type, std::size_t limit) {
        return state.enqueue<std::vector<record_id>>(
            state.live, [=](registry_store& store) { return store.suspects(type, limit); });
      },
      [&state](atom::apply, const records_page& page) {
        return state.enqueue<applied>(
            state.bulk, [page](registry_store& store) { return store.apply_records(page); });
      },
      [&state](const held_request& asked) {
        return state.enqueue<held_digests>(
            state.bulk, [asked](registry_store& store) { return store.digests(asked); });
      },
      [&state](const rows_request& asked) {
        return state.enqueue<std::vector<registry_row>>(state.bulk, [asked](registry_store& store) {
          return store.rows_in(asked.type, asked.ranges, asked.limit);
        });
      },
      [&state](atom::list, const std::string& store, const std::vector<std::string>& locators) {
        return state.enqueue<std::vector<bool>>(
            state.bulk, [=](registry_store& in) { return in.named(store, locators); });
      },
      [&state](atom::apply, const compared_ranges& compared) {
        return state.enqueue<applied>(state.bulk, [compared](registry_store& store) {
          return store.apply_compared(compared);
        });
      },
      [&state](atom::approve, const std::string& type) {
        return state.enqueue<std::size_t>(
            state.live, [type](registry_store& store) { return store.approve(type); });
      },
      [&state, whereabouts](atom::skip, const event_position& place) {
        return state.enqueue<cursor_status>(state.live,
                                            [=](registry_store& store) -> result<cursor_status> {
                                              if (auto skipped = store.skip_to(place); !skipped)
                                                return fail(std::move(skipped).error());
                                              return whereabouts(store);
                                            });
      },
      [&state, whereabouts](atom::epoch, const std::string& identity, const event_position& place) {
        return state.enqueue<cursor_status>(
            state.live, [=](registry_store& store) -> result<cursor_status> {
              if (auto started = store.start_epoch(identity, place); !started)
                return fail(std::move(started).error());
              return whereabouts(store);
            });
      },
      [&state, whereabouts](atom::cursor) {
        return state.enqueue<cursor_status>(state.live, whereabouts);
      },
      [&state](atom::horizon, std::uint64_t covered_xid, std::optional<wall_time> horizon) {
        state.live.push_back(
            {[=](registry_store& store) { return store.note_horizon(covered_xid, horizon); },
             [](const error*) {}});
        state.flush_soon();
      },
      [&state](atom::claim, const std::string& type, std::size_t limit, claim_scope scope) {
        return state.enqueue<claimed>(
            state.live, [=](registry_store& store) { return store.claim_due(type, limit, scope); });
      },
      [&state](atom::finish, const outcome& how) { return state.finish(how); },
      [&state](atom::renew, const std::vector<claim_token>& tokens) {
        return state.enqueue<std::vector<claim_token>>(
            state.live, [tokens](registry_store& store) { return store.renew(tokens); });
      },
      [&state](atom::resync, const std::string& type, const record_selection& which) {
        state.resync_open = true;
        return state.enqueue<std::size_t>(
            state.live, [=](registry_store& store) { return store.resync(type, which); });
      },
      [&state](const verification_request& what) {
        return state.enqueue<verification_round>(
            state.bulk, [what](registry_store& store) { return store.claim_verifications(what); });
      },
      [&state](const verification_report& found) {
        return state.enqueue<std::size_t>(state.bulk, [found](registry_store& store) {
          return store.finish_verifications(found.outcomes);
        });
      },
      [&state](atom::stop, atom::resync, const std::string& type) {
        return state.enqueue<done>(state.live, [type](registry_store& store) {
          return store.end_resync(type).map([] { return done{}; });
        });
      },
      [&state](atom::stop, atom::reverify, const std::string& type) {
        return state.enqueue<done>(state.live, [type](registry_store& store) {
          return store.end_reverify(type).map([] { return done{}; });
        });
      },
      [&state](atom::reverify, const std::string& type, const record_selection& which) {
        return state.enqueue<std::size_t>(
            state.live, [=](registry_store& store) { return store.reverify(type, which); });
      },
      [&state](atom::pause, const std::string& type, bool paused) {
        return state.enqueue<done>(state.live, [=](registry_store& store) {
          return store.set_paused(type, paused).map([] { return done{}; });
        });
      },
      [&state](atom::store, const std::string& path) {
        return state.enqueue<store_standing>(
            state.live, [path](registry_store& store) { return store.standing_of(path); });
      },
      [&state](atom::store, const known_store& known) {
        return state.enqueue<done>(state.live, [known](registry_store& store) {
          return store.note_store(known).map([] { return done{}; });
        });
      },
      [&state](atom::distrust, const std::string& path, store_verdict why) {
        return state.enqueue<done>(state.live, [path, why](registry_store& store) {
          return store.distrust_store(path, why).map([] { return done{}; });
        });
      },
      [&state](atom::status) {
        return state.enqueue<registry_status>(
            state.live, [](registry_store& store) -> result<registry_status> {
              registry_status all;
              auto points = store.recovery_points();
              if (!points)
                return fail(std::move(points).error());
              auto paused = store.paused_types();
              if (!paused)
                return fail(std::move(paused).error());
              auto walks = store.backfills();
              if (!walks)
                return fail(std::move(walks).error());
              auto orders = store.orders();
              if (!orders)
                return fail(std::move(orders).error());
              for (auto& point : *points) {
                auto counts = store.counts(point.type);
                if (!counts)
                  return fail(std::move(counts).error());
                const auto is_among = [&](const std::vector<std::string>& types) {
                  return std::ranges::find(types, point.type) != types.end();
                };
                const auto walk = std::ranges::find(*walks, point.type, &backfill_state::type);
                all.push_back({point.type, *counts, point.synced, is_among(*paused),
                               walk == walks->end() ? backfill_state{} : *walk, point.verified,
                               is_among(orders->resyncs), is_among(orders->reverifies)});
              }
              return all;
            });
      },
      [&state](atom::flush) { state.flush(); },
  };
}

} // namespace farshore
