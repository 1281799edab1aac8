#include "net/http_error.hpp"

#include <optional>
#include <string>
#include <utility>

#include <boost/beast/http/status.hpp>
#include <boost/json.hpp>
#include <fmt/format.h>

namespace farshore {

namespace {

namespace http = boost::beast::http;
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

/// Nothing where the object is not one of ours.
std::optional<error> read_problem(const json::object& from, std::string_view detail,
                                  unsigned status) {
  const auto* code = from.if_contains("code");
  const auto* message = from.if_contains(detail);
  if (!code || !code->is_string() || !message || !message->is_string())
    return std::nullopt;
  std::string text{std::string_view{message->as_string()}.substr(0, message_bytes_max)};
  if (const auto known = parse_code(code->as_string()))
    return error{*known, std::move(text)};
  return error{ec::protocol,
               fmt::format("{} (an error that this version of Farshore does not know: status {}, "
                           "code \"{}\")",
                           text, status, std::string_view{code->as_string()}.substr(0, 64))};
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

http_answer problem_answer(unsigned status, const error& why) {
  const json::value body{
      {"type", "about:blank"}, // the status says what kind of problem it is
      {"title", http::obsolete_reason(static_cast<http::status>(status))},
      {"status", status},
      {"detail", why.message},
      {"code", to_string(why.code)},
      {"error", {{"code", to_string(why.code)}, {"message", why.message}}},
  };
  return {status, json::serialize(body), "application/problem+json"};
}

http_answer error_answer(const error& why) {
  return problem_answer(http_status_of(why.code), why);
}

error parse_error_answer(unsigned status, std::string_view body) {
  boost::system::error_code failed;
  const auto parsed = json::parse(body, failed);
  if (const auto* document = failed ? nullptr : parsed.if_object()) {
    if (auto said = read_problem(*document, "detail", status))
      return std::move(*said);
    const auto* inner = document->if_contains("error");
    if (auto older = inner && inner->is_object()
                         ? read_problem(inner->as_object(), "message", status)
                         : std::nullopt)
      return std::move(*older);
  }
  return {ec::protocol, "the answer has status " + std::to_string(status) +
                            " and is not Farshore's; does the address lead to a Farshore node?"};
}

} // namespace farshore
