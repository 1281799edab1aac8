// Sets up spdlog, through which every folder logs. Standard error only: where lines go from there
// is the service manager's business.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace farshore {

/// Replaces spdlog's default logger by a thread-safe one to standard error. `format` is "text"
/// (`2026-01-02T03:04:05.678Z info message`, further lines of a message indented) or "json" (one
/// object a line: time, level, message); `level` is "debug", "info", "warn" or "error". May be
/// called again, e.g. after a reload. Other values count as "text" and "info": `load_config` has
/// refused them.
void set_up_logging(std::string_view format, std::string_view level);

struct log_field {
  std::string_view name;
  std::variant<std::string, std::int64_t> value;
};

/// A line that is written whatever the level, with "audit" in its place: what a person did. The
/// fields stand in JSON lines only, besides the message: text lines say all of it in the message.
void log_audit(const std::string& message, const std::vector<log_field>& fields);

/// `text` as a JSON string, with its quotes. What is not UTF-8 becomes U+FFFD, so that the line
/// stays readable for whoever parses it.
std::string json_string(std::string_view text);

} // namespace farshore
