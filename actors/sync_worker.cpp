#include "actors/sync_worker.hpp"

#include <utility>

namespace farshore {

namespace {

// The guards that matter are the supervisor's: progress while bytes move, leases always. These only
// make sure that no wait is for ever. Under a bandwidth cap a transfer may well take days, or wait
// so long for its turn.
constexpr std::chrono::minutes fetch_deadline{60 * 24 * 60};
constexpr std::chrono::minutes disk_deadline{10};

/// Nothing was learnt of the record when the primary could not be asked about it. A transfer that
/// was under way when the connection broke is the record's own failure: else one poisonous record
/// could break every connection, for ever.
bool is_given_back(ec code, const sync_job& job) {
  switch (code) {
  case ec::primary_unreachable:
    return !job.moving;
  case ec::unauthorized:
  case ec::stopping:
  case ec::lease_lost:
    return true;
  default:
    return false;
  }
}

} // namespace

template <class T, class Next>
auto sync_worker_state::then(Next next) {
  return [this, next](result<T>& answer) {
    if (answer)
      return next(*answer);
    const auto code = answer.error().code;
    report(is_given_back(code, *parts.job) ? outcome::kind::given_back : outcome::kind::failed,
           std::move(answer).error());
  };
}

void sync_worker_state::start() {
  if (!parts.what.wanted)
    return remove();
  auto into = parts.store->receive(parts.job);
  if (!into)
    return report(outcome::kind::failed, std::move(into).error());
  self->request(parts.primary, fetch_deadline, fetch_request{parts.job, *into})
      .then(then<done>([this, into = *into](const done&) { place(into); }));
}

void sync_worker_state::place(const std::shared_ptr<receiver>& from) {
  self->request(parts.disk, disk_deadline, place_request{parts.job, from})
      .then(then<landed>([this](const landed& what) { clear_former_places(what); }));
}

void sync_worker_state::clear_former_places(const landed& what) {
  if (parts.what.remove.empty())
    return report(outcome::kind::synced, {}, what);
  self->request(parts.disk, disk_deadline, remove_request{parts.job, parts.what.remove})
      .then(then<done>([this, what](const done&) { report(outcome::kind::synced, {}, what); }));
}

void sync_worker_state::remove() {
  if (parts.what.remove.empty())
    return report(outcome::kind::removed);
  self->request(parts.disk, disk_deadline, remove_request{parts.job, parts.what.remove})
      .then(then<done>([this](const done&) { report(outcome::kind::removed); }));
}

void sync_worker_state::report(outcome::kind how, error why, const landed& what) {
  self->send(parts.supervisor, worker_report{parts.job->token, how, std::move(why), what});
  self->quit();
}

sync_worker_actor::behavior_type sync_worker(sync_worker_state::pointer self,
                                             sync_worker_parts parts) {
  self->state.parts = std::move(parts);
  return {
      [self](atom::start) { self->state.start(); },
  };
}

} // namespace farshore
