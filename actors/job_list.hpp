// The jobs of a site that are remembered: all that run, and the latest that have ended. A plain
// object; no clock, no actors.

#pragma once

#include "actors/job.hpp"

#include <cstddef>
#include <deque>
#include <vector>

namespace farshore {

class job_list {
public:
  /// Of those that have ended the oldest are forgotten beyond `jobs_max`.
  explicit job_list(std::size_t jobs_max = 200) : jobs_max_{jobs_max} {}

  /// The job stays where it is until it has ended, and another begins.
  job& begin(site_order order, wall_time now);
  static void end(job& one, job::stage how, wall_time now);

  [[nodiscard]] job* find(std::uint64_t id);
  [[nodiscard]] bool any_running() const;
  /// The newest first.
  [[nodiscard]] std::vector<job> all() const;
  [[nodiscard]] std::vector<job*> running();

private:
  std::size_t jobs_max_;
  std::uint64_t last_id_ = 0;
  /// The oldest first.
  std::deque<job> jobs_;
};

} // namespace farshore
