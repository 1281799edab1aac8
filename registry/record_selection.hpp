// Which records of a type an operator means.

#pragma once

#include "config/ids.hpp"

#include <cstdint>
#include <vector>

namespace farshore {

struct record_selection {
  enum class kind : std::uint8_t { ids, failed, all } which = kind::ids;
  std::vector<record_id> ids;
};

} // namespace farshore
