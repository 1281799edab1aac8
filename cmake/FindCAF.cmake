# Debian's libcaf-dev ships no CMake package. Defines CAF::core.
find_path(CAF_INCLUDE_DIR caf/config.hpp)
find_library(CAF_core_LIBRARY caf_core)
if(CAF_INCLUDE_DIR)
  file(STRINGS ${CAF_INCLUDE_DIR}/caf/config.hpp caf_version REGEX "define CAF_VERSION 17[0-9][0-9]$")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CAF REQUIRED_VARS CAF_INCLUDE_DIR CAF_core_LIBRARY caf_version
                                  REASON_FAILURE_MESSAGE "CAF 0.17 is expected (package libcaf-dev)")
if(CAF_FOUND AND NOT TARGET CAF::core)
  add_library(CAF::core UNKNOWN IMPORTED)
  set_target_properties(CAF::core PROPERTIES IMPORTED_LOCATION ${CAF_core_LIBRARY}
                                             INTERFACE_LINK_LIBRARIES Threads::Threads)
endif()
