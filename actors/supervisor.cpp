#include "actors/supervisor.hpp"

#include "actors/sync_worker.hpp"
#include "config/backoff.hpp"
#include "config/values.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <caf/exit_reason.hpp>
#include <spdlog/spdlog.h>

namespace farshore {

namespace {

constexpr std::chrono::seconds tick_period{1};
constexpr std::chrono::minutes registry_deadline{5};
constexpr std::chrono::minutes space_deadline{1};
/// A transfer younger than this, or than a quarter of its lease, is not worth a row: `started`
/// stays in memory.
constexpr std::chrono::seconds unrecorded_time{1};
constexpr std::chrono::milliseconds passed_over_pause{100};
/// Those that failed have no timer of their own, and to look for them may cost a walk of the queue.
constexpr std::chrono::seconds removals_pause{5};
constexpr std::chrono::milliseconds outage_base{500};
constexpr std::chrono::milliseconds outage_cap{10'000};
constexpr std::chrono::milliseconds space_cap{60'000};

/// The resource is expected to come right by itself within moments.
bool is_fleeting(ec code) {
  return code == ec::missing_on_primary || code == ec::moved_on || code == ec::changed ||
         code == ec::pool_missing;
}

} // namespace

void supervisor_state::look() {
  look(live_only);
  look(common);
}

void supervisor_state::look(claim_lane& lane) {
  if (stopping || lane.capacity == 0 || !space_known)
    return;
  if (&lane == &live_only && !short_of_space().empty())
    return;
  if (lane.claiming) {
    lane.look_again = true;
    return;
  }
  const auto now = parts.time->now();
  if (now < hold_until)
    return look_in(std::chrono::ceil<std::chrono::milliseconds>(hold_until - now));
  // Claims come in useful numbers: each is a query.
  const auto room_left = lane.capacity - std::min(lane.in_flight, lane.capacity);
  if (room_left == 0) {
    lane.more_due = true;
    return;
  }
  lane.claiming = true;
  lane.look_again = false;
  // However long the others keep their credits: the answer comes once one is free.
  self->request(lane.credits, caf::infinite, atom::acquire_v, room_left)
      .then([this, &lane](std::size_t credits) { claim_with(lane, credits); });
}

void supervisor_state::claim_with(claim_lane& lane, std::size_t credits) {
  if (stopping) {
    lane.claiming = false;
    self->send(lane.credits, atom::give_back_v, credits);
    end_if_stopped();
    return;
  }
  const auto asked_at = parts.time->now();
  // Removals go on when room is short: they make some.
  const auto scope = short_of_space().empty() ? lane.scope : claim_scope::removals;
  self->request(parts.registry, registry_deadline, atom::claim_v, parts.policy.type, credits, scope)
      .then([this, &lane, credits, scope, asked_at](result<claimed>& got) {
        lane.claiming = false;
        const auto used = got ? got->claims.size() : 0;
        if (used < credits)
          self->send(lane.credits, atom::give_back_v, credits - used);
        if (!got)
          return; // the registry ends, and the node with it
        if (got->claims.empty() && end_if_stopped())
          return;
        lane.more_due = used == credits || got->passed_over;
        for (auto& one : got->claims)
          launch(lane, std::move(one), asked_at);
        if (scope == claim_scope::removals)
          look_in(removals_pause);
        if (got->next_due)
          look_in(*got->next_due);
        if (got->passed_over) // perhaps for a locator that a worker of another type holds
          look_in(passed_over_pause);
        if (lane.look_again || used == credits)
          look(lane);
      });
}

void supervisor_state::launch(claim_lane& lane, claim&& next, steady_time asked_at) {
  const auto token = next.token;
  auto job = std::make_shared<sync_job>();
  job->token = token;
  job->id = next.id;
  job->locator = next.locator;
  if (next.wanted)
    job->former = next.remove;
  job->expected = next.expected;
  job->size = next.size;
  job->pool = next.pool;
  job->tries = next.retry_count;
  job->live = next.live;
  job->force = next.force;
  job->room = room;
  job->held = std::make_shared<lease>(asked_at + parts.policy.lease);
  auto worker = self->spawn<caf::linked>(
      sync_worker, sync_worker_parts{next, job, parts.store, parts.primary, parts.disk, self});
  workers.emplace(worker.id(), token);
  flights.emplace(token, flight{&lane, std::move(next), job, worker, asked_at, asked_at});
  ++lane.in_flight;
  if (stopping) // the claim was under way when the order came
    return abandon(flights.at(token), {ec::stopping, "the node is ending"});
  self->send(worker, atom::start_v);
}

std::chrono::milliseconds supervisor_state::retry_after(const claim& what, ec why) {
  const auto tries = what.retry_count + 1;
  if (why == ec::no_space) // room is made all at once: then it should not wait for an hour
    return backoff(tries, parts.policy.retry_base, std::min(space_cap, parts.policy.retry_cap),
                   random);
  return is_fleeting(why) ? missing_backoff(tries, parts.policy.retry_cap, random)
                          : backoff(tries, parts.policy.retry_base, parts.policy.retry_cap, random);
}

void supervisor_state::on_report(const worker_report& report) {
  const auto it = flights.find(report.token);
  if (it == flights.end() || it->second.reported)
    return; // given up already: its deadline or its lease came first
  auto& ended = it->second;
  outcome how;
  how.how = report.how;
  how.why = report.why;
  how.sum = report.what.sum;
  how.size = report.what.size;
  how.adopted = report.what.adopted;
  if (report.how == outcome::kind::failed) {
    how.retry_after = retry_after(ended.what, report.why.code);
    how.why.message =
        to_string(ended.what.id) + " (" + ended.what.locator + "): " + report.why.message;
  }
  if (report.why.code == ec::no_space) {
    refused = true;
    ask_for_space();
  }
  if (report.how == outcome::kind::given_back && report.why.code != ec::lease_lost) {
    hold_until = parts.time->now() + backoff(++outages, outage_base, outage_cap, random);
  } else if (report.how != outcome::kind::failed) {
    outages = 0;
  }
  finish(ended, std::move(how));
}

void supervisor_state::finish(flight& ended, outcome how) {
  ended.reported = true;
  how.token = ended.what.token;
  how.id = ended.what.id;
  how.epoch = ended.what.epoch;
  how.reached = ended.what.target;
  how.stale_settled = ended.what.stale_settled;
  tell(ended, how);
  const auto token = how.token;
  const bool moved = how.how == outcome::kind::synced || how.how == outcome::kind::removed;
  self->request(parts.registry, registry_deadline, atom::finish_v, how)
      .then(
          [this, token, moved, given_back = how.how == outcome::kind::given_back,
           bytes = ended.job->progress.load(), adopted = how.adopted, retry_after = how.retry_after,
           begun = ended.begun](const result<bool>& counted) {
            // What is due as before, since it was given back or its claim had run out, no event
            // tells of.
            if (retry_after.count() > 0)
              look_in(retry_after);
            else if (given_back || !counted || !*counted)
              look_in(passed_over_pause);
            if (moved && counted && *counted) {
              parts.measures->synced(parts.policy.type, parts.time->now() - begun);
              ++totals.records;
              totals.bytes += bytes;
              totals.adopted += adopted ? 1 : 0;
            }
            settle(token);
          },
          [this, token](const caf::error&) { settle(token); });
}

/// Each change of a record's state leaves a line, and each failure one that is seen.
void supervisor_state::tell(const flight& ended, const outcome& how) const {
  const auto& what = ended.what;
  if (how.how == outcome::kind::failed) {
    parts.measures->failed(parts.policy.type, how.why.code);
    spdlog::warn("{}; attempt {}, the next in {}", how.why.message, what.retry_count + 1,
                 show_duration(how.retry_after));
    return;
  }
  const auto* became = how.how == outcome::kind::synced    ? (how.adopted ? "adopted" : "synced")
                       : how.how == outcome::kind::removed ? "removed"
                                                           : "given back";
  spdlog::debug("{} ({}) at revision {}: {}", to_string(what.id), what.locator, what.target,
                became);
}

void supervisor_state::settle(claim_token token) {
  auto& lane = *flights.at(token).lane;
  flights.erase(token);
  --lane.in_flight;
  self->send(lane.credits, atom::give_back_v, std::size_t{1});
  if (end_if_stopped())
    return;
  // A claim for every returned credit would be a query per record.
  const auto chunk = std::max<std::size_t>(1, lane.capacity / 8);
  if ((lane.more_due || token <= woken_upto) &&
      (lane.in_flight + chunk <= lane.capacity || flights.empty()))
    look(lane);
}

bool supervisor_state::end_if_stopped() {
  if (!stopping || common.claiming || live_only.claiming || !flights.empty() || !stopped.pending())
    return false;
  stopped.deliver(result<done>{});
  return true;
}

void supervisor_state::abandon(flight& lost, error why) {
  lost.job->held->revoke();
  self->send_exit(lost.worker, caf::exit_reason::kill);
  outcome how;
  how.how = why.code == ec::no_progress ? outcome::kind::failed : outcome::kind::given_back;
  how.retry_after = retry_after(lost.what, why.code);
  how.why = {why.code, to_string(lost.what.id) + " (" + lost.what.locator + "): " + why.message};
  finish(lost, std::move(how));
}

bool supervisor_state::on_worker_end(caf::actor_id who, const caf::error& reason) {
  const auto known = workers.extract(who);
  if (known.empty())
    return false;
  // on_report drops it where the worker has reported, or was given up: the usual way.
  worker_report crash{known.mapped(), outcome::kind::failed, {}, {}};
  crash.why = {ec::internal, "the worker ended without a report (" + caf::to_string(reason) + ")"};
  on_report(crash);
  return true;
}

void supervisor_state::on_tick() {
  const auto now = parts.time->now();
  watch_progress(now);
  renew_leases(now);
  ask_for_space();
  self->delayed_send(self, tick_period, atom::tick_v);
}

const std::string& supervisor_state::short_of_space() const {
  return store_space.is_low() ? store_space.why() : data_space.why();
}

void supervisor_state::ask_for_space() {
  if (std::exchange(asking_for_space, true))
    return;
  self->request(parts.disk, space_deadline, atom::space_v)
      .then([this](const site_space& found) { on_space(found); },
            [this](const caf::error&) { asking_for_space = false; }); // a flush takes its time
}

void supervisor_state::on_space(const site_space& found) {
  asking_for_space = false;
  const bool is_first = !std::exchange(space_known, true);
  const bool was_short = !is_first && !short_of_space().empty();
  store_space.update(found.store, std::exchange(refused, false));
  data_space.update(found.data);
  // What is on its way will take its part.
  std::int64_t promised = 0;
  for (const auto& [_, one] : flights)
    promised +=
        std::max<std::int64_t>(0, static_cast<std::int64_t>(one.job->begun - one.job->progress));
  room->store(static_cast<std::int64_t>(std::min<std::uint64_t>(store_space.room(), INT64_MAX)) -
              promised);
  const auto& now = short_of_space();
  if (!was_short && !now.empty())
    spdlog::warn("{}: {}", parts.policy.type, now);
  if (was_short && now.empty())
    spdlog::info("{}: there is room again, and fetching goes on", parts.policy.type);
  if (is_first || (was_short && now.empty()))
    look();
}

void supervisor_state::watch_progress(steady_time now) {
  std::vector<claim_token> stuck;
  for (auto& [token, one] : flights) {
    const auto moved = one.job->progress.load();
    if (moved != one.moved || !one.job->moving) {
      one.moved = moved;
      one.moved_at = now;
    } else if (!one.reported && now - one.moved_at >= parts.policy.progress_deadline) {
      stuck.push_back(token);
    }
  }
  for (const auto token : stuck) {
    auto& one = flights.at(token);
    abandon(one, {ec::no_progress,
                  "no byte has arrived for " +
                      std::to_string(parts.policy.progress_deadline.count() / 1000) + " s, " +
                      std::to_string(one.moved) + " bytes so far; it will be resumed"});
  }
}

void supervisor_state::renew_leases(steady_time now) {
  std::vector<claim_token> old;
  const auto young = std::min<steady_time::duration>(unrecorded_time, parts.policy.lease / 4);
  for (const auto& [token, one] : flights)
    if (!one.reported && now - one.begun >= young)
      old.push_back(token);
  if (old.empty())
    return;
  std::ranges::sort(old); // the same order in every run
  self->request(parts.registry, registry_deadline, atom::renew_v, old)
      .then([this, old, now](result<std::vector<claim_token>>& valid) {
        if (!valid)
          return;
        std::ranges::sort(*valid);
        for (const auto token : old) {
          const auto it = flights.find(token);
          if (it == flights.end() || it->second.reported)
            continue;
          if (std::ranges::binary_search(*valid, token))
            it->second.job->held->renew(now + parts.policy.lease);
          else
            abandon(it->second, {ec::lease_lost, "its lease ran out before it was renewed"});
        }
      });
}

void supervisor_state::look_in(std::chrono::milliseconds delay) {
  const auto now = parts.time->now();
  const auto at = now + std::max(delay, std::chrono::milliseconds{1});
  if (next_wake > now && next_wake <= at)
    return; // an earlier timer is set, and will look for the next one
  next_wake = at;
  self->delayed_send(self, at - now, atom::wake_v);
}

caf::result<result<done>> supervisor_state::stop() {
  stopping = true;
  stopped = self->make_response_promise<result<done>>();
  std::vector<claim_token> open;
  for (const auto& [token, one] : flights)
    if (!one.reported)
      open.push_back(token);
  for (const auto token : open)
    abandon(flights.at(token), {ec::stopping, "the node is ending"});
  for (auto* lane : {&common, &live_only})
    if (lane->claiming)
      self->send(lane->credits, atom::stop_v);
  auto promise = stopped;
  end_if_stopped();
  return promise;
}

supervisor_actor::behavior_type supervisor(supervisor_state::pointer self, supervisor_parts parts) {
  auto& state = self->state;
  state.random = random_source{parts.seed};
  state.parts = std::move(parts);
  const auto& policy = state.parts.policy;
  state.common.credits = state.parts.capacity;
  state.common.capacity = policy.capacity;
  state.live_only.credits = state.parts.live_capacity;
  state.live_only.capacity = policy.live_capacity;
  state.store_space = {policy.min_free, policy.store_name};
  state.data_space = {policy.min_free, "the node's data folder"};
  // Workers are linked: they end with us, and each end of theirs comes here.
  self->set_exit_handler([self, &state](const caf::exit_msg& end) {
    if (!state.on_worker_end(end.source.id(), end.reason))
      self->quit(end.reason);
  });
  state.ask_for_space();
  self->delayed_send(self, tick_period, atom::tick_v);
  return {
      [&state](atom::wake) {
        for (const auto& [token, _] : state.flights)
          state.woken_upto = std::max(state.woken_upto, token);
        state.look();
      },
      [&state](atom::reachable) {
        state.hold_until = {};
        state.look();
      },
      [&state](const worker_report& report) { state.on_report(report); },
      [&state](atom::tick) { state.on_tick(); },
      [&state](atom::status) {
        auto totals = state.totals;
        totals.in_flight = state.flights.size();
        if (state.space_known)
          totals.short_of_space = state.short_of_space();
        return totals;
      },
      [&state](atom::stop) { return state.stop(); },
  };
}

} // namespace farshore
