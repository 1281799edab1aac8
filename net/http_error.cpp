#include "net/http_error.hpp"

#include <optional>
#include <string>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace farshore {

namespace {

namespace json = boost::json;

constexpr auto ec_first = static_cast<int>(ec::invalid_config);
constexpr auto ec_last = static_cast<int>(ec::pool_missing);
constexpr std::size_t message_bytes_max = 2'000;

std::optional<ec> parse_code(std::string_view text) {
  for (int number = ec_first; number <= ec_last; ++number)
    if (const auto code = static_cast<ec>(number); to_string(code) == text)
      return code;
  return std::nullopt;
}

} // namespace

unsigned http_status_of(ec code) {
  switch (code) {
  case ec::unauthorized:
    return 401;
  case ec::not_found:
    return 404;
  case ec::position_unknown:
    return 409;
  case ec::log_trimmed:
    return 410;
  case ec::scope_unknown:
    return 412;
  case ec::protocol:
  case ec::bad_locator:
    return 400;
  case ec::type_waiting:
  case ec::overloaded:
  case ec::stopping:
  case ec::database_unavailable:
    return 503;
  case ec::primary_unreachable:
    return 502;
  default:
    return 500;
  }
}

http_answer error_answer(const error& why) {
  const json::value body{
      {"error", {{"code", to_string(why.code)}, {"message", why.message}}},
  };
  return {http_status_of(why.code), json::serialize(body)};
}

error parse_error_answer(unsigned status, std::string_view body) {
  boost::system::error_code failed;
  const auto parsed = json::parse(body, failed);
  if (!failed && parsed.is_object())
    if (const auto* inner = parsed.as_object().if_contains("error"); inner && inner->is_object()) {
      const auto* code = inner->as_object().if_contains("code");
      const auto* message = inner->as_object().if_contains("message");
      if (code && code->is_string() && message && message->is_string()) {
        std::string text{std::string_view{message->as_string()}.substr(0, message_bytes_max)};
        if (const auto known = parse_code(code->as_string()))
          return {*known, std::move(text)};
        return {ec::protocol,
                fmt::format("{} (an error that this version of Farshore does not know: status {}, "
                            "code \"{}\")",
                            text, status, std::string_view{code->as_string()}.substr(0, 64))};
      }
    }
  return {ec::protocol, "the answer has status " + std::to_string(status) +
                            " and is not Farshore's; does the address lead to a Farshore node?"};
}

} // namespace farshore
