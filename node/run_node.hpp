// The node itself: what `farshore node` does.

#pragma once

#include <filesystem>

namespace farshore {

/// Runs the node of this configuration in the foreground until SIGTERM or SIGINT, or until it has
/// to end; reloads the file on SIGHUP. Returns the process's exit code (exit_codes.hpp). Call it
/// from the main thread, before any other thread is started.
int run_node(const std::filesystem::path& config_file);

} // namespace farshore
