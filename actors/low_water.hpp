// Whether a file system has room for more: the low-water mark, with what it takes to go on again.
//
// A plain object of its supervisor; it asks nothing by itself.

#pragma once

#include "config/free_mark.hpp"
#include "strategies/strategy.hpp"

#include <cstdint>
#include <string>

namespace farshore {

class low_water {
public:
  /// `place` is what messages call the file system, e.g. `store "/srv/app"`.
  low_water(free_mark mark, std::string place) : mark_{mark}, place_{std::move(place)} {}

  /// What was found now. `refused`: since the last time something did not fit.
  void update(const result<disk_space>& found, bool refused = false);

  /// Nothing new may be begun: below the mark; or less than a tenth of it above since then, or
  /// since something did not fit; or unknown.
  [[nodiscard]] bool is_low() const { return !why_.empty(); }
  /// Bytes above the mark.
  [[nodiscard]] std::uint64_t room() const { return room_; }
  /// Why it is low, with numbers and what to do; empty if it is not.
  [[nodiscard]] const std::string& why() const { return why_; }

private:
  free_mark mark_;
  std::string place_;
  std::uint64_t room_ = 0;
  bool was_low_ = false;
  std::string why_ = "it is not known yet how much room there is";
};

} // namespace farshore
