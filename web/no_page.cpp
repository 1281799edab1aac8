#include "web/page_bundle.hpp"

namespace farshore {

std::span<const page_file> page_bundle() {
  return {};
}

} // namespace farshore
