// Compiled once for all test programs; every other test file includes <catch2/catch.hpp> alone.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
