// toml++, set up the same way wherever it is included.

#pragma once

// toml++ 3.3 asserts that a table's name begins with a good character ("[$a]" ended the program),
// and behind the assert reports it properly. Its exceptions leave at the first error.
#define TOML_EXCEPTIONS 1
#define TOML_ASSERT(expr) static_cast<void>(0)
#include <toml++/toml.h>
