# One folder, one library: farshore_library(NAME SOURCES … USES … [PCH …]) makes farshore_<NAME>.
function(farshore_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;USES;PCH")
  add_library(farshore_${name} STATIC ${arg_SOURCES})
  target_link_libraries(farshore_${name} PUBLIC farshore_flags ${arg_USES})
  if(arg_PCH)
    target_precompile_headers(farshore_${name} PRIVATE ${arg_PCH})
  endif()
endfunction()

# All programs labelled unit: what is also run under sanitizers.
add_custom_target(unit_tests)

# One test program: farshore_test(NAME SOURCES … USES … [PCH …] [LABELS …] [TIMEOUT seconds])
# makes <NAME>_tests and registers each of its cases with CTest.
function(farshore_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;USES;LABELS;PCH")
  add_executable(${name}_tests ${arg_SOURCES})
  target_link_libraries(${name}_tests PRIVATE farshore_test_main ${arg_USES})
  if(arg_PCH)
    target_precompile_headers(${name}_tests PRIVATE ${arg_PCH})
  endif()
  if(unit IN_LIST arg_LABELS)
    add_dependencies(unit_tests ${name}_tests)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 180) # they take seconds; a machine may be busy
  endif()
  # A name that CTest and Catch read differently (";") must not pass without a case.
  catch_discover_tests(${name}_tests TEST_PREFIX "${name}: " EXTRA_ARGS --warn NoTests PROPERTIES
                       LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT})
endfunction()
