#include "net/api_request.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <boost/json.hpp>

namespace farshore {

namespace json = boost::json;

namespace {

constexpr std::size_t list_rows_default = 100;
constexpr std::size_t list_rows_max = 1000;

template <class Number>
result<Number> whole_number(std::string_view text, std::string_view name) {
  Number value{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size())
    return fail(ec::protocol, "\"" + std::string{name} + "\" must be a whole number");
  return value;
}

template <class Number>
result<Number> number_or(const http_request& request, std::string_view name, Number otherwise) {
  const auto text = request.parameter(name);
  return text ? whole_number<Number>(*text, name) : result<Number>{otherwise};
}

result<std::vector<record_id>> parse_ids(std::string_view text) {
  std::vector<record_id> ids;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto id = whole_number<record_id>(text.substr(0, comma), "ids");
    if (!id)
      return fail(id.error());
    ids.push_back(*id);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  if (ids.size() > list_rows_max)
    return fail(ec::protocol, "\"ids\" names more than " + std::to_string(list_rows_max));
  return ids;
}

result<std::optional<verification_state>> verification_parameter(const http_request& request,
                                                                 std::string_view name) {
  const auto text = request.parameter(name);
  if (!text)
    return std::optional<verification_state>{};
  verification_state state{};
  if (!parse(*text, state))
    return fail(ec::protocol,
                "\"" + std::string{name} + "\" is pending, started, succeeded, failed or disabled");
  return std::optional{state};
}

} // namespace

result<json::object> parse_body(const http_request& request) {
  boost::system::error_code failed;
  auto value = json::parse(request.body.empty() ? "{}" : request.body, failed);
  if (failed || !value.is_object())
    return fail(ec::protocol, "the body must be a JSON object");
  return std::move(value.as_object());
}

result<std::string> text_field(const json::object& body, std::string_view name) {
  const auto* value = body.if_contains(name);
  if (!value || !value->is_string())
    return fail(ec::protocol, "the body needs a text \"" + std::string{name} + "\"");
  return std::string{value->as_string()};
}

result<std::string> type_or_all(const json::object& body) {
  const auto* given = body.if_contains("type");
  if (!given || given->is_null())
    return std::string{};
  return text_field(body, "type");
}

result<record_selection> parse_selection(const json::object& body) {
  auto is_true = [&](const char* name) {
    const auto* value = body.if_contains(name);
    return value && value->is_bool() && value->as_bool();
  };
  record_selection which;
  if (is_true("all")) {
    which.which = record_selection::kind::all;
  } else if (is_true("failed")) {
    which.which = record_selection::kind::failed;
  } else if (const auto* ids = body.if_contains("ids"); ids && ids->is_array()) {
    for (const auto& id : ids->as_array()) {
      boost::system::error_code failed;
      which.ids.push_back(id.to_number<record_id>(failed));
      if (failed)
        return fail(ec::protocol, "\"ids\" must be whole numbers");
    }
  } else {
    return fail(ec::protocol, "say which records: \"ids\": […], \"failed\": true or \"all\": true");
  }
  return which;
}

std::string who_asks(const http_request& request) {
  if (request.who)
    return std::string{to_string(request.who->level)} + " " + request.who->name;
  return request.user.empty() ? "somebody" : request.user;
}

result<void> check_declared(const config& settings, const std::string& type) {
  if (settings.find_type(type))
    return {};
  return fail(ec::not_found, "no replicable type \"" + type + "\" is declared here");
}

result<std::uint64_t> parse_number(const std::string& text, std::string_view name) {
  return whole_number<std::uint64_t>(text, name);
}

result<record_id> parse_record(const std::string& text) {
  return whole_number<record_id>(text, "id");
}

result<list_place> parse_place(const http_request& request) {
  list_place place;
  const auto after = number_or<record_id>(request, "after", record_id_before_all);
  if (!after)
    return fail(after.error());
  place.after = *after;
  const auto limit = number_or<std::size_t>(request, "limit", list_rows_default);
  if (!limit)
    return fail(limit.error());
  place.limit = std::clamp<std::size_t>(*limit, 1, list_rows_max);
  if (const auto text = request.parameter("ids")) {
    auto ids = parse_ids(*text);
    if (!ids)
      return fail(std::move(ids).error());
    place.ids = std::move(*ids);
  }
  return place;
}

result<rows_filter> parse_rows_filter(const http_request& request) {
  rows_filter only;
  if (const auto text = request.parameter("state")) {
    only.state = sync_state::pending;
    if (!parse(*text, *only.state))
      return fail(ec::protocol, "\"state\" is pending, started, synced or failed");
  }
  const auto verification = verification_parameter(request, "verification");
  if (!verification)
    return fail(verification.error());
  only.verification = *verification;
  only.missing_on_primary = request.parameter("missing") == "true";
  if (only.missing_on_primary && !only.state)
    only.state = sync_state::failed; // they are, and an index finds those
  only.findings = request.parameter("findings") == "true";
  only.locator_part = request.parameter("text").value_or("");
  return only;
}

result<checksum_filter> parse_checksum_filter(const http_request& request) {
  const auto state = verification_parameter(request, "state");
  if (!state)
    return fail(state.error());
  return checksum_filter{*state, request.parameter("missing") == "true"};
}

} // namespace farshore
