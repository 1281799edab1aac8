#include "config/version.hpp"

namespace farshore {

std::string_view program_version() {
  return FARSHORE_VERSION;
}

} // namespace farshore
