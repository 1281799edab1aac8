#include "config/logging.hpp"

#include "config/ids.hpp"

#include <atomic>
#include <memory>

#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace farshore {

namespace {

/// The logger's name that marks an audit line.
constexpr std::string_view audit_name = "audit";

std::atomic<bool> writes_json{false};

bool is_audit(const spdlog::details::log_msg& msg) {
  return std::string_view{msg.logger_name.data(), msg.logger_name.size()} == audit_name;
}

std::string_view level_name(const spdlog::details::log_msg& msg) {
  if (is_audit(msg))
    return audit_name;
  switch (msg.level) {
  case spdlog::level::trace:
  case spdlog::level::debug:
    return "debug";
  case spdlog::level::warn:
    return "warn";
  case spdlog::level::err:
  case spdlog::level::critical:
    return "error";
  default:
    return "info";
  }
}

class text_lines final : public spdlog::formatter {
public:
  void format(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& out) override {
    auto line = to_rfc3339(msg.time) + " " + std::string{level_name(msg)} + " ";
    // Indented, a further line can't pass for a log line of its own.
    for (char c : msg.payload) {
      line += c;
      if (c == '\n')
        line += "  ";
    }
    line += '\n';
    out.append(line.data(), line.data() + line.size());
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<text_lines>();
  }
};

class json_lines final : public spdlog::formatter {
public:
  void format(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& out) override {
    const std::string text{msg.payload.data(), msg.payload.size()};
    // An audit line's payload is JSON already: log_audit.
    auto line = "{\"time\":\"" + to_rfc3339(msg.time) + "\",\"level\":\"" +
                std::string{level_name(msg)} +
                "\",\"message\":" + (is_audit(msg) ? text : json_string(text)) + "}\n";
    out.append(line.data(), line.data() + line.size());
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<json_lines>();
  }
};

/// Length of the well-formed UTF-8 sequence at the beginning of `text`; 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  auto lead = byte(0);
  std::size_t length = lead < 0x80   ? 1
                       : lead < 0xc2 ? 0
                       : lead < 0xe0 ? 2
                       : lead < 0xf0 ? 3
                       : lead < 0xf5 ? 4
                                     : 0;
  if (length == 0 || length > text.size())
    return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
  // Overlong forms, surrogates, beyond U+10FFFF.
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) ||
      (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f))
    return 0;
  return length;
}

} // namespace

std::string json_string(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    auto length = utf8_length(text);
    auto c = static_cast<unsigned char>(text.front());
    if (length == 0)
      out += "\\ufffd";
    else if (c == '"' || c == '\\')
      (out += '\\') += static_cast<char>(c);
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c < 0x20 || c == 0x7f)
      out += fmt::format("\\u{:04x}", c);
    else
      out += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out + "\"";
}

void set_up_logging(std::string_view format, std::string_view level) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  auto logger = std::make_shared<spdlog::logger>("farshore", std::move(sink));
  if (format == "json")
    logger->set_formatter(std::make_unique<json_lines>());
  else
    logger->set_formatter(std::make_unique<text_lines>());
  logger->set_level(level == "debug"   ? spdlog::level::debug
                    : level == "warn"  ? spdlog::level::warn
                    : level == "error" ? spdlog::level::err
                                       : spdlog::level::info);
  writes_json = format == "json";
  spdlog::set_default_logger(std::move(logger));
}

void log_audit(const std::string& message, const std::vector<log_field>& fields) {
  auto payload = message;
  if (writes_json) {
    payload = json_string(message);
    for (const auto& [name, value] : fields)
      payload += ",\"" + std::string{name} + "\":" +
                 (std::holds_alternative<std::string>(value)
                      ? json_string(std::get<std::string>(value))
                      : std::to_string(std::get<std::int64_t>(value)));
  }
  const auto logger = spdlog::default_logger()->clone(std::string{audit_name});
  logger->set_level(spdlog::level::info);
  logger->log(spdlog::level::info, std::string_view{payload});
}

} // namespace farshore
