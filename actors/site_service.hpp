// The one interface through which people act on a site, whatever they use: command line, API, page.
// Every order is a job, which is remembered for a while and can be followed.
//
// The service owns the jobs and nothing else: what is ordered is passed to the site's actor, and
// how it stands is asked there once a second while something runs.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/job_list.hpp"
#include "config/clock.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace farshore {

/// Asks for the jobs that are remembered, the newest first; 0: all, else that one alone.
struct jobs_question {
  std::uint64_t id = 0;
};
/// Asks that a job ends before it is done.
struct job_cancel {
  std::uint64_t id = 0;
};

} // namespace farshore

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::site_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::jobs_question)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::job_cancel)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::job>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<std::vector<farshore::job>>)

namespace farshore {

/// SITE SERVICE: takes orders, and knows how they stand.
using site_service_actor = caf::typed_actor<
    // Passes the order on; answers with its job once it is begun, or complete. What the site does
    // not have, or can't do now, is refused, and makes no job.
    caf::replies_to<site_order>::with<result<job>>,
    // How jobs stand; ec::not_found where one is asked for that is not remembered.
    caf::replies_to<jobs_question>::with<result<std::vector<job>>>,
    // Ends a job; what has ended stays as it is. ec::protocol where it can't be ended.
    caf::replies_to<job_cancel>::with<result<job>>,
    // Its own, every second while something runs.
    caf::reacts_to<atom::tick>>;

struct service_state {
  using pointer = site_service_actor::stateful_pointer<service_state>;
  static constexpr const char* name = "site_service";

  explicit service_state(pointer owner) : self{owner} {}

  /// A job for an order that the site has taken; it has ended where nothing more is to come.
  job& begun(const site_order& order, std::optional<std::int64_t> counted, bool ended);
  result<std::vector<job>> answer(const jobs_question& asked);
  /// What there is to be said without asking the site: nothing where it is to be asked.
  std::optional<result<job>> cancel(const job_cancel& asked);
  void tick_later();

  pointer self;
  const time_source* time = nullptr;
  job_list jobs;
  bool ticking = false;
  /// Of a recheck: by type the end of its last check, or scan, when it was ordered, and how many
  /// ends are waited for. By job.
  struct awaited {
    std::optional<wall_time> ended_at;
    int ends = 1;
  };
  std::map<std::uint64_t, std::map<std::string, awaited>> rechecks;
  /// Of a comparison: its number. By job.
  std::map<std::uint64_t, std::uint64_t> comparisons;

  /// One look at how a recheck's types stand: `ended_at` as it is now; nothing where the type is
  /// not checked any more. True once nothing is waited for.
  template <class EndedAt>
  bool recheck_is_through(job& one, EndedAt ended_at);
};

/// A secondary's.
site_service_actor::behavior_type
secondary_service(service_state::pointer self, secondary_site_actor site, const time_source* time);
/// A primary's.
site_service_actor::behavior_type primary_service(service_state::pointer self,
                                                  primary_registry_actor registry,
                                                  const time_source* time);

template <class EndedAt>
bool service_state::recheck_is_through(job& one, EndedAt ended_at) {
  auto& waited = rechecks[one.id];
  for (auto it = waited.begin(); it != waited.end();) {
    const std::optional<std::optional<wall_time>> now = ended_at(it->first);
    const bool another_end = now && *now != it->second.ended_at;
    if (another_end)
      it->second = {*now, it->second.ends - 1};
    if (!now || it->second.ends == 0) {
      it = waited.erase(it);
      ++one.through;
    } else {
      ++it;
    }
  }
  return waited.empty();
}

} // namespace farshore
