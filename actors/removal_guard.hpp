// Nothing is deleted in a wave (promise 11): decides whether what a scan or a watch found gone may
// be taken for deleted. More than 5 % of a type's records within a minute (and at least 10), or all
// of them, wait for the operator. Plain object, one thread.

#pragma once

#include "config/ids.hpp"

#include <cstddef>
#include <deque>
#include <utility>

namespace farshore {

class removal_guard {
public:
  /// Whether `gone` of the `rows` that there are may be removed now.
  [[nodiscard]] bool allows(std::size_t gone, std::size_t rows, steady_time now);
  /// So many were.
  void removed(std::size_t gone, steady_time now);

  /// They were not: from now on nothing is, until an approval, or until a scan finds few gone.
  void hold(std::size_t gone, std::size_t rows);
  void release();
  [[nodiscard]] std::size_t held() const { return held_; }
  [[nodiscard]] std::size_t held_of() const { return held_of_; }

  /// The operator wants what is held to go; how many. Good for so many, in the next scan.
  std::size_t approve();
  void use_up_approval(std::size_t gone);

private:
  std::deque<std::pair<steady_time, std::size_t>> recent_;
  std::size_t recent_sum_ = 0;
  std::size_t held_ = 0;
  std::size_t held_of_ = 0;
  std::size_t approved_ = 0;
};

} // namespace farshore
