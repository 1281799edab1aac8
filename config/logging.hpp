// Sets up spdlog, through which every folder logs. Standard error only: where lines go from there
// is the service manager's business.

#pragma once

#include <string>
#include <string_view>

namespace farshore {

/// Replaces spdlog's default logger by a thread-safe one to standard error. `format` is "text"
/// (`2026-01-02T03:04:05.678Z info message`, further lines of a message indented) or "json" (one
/// object a line: time, level, message); `level` is "debug", "info", "warn" or "error". May be
/// called again, e.g. after a reload. Other values count as "text" and "info": `load_config` has
/// refused them.
void set_up_logging(std::string_view format, std::string_view level);

/// `text` as a JSON string, with its quotes. What is not UTF-8 becomes U+FFFD, so that the line
/// stays readable for whoever parses it.
std::string json_string(std::string_view text);

} // namespace farshore
