// A counter that is not what counting says.

#pragma once

#include <cstdint>
#include <string>

namespace farshore {

struct count_difference {
  std::string type;
  std::string counter;
  std::int64_t kept = 0;
  std::int64_t counted = 0;
};

} // namespace farshore
