// Compiled once per test program; every other test file includes <catch2/catch.hpp> alone.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
