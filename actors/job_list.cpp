#include "actors/job_list.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace farshore {

const char* to_string(site_action action) {
  switch (action) {
  case site_action::resync:
    return "resync";
  case site_action::reverify:
    return "reverify";
  case site_action::pause:
    return "pause";
  case site_action::resume:
    return "resume";
  case site_action::recheck:
    return "recheck";
  case site_action::approve:
    return "approve";
  case site_action::compare:
    return "compare";
  case site_action::orphans:
    return "orphans";
  }
  return "unknown";
}

const char* to_string(job::stage stage) {
  switch (stage) {
  case job::stage::running:
    return "running";
  case job::stage::done:
    return "done";
  case job::stage::failed:
    return "failed";
  case job::stage::cancelled:
    return "cancelled";
  }
  return "unknown";
}

job& job_list::begin(site_order order, wall_time now) {
  while (jobs_.size() >= jobs_max_) {
    const auto ended =
        std::ranges::find_if(jobs_, [](const job& one) { return one.now != job::stage::running; });
    if (ended == jobs_.end())
      break; // an actor runs one comparison, one search …: they are few
    jobs_.erase(ended);
  }
  auto& one = jobs_.emplace_back();
  one.id = ++last_id_;
  one.order = std::move(order);
  one.began_at = now;
  return one;
}

void job_list::end(job& one, job::stage how, wall_time now) {
  one.now = how;
  one.can_be_cancelled = false;
  one.ended_at = now;
  if (how == job::stage::done && one.total)
    one.through = *one.total;
}

job* job_list::find(std::uint64_t id) {
  const auto found = std::ranges::find(jobs_, id, &job::id);
  return found == jobs_.end() ? nullptr : &*found;
}

bool job_list::any_running() const {
  return std::ranges::any_of(jobs_, [](const job& one) { return one.now == job::stage::running; });
}

std::vector<job> job_list::all() const {
  return {jobs_.rbegin(), jobs_.rend()};
}

std::vector<job*> job_list::running() {
  std::vector<job*> out;
  for (auto& one : jobs_)
    if (one.now == job::stage::running)
      out.push_back(&one);
  return out;
}

} // namespace farshore
