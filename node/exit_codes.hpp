// What the program's exit codes mean; stable, and documented in docs/reference/cli.md.

#pragma once

namespace farshore::exit_code {

/// Done; the answer is yes.
inline constexpr int done = 0;
/// Understood, but the answer is no: not synced in time, mistakes found, no such record …
inline constexpr int no = 1;
/// The command line or the configuration is wrong.
inline constexpr int usage = 2;
/// No node answers.
inline constexpr int unreachable = 3;
/// The node refused: signature, clock, or the wrong role for this command.
inline constexpr int refused = 4;

} // namespace farshore::exit_code
