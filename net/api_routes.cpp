#include "net/api_routes.hpp"

#include "net/actor_call.hpp"
#include "net/api_json.hpp"
#include "net/audit.hpp"
#include "net/compare_routes.hpp"
#include "net/health.hpp"
#include "net/on_pool.hpp"
#include "net/process_json.hpp"

#include <charconv>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/thread_pool.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace farshore {

namespace json = boost::json;
using boost::asio::awaitable;

namespace {

constexpr std::size_t list_rows_default = 100;
constexpr std::size_t list_rows_max = 1000;

http_answer json_answer(const json::value& body) {
  return {200, json::serialize(body), "application/json"};
}

/// Only the site itself: its command line signs with the site's own key.
result<void> check_operator(const http_request& request, const config& settings) {
  if (request.site == settings.site_name)
    return {};
  return fail(ec::unauthorized, "the API of site \"" + settings.site_name +
                                    "\" answers that site's own command line only, and the request "
                                    "is signed by \"" +
                                    request.site + "\"");
}

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

/// Empty where the body's type is null, or not there: all types.
result<std::string> type_or_all(const json::object& body) {
  const auto* given = body.if_contains("type");
  if (!given || given->is_null())
    return std::string{};
  return text_field(body, "type");
}

result<const replicable_type*> declared_type(const config& settings, const std::string& name) {
  if (const auto* type = settings.find_type(name))
    return type;
  return fail(ec::not_found, "no replicable type \"" + name + "\" is declared here");
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

template <class Number>
result<std::optional<Number>> number_parameter(const http_request& request, std::string_view name) {
  const auto text = request.parameter(name);
  if (!text)
    return std::optional<Number>{};
  Number value{};
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (failed != std::errc{} || end != text->data() + text->size())
    return fail(ec::protocol, "\"" + std::string{name} + "\" must be a whole number");
  return std::optional<Number>{value};
}

/// Reads lists for the API, one at a time, on a thread and a connection of its own. `View` is a
/// registry_view or a checksum_view.
template <class View>
class list_reader {
public:
  explicit list_reader(std::string url) : url_{std::move(url)} {}

  template <class Only>
  awaitable<result<json::value>> list(std::string type, Only only, record_id after,
                                      std::size_t limit) {
    co_return co_await on_pool(pool_, [&]() -> result<json::value> {
      if (!view_) {
        auto opened = View::open(url_);
        if (!opened)
          return fail(std::move(opened).error());
        view_ = std::move(*opened);
      }
      auto rows = view_->list(type, only, after, limit);
      if (!rows) {
        view_.reset(); // the next one connects anew
        return fail(std::move(rows).error());
      }
      return to_json(*rows, limit);
    });
  }

private:
  std::string url_;
  std::unique_ptr<View> view_;
  boost::asio::thread_pool pool_{1};
};

/// POST /api/v1/<action>, with its line in the audit log.
void add_action(router& routes, const std::string& action, std::string counted,
                answer_handler act) {
  routes.add("POST", "/api/v1/" + action, audited(action, std::move(counted), std::move(act)));
}

void add_doctor_route(router& routes, current_config settings) {
  routes.add("GET", "/api/v1/doctor",
             [settings = std::move(settings)](
                 const http_request& request) -> awaitable<result<http_answer>> {
               if (auto ok = check_operator(request, *settings()); !ok)
                 co_return fail(ok.error());
               co_return json_answer(process_json());
             });
}

/// POST /api/v1/<action> that marks some records of a type, or all.
template <class Count, class Api, class Handle, class Order>
void add_marking_action(router& routes, const std::string& action,
                        const std::shared_ptr<const Api>& parts, Handle Api::*marks, Order order) {
  add_action(routes, action, "marked",
             [parts, marks, order](const http_request& request) -> awaitable<result<http_answer>> {
               const auto settings = parts->settings();
               if (auto ok = check_operator(request, *settings); !ok)
                 co_return fail(ok.error());
               const auto body = parse_body(request);
               if (!body)
                 co_return fail(body.error());
               const auto type = text_field(*body, "type");
               if (!type)
                 co_return fail(type.error());
               if (auto known = declared_type(*settings, *type); !known)
                 co_return fail(known.error());
               const auto which = parse_selection(*body);
               if (!which)
                 co_return fail(which.error());
               auto marked =
                   co_await ask<Count>(parts->asker, (*parts).*marks, order, *type, *which);
               if (!marked)
                 co_return fail(marked.error());
               co_return json_answer({{"marked", *marked}});
             });
}

/// What a person says to checks: a secondary's of the catalogue, a primary's of scanned folders.
template <class Api, class Handle>
void add_check_actions(router& routes, const std::shared_ptr<const Api>& parts,
                       Handle Api::*answers) {
  add_action(routes, "recheck", "",
             [parts, answers](const http_request& request) -> awaitable<result<http_answer>> {
               if (auto ok = check_operator(request, *parts->settings()); !ok)
                 co_return fail(ok.error());
               const auto body = parse_body(request);
               if (!body)
                 co_return fail(body.error());
               const auto type = type_or_all(*body);
               if (!type)
                 co_return fail(type.error());
               auto begun =
                   co_await ask<done>(parts->asker, (*parts).*answers, atom::recheck_v, *type);
               if (!begun)
                 co_return fail(begun.error());
               co_return json_answer(json::object{});
             });

  add_action(routes, "approve", "approved",
             [parts, answers](const http_request& request) -> awaitable<result<http_answer>> {
               if (auto ok = check_operator(request, *parts->settings()); !ok)
                 co_return fail(ok.error());
               const auto body = parse_body(request);
               if (!body)
                 co_return fail(body.error());
               const auto type = text_field(*body, "type");
               if (!type)
                 co_return fail(type.error());
               auto approved = co_await ask<std::size_t>(parts->asker, (*parts).*answers,
                                                         atom::approve_v, *type);
               if (!approved)
                 co_return fail(approved.error());
               co_return json_answer({{"approved", *approved}});
             });
}

} // namespace

void add_secondary_api(router& routes, secondary_api given) {
  auto parts = std::make_shared<const secondary_api>(std::move(given));
  auto reader = std::make_shared<list_reader<registry_view>>(parts->database_url);
  add_doctor_route(routes, parts->settings);
  add_health_routes(
      routes,
      [parts]() -> awaitable<result<readiness>> {
        const auto status = co_await ask_within<secondary_status>(health_patience, parts->asker,
                                                                  parts->site, atom::status_v);
        co_return status.map([](const auto& stands) { return readiness_of(stands); });
      },
      system_time());

  routes.add("GET", "/api/v1/status",
             [parts](const http_request& request) -> awaitable<result<http_answer>> {
               const auto settings = parts->settings();
               if (auto ok = check_operator(request, *settings); !ok)
                 co_return fail(ok.error());
               auto status =
                   co_await ask<secondary_status>(parts->asker, parts->site, atom::status_v);
               if (!status)
                 co_return fail(status.error());
               co_return json_answer(
                   to_json(*status, *settings, parts->bandwidth(), system_time().wall()));
             });

  routes.add("GET", "/api/v1/registry/*",
             [parts, reader](const http_request& request) -> awaitable<result<http_answer>> {
               const auto settings = parts->settings();
               if (auto ok = check_operator(request, *settings); !ok)
                 co_return fail(ok.error());
               const auto& type = request.captured.front();
               if (auto known = declared_type(*settings, type); !known)
                 co_return fail(known.error());
               states_filter only;
               if (const auto text = request.parameter("state")) {
                 only.state = sync_state::pending;
                 if (!parse(*text, *only.state))
                   co_return fail(ec::protocol, "\"state\" is pending, started, synced or failed");
               }
               if (const auto text = request.parameter("verification")) {
                 only.verification = verification_state::pending;
                 if (!parse(*text, *only.verification))
                   co_return fail(ec::protocol, "\"verification\" is pending, started, succeeded, "
                                                "failed or disabled");
               }
               only.findings = request.parameter("findings") == "true";
               const auto after = number_parameter<record_id>(request, "after");
               if (!after)
                 co_return fail(after.error());
               const auto limit = number_parameter<std::size_t>(request, "limit");
               if (!limit)
                 co_return fail(limit.error());
               auto rows = co_await reader->list(
                   type, only, after->value_or(record_id_before_all),
                   std::clamp<std::size_t>(limit->value_or(list_rows_default), 1, list_rows_max));
               if (!rows)
                 co_return fail(rows.error());
               co_return json_answer(*rows);
             });

  add_marking_action<std::size_t>(routes, "resync", parts, &secondary_api::site, atom::resync_v);
  add_marking_action<std::size_t>(routes, "reverify", parts, &secondary_api::site,
                                  atom::reverify_v);

  auto pause_route = [parts](bool paused) {
    return [parts, paused](const http_request& request) -> awaitable<result<http_answer>> {
      const auto settings = parts->settings();
      if (auto ok = check_operator(request, *settings); !ok)
        co_return fail(ok.error());
      const auto body = parse_body(request);
      if (!body)
        co_return fail(body.error());
      const auto type = type_or_all(*body);
      if (!type)
        co_return fail(type.error());
      auto set = co_await ask<done>(parts->asker, parts->site, atom::pause_v, *type, paused);
      if (!set)
        co_return fail(set.error());
      co_return json_answer(json::object{});
    };
  };
  add_action(routes, "pause", "", pause_route(true));
  add_action(routes, "resume", "", pause_route(false));

  add_check_actions(routes, parts, &secondary_api::site);
  const auto for_operator = [parts](const http_request& request) {
    return check_operator(request, *parts->settings());
  };
  add_compare_routes(routes, for_operator, parts->asker, parts->site);
  add_orphan_routes(routes, for_operator, parts->asker, parts->site);

  routes.add("POST", "/api/v1/mark",
             [parts](const http_request& request) -> awaitable<result<http_answer>> {
               if (auto ok = check_operator(request, *parts->settings()); !ok)
                 co_return fail(ok.error());
               auto xid = co_await ask<std::uint64_t>(parts->asker, parts->site, atom::mark_v);
               if (!xid)
                 co_return fail(xid.error());
               co_return json_answer({{"xid", *xid}});
             });
}

namespace {

/// What only scanned types have.
void add_scan_routes(router& routes, const std::shared_ptr<const primary_api>& parts) {
  add_check_actions(routes, parts, &primary_api::registry);

  routes.add("GET", "/api/v1/unsupported/*",
             [parts](const http_request& request) -> awaitable<result<http_answer>> {
               if (auto ok = check_operator(request, *parts->settings()); !ok)
                 co_return fail(ok.error());
               auto files = co_await ask<std::vector<unsupported_file>>(
                   parts->asker, parts->registry, atom::list_v, request.captured.front());
               if (!files)
                 co_return fail(files.error());
               co_return json_answer(to_json(*files));
             });
}

void add_verification_routes(router& routes, const std::shared_ptr<const primary_api>& parts) {
  auto reader = std::make_shared<list_reader<checksum_view>>(parts->database_url);
  routes.add("GET", "/api/v1/verification/*",
             [parts, reader](const http_request& request) -> awaitable<result<http_answer>> {
               const auto settings = parts->settings();
               if (auto ok = check_operator(request, *settings); !ok)
                 co_return fail(ok.error());
               const auto& type = request.captured.front();
               if (auto known = declared_type(*settings, type); !known)
                 co_return fail(known.error());
               std::optional<verification_state> state;
               if (const auto text = request.parameter("state")) {
                 state = verification_state::pending;
                 if (!parse(*text, *state))
                   co_return fail(ec::protocol,
                                  "\"state\" is pending, started, succeeded, failed or disabled");
               }
               const auto after = number_parameter<record_id>(request, "after");
               if (!after)
                 co_return fail(after.error());
               const auto limit = number_parameter<std::size_t>(request, "limit");
               if (!limit)
                 co_return fail(limit.error());
               auto rows = co_await reader->list(
                   type, state, after->value_or(record_id_before_all),
                   std::clamp<std::size_t>(limit->value_or(list_rows_default), 1, list_rows_max));
               if (!rows)
                 co_return fail(rows.error());
               co_return json_answer(*rows);
             });

  add_marking_action<std::int64_t>(routes, "reverify", parts, &primary_api::registry,
                                   atom::reverify_v);
}

} // namespace

void add_primary_api(router& routes, primary_api given) {
  auto parts = std::make_shared<const primary_api>(std::move(given));
  add_verification_routes(routes, parts);
  auto pool = std::make_shared<boost::asio::thread_pool>(1);
  add_doctor_route(routes, parts->settings);
  add_health_routes(
      routes,
      [parts]() -> awaitable<result<readiness>> {
        const auto status = co_await ask_within<primary_status>(health_patience, parts->asker,
                                                                parts->registry, atom::status_v);
        co_return status.map([](const auto& stands) { return readiness_of(stands); });
      },
      system_time());

  routes.add(
      "GET", "/api/v1/status",
      [parts](const http_request& request) -> awaitable<result<http_answer>> {
        const auto settings = parts->settings();
        if (auto ok = check_operator(request, *settings); !ok)
          co_return fail(ok.error());
        auto status = co_await ask<primary_status>(parts->asker, parts->registry, atom::status_v);
        if (!status)
          co_return fail(status.error());
        co_return json_answer(to_json(*status, *settings, parts->identity, system_time().wall()));
      });

  add_action(routes, "publish", "",
             [parts](const http_request& request) -> awaitable<result<http_answer>> {
               const auto settings = parts->settings();
               if (auto ok = check_operator(request, *settings); !ok)
                 co_return fail(ok.error());
               const auto body = parse_body(request);
               if (!body)
                 co_return fail(body.error());
               const auto type = text_field(*body, "type");
               if (!type)
                 co_return fail(type.error());
               const auto key = text_field(*body, "key");
               if (!key)
                 co_return fail(key.error());
               const auto event = text_field(*body, "event");
               if (!event)
                 co_return fail(event.error());
               operation what{};
               if (!parse(*event, what) || what == operation::truncated)
                 co_return fail(ec::protocol, "\"event\" is created, updated, deleted or "
                                              "checksum_succeeded");
               auto id = co_await ask<std::int64_t>(parts->asker, parts->registry, atom::publish_v,
                                                    *type, *key, what);
               if (!id)
                 co_return fail(id.error());
               co_return json_answer({{"id", *id}});
             });

  routes.add("GET", "/api/v1/sites",
             [parts](const http_request& request) -> awaitable<result<http_answer>> {
               if (auto ok = check_operator(request, *parts->settings()); !ok)
                 co_return fail(ok.error());
               auto status =
                   co_await ask<primary_status>(parts->asker, parts->registry, atom::status_v);
               if (!status)
                 co_return fail(status.error());
               co_return json_answer(
                   {{"time", to_rfc3339(system_time().wall())}, {"sites", to_json(status->sites)}});
             });

  add_action(routes, "sites/forget", "",
             [parts](const http_request& request) -> awaitable<result<http_answer>> {
               if (auto ok = check_operator(request, *parts->settings()); !ok)
                 co_return fail(ok.error());
               const auto body = parse_body(request);
               if (!body)
                 co_return fail(body.error());
               const auto site = text_field(*body, "site");
               if (!site)
                 co_return fail(site.error());
               auto forgotten =
                   co_await ask<done>(parts->asker, parts->registry, atom::forget_v, *site);
               if (!forgotten)
                 co_return fail(forgotten.error());
               co_return json_answer(json::object{});
             });
  add_scan_routes(routes, parts);
  add_digest_route(
      routes,
      [parts](const http_request& request) { return check_operator(request, *parts->settings()); },
      parts->digests);

  routes.add("POST", "/api/v1/mark",
             [parts, pool](const http_request& request) -> awaitable<result<http_answer>> {
               if (auto ok = check_operator(request, *parts->settings()); !ok)
                 co_return fail(ok.error());
               auto xid = co_await on_pool(*pool, [parts] { return parts->mark(); });
               if (!xid)
                 co_return fail(xid.error());
               co_return json_answer({{"xid", *xid}});
             });
}

} // namespace farshore
