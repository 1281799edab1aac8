#include "net/audit.hpp"

#include "config/logging.hpp"

#include <utility>

#include <boost/json/parse.hpp>

namespace farshore {

namespace {

namespace json = boost::json;

constexpr std::size_t text_bytes_max = 300;

/// On one line, without control characters, and no longer than anybody reads.
std::string plain(std::string_view text) {
  std::string out{text.substr(0, text_bytes_max)};
  for (auto& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      c = ' ';
  return out;
}

/// The member of an object that is a text; empty where there is none.
std::string text_of(const json::value& body, std::string_view name) {
  const auto* object = body.if_object();
  const auto* member = object ? object->if_contains(name) : nullptr;
  return member && member->is_string() ? std::string{member->as_string()} : std::string{};
}

std::string named_user(const http_request& request) {
  return request.user.empty() ? "somebody" : request.user;
}

json::value parsed(const std::string& text) {
  boost::system::error_code failed;
  auto value = json::parse(text, failed);
  return failed ? json::value{} : value;
}

} // namespace

void audit(const http_request& request, const audit_entry& what, const result<void>& outcome) {
  const auto who =
      request.who ? std::string{to_string(request.who->level)} + " \"" + request.who->name +
                        "\" (" + request.remote + ")"
                  : named_user(request) + " of site " + request.site + " (" + request.remote + ")";
  const auto on = what.on.empty() ? "all types" : plain(what.on);
  auto ending = outcome ? what.records ? std::to_string(*what.records) + " record" +
                                             (*what.records == 1 ? "" : "s")
                                       : "done"
                        : "refused: " + plain(outcome.error().message);
  auto fields = request.who
                    ? std::vector<log_field>{{"token", request.who->name},
                                             {"access", to_string(request.who->level)}}
                    : std::vector<log_field>{{"site", request.site}, {"user", named_user(request)}};
  fields.push_back({"remote", request.remote});
  fields.push_back({"action", std::string{what.action}});
  fields.push_back({"on", on});
  fields.push_back({"outcome", std::string{outcome ? "done" : "refused"}});
  if (outcome && what.records)
    fields.push_back({"records", *what.records});
  if (!outcome)
    fields.push_back({"code", std::string{to_string(outcome.error().code)}});
  log_audit(who + " did " + std::string{what.action} + " on " + on + ": " + ending, fields);
}

answer_handler audited(std::string action, std::string counted, answer_handler act) {
  return [action = std::move(action), counted = std::move(counted), act = std::move(act)](
             const http_request& request) -> boost::asio::awaitable<result<http_answer>> {
    auto answer = co_await act(request);
    const auto body = parsed(request.body);
    audit_entry what{action, text_of(body, "type"), std::nullopt};
    if (what.on.empty())
      what.on = text_of(body, "site");
    if (what.on.empty() && !request.captured.empty())
      what.on = request.captured.front();
    if (const auto key = text_of(body, "key"); !key.empty())
      what.on += "/" + key;
    if (answer && !counted.empty()) {
      const auto said = parsed(answer->body);
      boost::system::error_code absent;
      if (const auto* number = said.find_pointer("/" + counted, absent))
        what.records = number->to_number<std::int64_t>(absent);
    }
    if (answer)
      audit(request, what, {});
    else
      audit(request, what, fail(answer.error()));
    co_return answer;
  };
}

} // namespace farshore
