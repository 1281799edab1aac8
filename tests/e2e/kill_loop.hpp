// Kills whatever a pair of sites consists of, under load, and looks what is left.

#pragma once

namespace farshore::test {

/// Kills at `kills` random moments one of: either node, either database. Checks (with Catch2) that
/// no damaged file is ever seen at the secondary, and that both sides are equal at the end. The
/// seed comes from FARSHORE_SEED, or else from the clock, and is printed.
void kill_again_and_again(int kills);

} // namespace farshore::test
