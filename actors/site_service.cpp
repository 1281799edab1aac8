#include "actors/site_service.hpp"

#include <algorithm>

namespace farshore {

namespace {

constexpr std::chrono::seconds answer_deadline{30};
constexpr std::chrono::seconds tick_period{1};

error lost(const caf::error& reason) {
  return {ec::stopping, "a part of the node does not answer: " + caf::to_string(reason)};
}

error not_here(const site_order& order, const char* where) {
  return {ec::not_found,
          std::string{to_string(order.what)} + " is not for this site: it is a " + where};
}

using job_answer = caf::typed_response_promise<result<job>>;

/// Passes an order to the site's actor, and makes its job of the answer; `complete` begins the job,
/// and answers.
template <class Answer, class Target, class Complete, class... What>
caf::result<result<job>> pass(service_state& state, const Target& site, Complete complete,
                              const What&... what) {
  auto answer = state.self->template make_response_promise<result<job>>();
  state.self->request(site, answer_deadline, what...)
      .then(
          [answer, complete](const result<Answer>& taken) mutable {
            if (taken)
              complete(*taken, answer);
            else
              answer.deliver(result<job>{fail(taken.error())});
          },
          [answer](const caf::error& reason) mutable {
            answer.deliver(result<job>{fail(lost(reason))});
          });
  return answer;
}

/// The answer says how many records it is about, or nothing; there is nothing to be followed.
template <class Answer>
auto at_once(service_state& state, const site_order& order) {
  return [&state, order](const Answer& taken, job_answer& answer) {
    std::optional<std::int64_t> counted;
    if constexpr (!std::is_same_v<Answer, done>)
      counted = static_cast<std::int64_t>(taken);
    answer.deliver(result<job>{state.begun(order, counted, true)});
  };
}

using waited_types = std::map<std::string, service_state::awaited>;

/// Passes on a recheck; its job ends with what is waited for.
template <class Target>
void pass_recheck(service_state& state, const Target& site, const site_order& order,
                  waited_types waited, bool can_be_cancelled, job_answer answer) {
  state.self->request(site, answer_deadline, atom::recheck_v, order.type)
      .then(
          [&state, order, waited = std::move(waited), can_be_cancelled,
           answer](const result<done>& taken) mutable {
            if (!taken) {
              answer.deliver(result<job>{fail(taken.error())});
              return;
            }
            auto& one = state.begun(order, std::nullopt, waited.empty());
            one.can_be_cancelled = can_be_cancelled && one.now == job::stage::running;
            one.total = static_cast<std::int64_t>(waited.size());
            if (!waited.empty())
              state.rechecks[one.id] = std::move(waited);
            answer.deliver(result<job>{one});
          },
          [answer](const caf::error& reason) mutable {
            answer.deliver(result<job>{fail(lost(reason))});
          });
}

} // namespace

job& service_state::begun(const site_order& order, std::optional<std::int64_t> counted,
                          bool ended) {
  auto& one = jobs.begin(order, time->wall());
  one.counted = counted;
  one.total = counted;
  if (ended)
    job_list::end(one, job::stage::done, time->wall());
  else
    tick_later();
  return one;
}

result<std::vector<job>> service_state::answer(const jobs_question& asked) {
  if (asked.id == 0)
    return jobs.all();
  if (const auto* one = jobs.find(asked.id))
    return std::vector{*one};
  return fail(ec::not_found, "no job " + std::to_string(asked.id) +
                                 " is remembered (since the node was started, or not any more)");
}

std::optional<result<job>> service_state::cancel(const job_cancel& asked) {
  const auto* one = jobs.find(asked.id);
  if (!one)
    return result<job>{fail(answer(jobs_question{asked.id}).error())};
  if (one->now != job::stage::running)
    return result<job>{*one};
  if (!one->can_be_cancelled)
    return result<job>{fail(ec::protocol, std::string{to_string(one->order.what)} +
                                              " can't be ended before it is done")};
  return std::nullopt;
}

void service_state::tick_later() {
  if (!std::exchange(ticking, true))
    self->delayed_send(self, tick_period, atom::tick_v);
}

// -- a secondary's -------------------------------------------------------------------------------

namespace {

/// By the flag of its type: what the registry still goes through.
void follow_walk(service_state& state, job& one, const secondary_status& status) {
  const auto line = std::ranges::find_if(
      status.types, [&](const auto& type) { return type.declared.name == one.order.type; });
  if (line == status.types.end())
    one.trouble = "the type is not declared any more";
  const bool resync = one.order.what == site_action::resync;
  const bool open =
      line != status.types.end() && (resync ? line->registry.marking : line->registry.reverifying);
  if (!open)
    job_list::end(one, one.trouble.empty() ? job::stage::done : job::stage::failed,
                  state.time->wall());
}

/// Nothing where the type is not checked (any more).
std::optional<std::optional<wall_time>> check_ended(const secondary_status& status,
                                                    const std::string& type) {
  for (const auto& line : status.types)
    if (line.declared.name == type && line.declared.enabled)
      return line.registry.walk.ended_at;
  return std::nullopt;
}

void follow(service_state& state, const secondary_status& status) {
  for (auto* one : state.jobs.running()) {
    if (one->order.what == site_action::recheck) {
      if (state.recheck_is_through(
              *one, [&](const std::string& type) { return check_ended(status, type); })) {
        state.rechecks.erase(one->id);
        job_list::end(*one, job::stage::done, state.time->wall());
      }
    } else if (one->order.what == site_action::resync || one->order.what == site_action::reverify) {
      follow_walk(state, *one, status);
    }
  }
}

void follow(service_state& state, const comparison_status& status) {
  for (auto* one : state.jobs.running()) {
    if (one->order.what != site_action::compare)
      continue;
    const auto ours = state.comparisons[one->id];
    one->through = static_cast<std::int64_t>(status.types.size());
    one->at = status.at;
    if (status.number == ours && status.now == comparison_status::stage::running)
      continue;
    if (status.number == ours) {
      const auto equal = std::ranges::count_if(status.types, &type_comparison::equal);
      one->at =
          std::to_string(equal) + " of " + std::to_string(status.types.size()) + " types are equal";
      one->total = one->through;
    }
    state.comparisons.erase(one->id);
    job_list::end(*one, job::stage::done, state.time->wall());
  }
}

void follow(service_state& state, const orphan_status& status) {
  for (auto* one : state.jobs.running()) {
    if (one->order.what != site_action::orphans)
      continue;
    one->through = status.files;
    one->at = std::to_string(status.found) + " found, " + std::to_string(status.removed) +
              " removed" + (status.held ? "; so many are not removed without your word" : "");
    if (status.now == orphan_status::stage::running)
      continue;
    one->trouble = status.trouble;
    job_list::end(*one, status.trouble.empty() ? job::stage::done : job::stage::failed,
                  state.time->wall());
  }
}

struct secondary_orders {
  service_state& state;
  secondary_site_actor site;

  caf::result<result<job>> take(const site_order& order);
  caf::result<result<job>> cancel(const job_cancel& asked);
  void look();

private:
  job& followed(const site_order& order, std::optional<std::int64_t> counted);
  template <class... What>
  caf::result<result<job>> end(std::uint64_t id, const What&... what);
  caf::result<result<job>> mark(const site_order& order);
  caf::result<result<job>> recheck(const site_order& order);
  caf::result<result<job>> compare(const site_order& order);
  caf::result<result<job>> orphans(const site_order& order);
  template <class Status, class... What>
  void ask(const What&... what);
};

caf::result<result<job>> secondary_orders::take(const site_order& order) {
  switch (order.what) {
  case site_action::resync:
  case site_action::reverify:
    return mark(order);
  case site_action::pause:
  case site_action::resume:
    return pass<done>(state, site, at_once<done>(state, order), atom::pause_v, order.type,
                      order.what == site_action::pause);
  case site_action::approve:
    return pass<std::size_t>(state, site, at_once<std::size_t>(state, order), atom::approve_v,
                             order.type);
  case site_action::recheck:
    return recheck(order);
  case site_action::compare:
    return compare(order);
  case site_action::orphans:
    return orphans(order);
  }
  return result<job>{fail(not_here(order, "secondary"))};
}

/// A job of what goes on in the background, and can be ended there.
job& secondary_orders::followed(const site_order& order, std::optional<std::int64_t> counted) {
  auto& one = state.begun(order, counted, false);
  one.can_be_cancelled = true;
  return one;
}

template <class... What>
caf::result<result<job>> secondary_orders::end(std::uint64_t id, const What&... what) {
  const auto complete = [this, id](const done&, job_answer& answer) {
    auto* one = state.jobs.find(id);
    if (!one) {
      answer.deliver(result<job>{fail(state.answer(jobs_question{id}).error())});
      return;
    }
    if (one->now == job::stage::running) {
      state.rechecks.erase(id);
      state.comparisons.erase(id);
      job_list::end(*one, job::stage::cancelled, state.time->wall());
    }
    answer.deliver(result<job>{*one});
  };
  return pass<done>(state, site, complete, what...);
}

caf::result<result<job>> secondary_orders::cancel(const job_cancel& asked) {
  if (auto known = state.cancel(asked))
    return std::move(*known);
  const auto& order = state.jobs.find(asked.id)->order;
  switch (order.what) {
  case site_action::resync:
    return end(asked.id, atom::stop_v, atom::resync_v, order.type);
  case site_action::reverify:
    return end(asked.id, atom::stop_v, atom::reverify_v, order.type);
  case site_action::recheck:
    return end(asked.id, atom::stop_v, atom::recheck_v, order.type);
  case site_action::compare:
    return end(asked.id, atom::stop_v, atom::compare_v);
  case site_action::orphans:
    return end(asked.id, atom::stop_v, atom::list_v);
  default:
    return result<job>{fail(ec::protocol, "there is nothing to be ended")};
  }
}

caf::result<result<job>> secondary_orders::mark(const site_order& order) {
  const bool walks = order.which.which == record_selection::kind::all;
  const auto complete = [this, order, walks](const std::size_t& marked, job_answer& answer) {
    const auto counted = static_cast<std::int64_t>(marked);
    answer.deliver(result<job>{walks && counted > 0 ? followed(order, counted)
                                                    : state.begun(order, counted, true)});
  };
  if (order.what == site_action::resync)
    return pass<std::size_t>(state, site, complete, atom::resync_v, order.type, order.which);
  return pass<std::size_t>(state, site, complete, atom::reverify_v, order.type, order.which);
}

/// How the checks stand is asked first: a walk that is under way ends before ours begins.
caf::result<result<job>> secondary_orders::recheck(const site_order& order) {
  const auto ordered = [this, order](const secondary_status& before, job_answer& answer) {
    waited_types waited;
    for (const auto& line : before.types)
      if (line.declared.enabled && (order.type.empty() || order.type == line.declared.name))
        waited[line.declared.name] = {line.registry.walk.ended_at,
                                      line.registry.walk.stage == walk_stage::none ? 1 : 2};
    pass_recheck(state, site, order, std::move(waited), true, answer);
  };
  return pass<secondary_status>(state, site, ordered, atom::status_v);
}

caf::result<result<job>> secondary_orders::compare(const site_order& order) {
  const auto complete = [this, order](const done&, job_answer& answer) {
    state.self->request(site, answer_deadline, atom::compare_v)
        .then(
            [this, order, answer](const result<comparison_status>& stands) mutable {
              if (!stands) {
                answer.deliver(result<job>{fail(stands.error())});
                return;
              }
              auto& one = followed(order, std::nullopt);
              state.comparisons[one.id] = stands->number;
              answer.deliver(result<job>{one});
            },
            [answer](const caf::error& reason) mutable {
              answer.deliver(result<job>{fail(lost(reason))});
            });
  };
  return pass<done>(state, site, complete, atom::compare_v, order.compare);
}

caf::result<result<job>> secondary_orders::orphans(const site_order& order) {
  const auto complete = [this, order](const done&, job_answer& answer) {
    answer.deliver(result<job>{followed(order, std::nullopt)});
  };
  return pass<done>(state, site, complete, order.orphans);
}

template <class Status, class... What>
void secondary_orders::ask(const What&... what) {
  state.self->request(site, answer_deadline, what...)
      .then(
          [this](const result<Status>& stands) {
            if (stands)
              follow(state, *stands);
          },
          [](const caf::error&) {}); // the next look may tell
}

/// Asks for what the running jobs are followed by, and nothing else.
void secondary_orders::look() {
  bool status = false;
  for (const auto* one : state.jobs.running())
    if (one->order.what == site_action::compare)
      ask<comparison_status>(atom::compare_v);
    else if (one->order.what == site_action::orphans)
      ask<orphan_status>(atom::list_v);
    else if (!std::exchange(status, true))
      ask<secondary_status>(atom::status_v);
}

// -- a primary's ---------------------------------------------------------------------------------

/// Nothing where the type is not scanned (any more), or its folder was not looked at yet.
std::optional<std::optional<wall_time>> scan_ended(const primary_status& status,
                                                   const std::string& type) {
  const auto scan = std::ranges::find(status.scans, type, &scan_report::type);
  if (scan == status.scans.end())
    return std::nullopt;
  return scan->scanned_at;
}

struct primary_orders {
  service_state& state;
  primary_registry_actor registry;

  caf::result<result<job>> take(const site_order& order);
  /// A scan of a folder goes to its end.
  caf::result<result<job>> cancel(const job_cancel& asked) { return *state.cancel(asked); }
  void look();

private:
  caf::result<result<job>> recheck(const site_order& order);
};

caf::result<result<job>> primary_orders::take(const site_order& order) {
  switch (order.what) {
  case site_action::reverify:
    return pass<std::int64_t>(state, registry, at_once<std::int64_t>(state, order),
                              atom::reverify_v, order.type, order.which);
  case site_action::approve:
    return pass<std::size_t>(state, registry, at_once<std::size_t>(state, order), atom::approve_v,
                             order.type);
  case site_action::recheck:
    return recheck(order);
  default:
    return result<job>{fail(not_here(order, "primary"))};
  }
}

caf::result<result<job>> primary_orders::recheck(const site_order& order) {
  const auto ordered = [this, order](const primary_status& before, job_answer& answer) {
    waited_types waited;
    for (const auto& scan : before.scans)
      if (order.type.empty() || order.type == scan.type)
        waited[scan.type] = {scan.scanned_at, 1};
    pass_recheck(state, registry, order, std::move(waited), false, answer);
  };
  return pass<primary_status>(state, registry, ordered, atom::status_v);
}

void primary_orders::look() {
  state.self->request(registry, answer_deadline, atom::status_v)
      .then(
          [this](const result<primary_status>& status) {
            if (!status)
              return;
            for (auto* one : state.jobs.running())
              if (state.recheck_is_through(
                      *one, [&](const std::string& type) { return scan_ended(*status, type); })) {
                state.rechecks.erase(one->id);
                job_list::end(*one, job::stage::done, state.time->wall());
              }
          },
          [](const caf::error&) {});
}

template <class Orders>
site_service_actor::behavior_type serve(service_state::pointer self,
                                        std::shared_ptr<Orders> orders) {
  auto& state = self->state;
  return {
      [orders](const site_order& order) { return orders->take(order); },
      [&state](const jobs_question& asked) { return state.answer(asked); },
      [orders](const job_cancel& asked) { return orders->cancel(asked); },
      [&state, orders](atom::tick) {
        state.ticking = false;
        if (!state.jobs.any_running())
          return;
        orders->look();
        state.tick_later();
      },
  };
}

} // namespace

site_service_actor::behavior_type
secondary_service(service_state::pointer self, secondary_site_actor site, const time_source* time) {
  self->state.time = time;
  return serve(self,
               std::make_shared<secondary_orders>(secondary_orders{self->state, std::move(site)}));
}

site_service_actor::behavior_type primary_service(service_state::pointer self,
                                                  primary_registry_actor registry,
                                                  const time_source* time) {
  self->state.time = time;
  return serve(self,
               std::make_shared<primary_orders>(primary_orders{self->state, std::move(registry)}));
}

} // namespace farshore
