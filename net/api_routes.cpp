#include "net/api_routes.hpp"

#include "net/actor_call.hpp"
#include "net/api_json.hpp"
#include "net/api_request.hpp"
#include "net/api_table.hpp"
#include "net/compare_routes.hpp"
#include "net/event_routes.hpp"
#include "net/health.hpp"
#include "net/job_json.hpp"
#include "net/metrics.hpp"
#include "net/on_pool.hpp"
#include "net/openapi.hpp"
#include "net/process_json.hpp"
#include "net/record_story.hpp"
#include "net/status_answer.hpp"

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

constexpr unsigned accepted = 202;

http_answer json_answer(const json::value& body, unsigned status = 200) {
  return {status, json::serialize(body), "application/json"};
}

/// Reads lists for the API, one at a time, on a thread and a connection of its own. `View` is a
/// registry_view or a checksum_view.
template <class View>
class list_reader {
public:
  explicit list_reader(std::string url) : url_{std::move(url)} {}

  /// What `query` gives of a view, on the reader's thread.
  template <class Query>
  awaitable<std::invoke_result_t<Query&, View&>> ask(Query query) {
    using answer = std::invoke_result_t<Query&, View&>;
    co_return co_await on_pool(pool_, [&]() -> answer {
      if (!view_) {
        auto opened = View::open(url_);
        if (!opened)
          return fail(std::move(opened).error());
        view_ = std::move(*opened);
      }
      auto got = query(*view_);
      if (!got)
        view_.reset(); // the next one connects anew
      return got;
    });
  }

private:
  std::string url_;
  std::unique_ptr<View> view_;
  boost::asio::thread_pool pool_{1};
};

/// The page of a list; or, where ids are named, those records.
template <class Listed, class View, class Filter>
awaitable<result<Listed>> read_list(list_reader<View>& reader, std::string type, Filter only,
                                    list_place place) {
  co_return co_await reader.ask([&](View& view) -> result<Listed> {
    if (!place.ids)
      return view.list(type, only, place.after, place.limit);
    return view.find(type, *place.ids).map([](auto&& rows) {
      return Listed{std::move(rows), std::nullopt};
    });
  });
}

/// The one record; ec::not_found where there is none.
template <class View>
auto read_one(list_reader<View>& reader, std::string type, record_id record) {
  return reader.ask([type = std::move(type), record](View& view) {
    const std::vector ids{record};
    auto rows = view.find(type, ids);
    using row = typename decltype(rows)::value_type::value_type;
    if (!rows)
      return result<row>{fail(std::move(rows).error())};
    if (rows->empty())
      return result<row>{fail(ec::not_found, "no record " + std::to_string(record) + " of type \"" +
                                                 type + "\" is known here")};
    return result<row>{std::move(rows->front())};
  });
}

/// What every site's API has. `Api` is a secondary_api or a primary_api.
template <class Api>
struct common_routes {
  std::shared_ptr<const Api> parts;
  std::shared_ptr<status_answer> status;

  /// An action: `read` makes the order of the request's body, or fails.
  template <class Read>
  void add_order(router& routes, site_action what, Read read) const {
    add_endpoint(
        routes, "POST", std::string{"/api/v1/"} + to_string(what),
        [self = *this, what, read](const http_request& request) -> awaitable<result<http_answer>> {
          const auto body = parse_body(request);
          if (!body)
            co_return fail(body.error());
          site_order order;
          order.what = what;
          order.by = who_asks(request);
          if (auto good = read(*body, order); !good)
            co_return fail(good.error());
          auto begun = co_await ask<job>(self.parts->asker, self.parts->service, order);
          self.status->forget();
          if (!begun)
            co_return fail(begun.error());
          co_return json_answer(to_json(*begun), accepted);
        },
        what == site_action::approve ? "approved" : "marked");
  }

  void add_to(router& routes, api_role role) const {
    add_endpoint(routes, "GET", "/api/v1/openapi.json",
                 [text = json::serialize(openapi_document(role))](
                     const http_request&) -> awaitable<result<http_answer>> {
                   co_return http_answer{200, text, "application/json"};
                 });
    add_endpoint(routes, "GET", "/api/v1/doctor",
                 [](const http_request&) -> awaitable<result<http_answer>> {
                   co_return json_answer(process_json());
                 });
    add_endpoint(routes, "GET", "/api/v1/status",
                 [status = status](const http_request& request) -> awaitable<result<http_answer>> {
                   result<std::shared_ptr<const status_answer::document>> stands;
                   if (request.who)
                     stands = co_await status->get();
                   else
                     stands = co_await status->renew();
                   if (!stands)
                     co_return fail(stands.error());
                   co_return http_answer{200, (*stands)->text, "application/json"};
                 });
    add_jobs(routes);
    add_orders(routes);
    routes.add(
        "GET", "/metrics",
        [status = status](const http_request&) -> awaitable<result<http_answer>> {
          auto stands = co_await status->get();
          if (!stands)
            co_return fail(stands.error());
          co_return http_answer{200, (*stands)->metrics(), metrics_type};
        },
        parts->settings()->metrics == "open" ? route_access::anyone : route_access::viewer);
    event_feed feed;
    feed.status = status;
    feed.jobs = [parts = parts]() -> awaitable<result<json::value>> {
      auto jobs = co_await ask<std::vector<job>>(parts->asker, parts->service, jobs_question{});
      co_return jobs.map([](const auto& all) { return to_json(all); });
    };
    add_event_route(routes, std::move(feed));
  }

private:
  void add_jobs(router& routes) const {
    add_endpoint(routes, "GET", "/api/v1/jobs",
                 [parts = parts](const http_request&) -> awaitable<result<http_answer>> {
                   auto jobs = co_await ask<std::vector<job>>(parts->asker, parts->service,
                                                              jobs_question{});
                   if (!jobs)
                     co_return fail(jobs.error());
                   co_return json_answer(to_json(*jobs));
                 });
    add_endpoint(routes, "GET", "/api/v1/jobs/{id}",
                 [parts = parts](const http_request& request) -> awaitable<result<http_answer>> {
                   const auto id = parse_number(request.captured.front(), "id");
                   if (!id)
                     co_return fail(id.error());
                   if (*id == 0) // which would ask for all
                     co_return fail(ec::not_found, "jobs are counted from 1");
                   auto jobs = co_await ask<std::vector<job>>(parts->asker, parts->service,
                                                              jobs_question{*id});
                   if (!jobs)
                     co_return fail(jobs.error());
                   co_return json_answer(to_json(jobs->front()));
                 });
    add_endpoint(routes, "POST", "/api/v1/jobs/{id}/cancel",
                 [parts = parts](const http_request& request) -> awaitable<result<http_answer>> {
                   const auto id = parse_number(request.captured.front(), "id");
                   if (!id)
                     co_return fail(id.error());
                   auto ended = co_await ask<job>(parts->asker, parts->service, job_cancel{*id});
                   if (!ended)
                     co_return fail(ended.error());
                   co_return json_answer(to_json(*ended));
                 });
  }

  /// What can be ordered at every site.
  void add_orders(router& routes) const {
    add_order(routes, site_action::reverify, records_of_type());
    add_order(routes, site_action::recheck, type_or_all_types());
    add_order(routes, site_action::approve,
              [](const json::object& body, site_order& order) -> result<void> {
                auto type = text_field(body, "type");
                if (!type)
                  return fail(std::move(type).error());
                order.type = std::move(*type);
                return {};
              });
  }

public:
  auto records_of_type() const {
    return [parts = parts](const json::object& body, site_order& order) -> result<void> {
      auto type = text_field(body, "type");
      if (!type)
        return fail(std::move(type).error());
      order.type = std::move(*type);
      if (auto known = check_declared(*parts->settings(), order.type); !known)
        return known;
      auto which = parse_selection(body);
      if (!which)
        return fail(std::move(which).error());
      order.which = std::move(*which);
      return {};
    };
  }

  static auto type_or_all_types() {
    return [](const json::object& body, site_order& order) -> result<void> {
      auto type = type_or_all(body);
      if (!type)
        return fail(std::move(type).error());
      order.type = std::move(*type);
      return {};
    };
  }
};

/// Why nothing is done for the type now, as the status document says.
type_hindrance hindrance_of(const json::value& status, const std::string& type) {
  type_hindrance out;
  boost::system::error_code absent;
  if (const auto* why = status.find_pointer("/primary/error", absent); why && why->is_string())
    out.why = "the primary can't be reached: " + std::string{why->as_string()};
  for (const auto& line : status.at("types").as_array()) {
    if (line.at("name").as_string() != type)
      continue;
    out.paused = line.at("paused").as_bool();
    out.disabled = !line.at("enabled").as_bool();
    if (const auto& why = line.at("waiting"); why.is_string())
      out.why = why.as_string();
    if (const auto& why = line.at("short_of_space"); why.is_string())
      out.why = why.as_string();
  }
  return out;
}

void add_registry_routes(router& routes, const std::shared_ptr<const secondary_api>& parts,
                         const std::shared_ptr<status_answer>& status) {
  auto reader = std::make_shared<list_reader<registry_view>>(parts->database_url);
  add_endpoint(routes, "GET", "/api/v1/registry/{type}",
               [parts, reader](const http_request& request) -> awaitable<result<http_answer>> {
                 const auto& type = request.captured.front();
                 if (auto known = check_declared(*parts->settings(), type); !known)
                   co_return fail(known.error());
                 const auto only = parse_rows_filter(request);
                 if (!only)
                   co_return fail(only.error());
                 const auto place = parse_place(request);
                 if (!place)
                   co_return fail(place.error());
                 auto rows = co_await read_list<listed_rows>(*reader, type, *only, *place);
                 if (!rows)
                   co_return fail(rows.error());
                 co_return json_answer(to_json(*rows));
               });
  add_endpoint(
      routes, "GET", "/api/v1/registry/{type}/{id}",
      [parts, reader, status](const http_request& request) -> awaitable<result<http_answer>> {
        const auto& type = request.captured.front();
        if (auto known = check_declared(*parts->settings(), type); !known)
          co_return fail(known.error());
        const auto record = parse_record(request.captured.back());
        if (!record)
          co_return fail(record.error());
        auto row = co_await read_one(*reader, type, *record);
        if (!row)
          co_return fail(row.error());
        auto stands = co_await status->get();
        if (!stands)
          co_return fail(stands.error());
        const auto hindrance = hindrance_of((*stands)->value, type);
        co_return json_answer(to_json(*row, story_of(type, *row, hindrance, system_time().wall())));
      });
}

} // namespace

void add_secondary_api(router& routes, secondary_api given) {
  auto parts = std::make_shared<const secondary_api>(std::move(given));
  add_health_routes(
      routes,
      [parts]() -> awaitable<result<readiness>> {
        const auto status = co_await ask_within<secondary_status>(health_patience, parts->asker,
                                                                  parts->site, atom::status_v);
        co_return status.map([](const auto& stands) { return readiness_of(stands); });
      },
      system_time());
  auto status = std::make_shared<status_answer>(
      [parts]() -> awaitable<result<status_document>> {
        const auto settings = parts->settings();
        auto stands = co_await ask<secondary_status>(parts->asker, parts->site, atom::status_v);
        if (!stands)
          co_return fail(stands.error());
        const auto bandwidth = parts->bandwidth();
        auto document = to_json(*stands, *settings, bandwidth, system_time().wall());
        status_document told{std::move(document), [parts, stands = std::move(*stands), bandwidth] {
                               return metrics_of(stands, bandwidth) + parts->measures->text();
                             }};
        co_return told;
      },
      parts->settings, system_time());
  const common_routes<secondary_api> common{parts, status};
  common.add_to(routes, api_role::secondary);
  common.add_order(routes, site_action::resync, common.records_of_type());
  common.add_order(routes, site_action::pause, common.type_or_all_types());
  common.add_order(routes, site_action::resume, common.type_or_all_types());
  common.add_order(routes, site_action::compare, read_comparison_order);
  common.add_order(routes, site_action::orphans, read_orphan_order);
  add_compare_routes(routes, parts->asker, parts->site);
  add_registry_routes(routes, parts, status);

  add_endpoint(routes, "POST", "/api/v1/mark",
               [parts](const http_request&) -> awaitable<result<http_answer>> {
                 auto xid = co_await ask<std::uint64_t>(parts->asker, parts->site, atom::mark_v);
                 if (!xid)
                   co_return fail(xid.error());
                 co_return json_answer({{"xid", *xid}});
               });
}

namespace {

void add_verification_routes(router& routes, const std::shared_ptr<const primary_api>& parts) {
  auto reader = std::make_shared<list_reader<checksum_view>>(parts->database_url);
  add_endpoint(routes, "GET", "/api/v1/verification/{type}",
               [parts, reader](const http_request& request) -> awaitable<result<http_answer>> {
                 const auto& type = request.captured.front();
                 if (auto known = check_declared(*parts->settings(), type); !known)
                   co_return fail(known.error());
                 const auto only = parse_checksum_filter(request);
                 if (!only)
                   co_return fail(only.error());
                 const auto place = parse_place(request);
                 if (!place)
                   co_return fail(place.error());
                 auto rows = co_await read_list<listed_checksums>(*reader, type, *only, *place);
                 if (!rows)
                   co_return fail(rows.error());
                 co_return json_answer(to_json(*rows));
               });
  add_endpoint(routes, "GET", "/api/v1/verification/{type}/{id}",
               [parts, reader](const http_request& request) -> awaitable<result<http_answer>> {
                 const auto& type = request.captured.front();
                 if (auto known = check_declared(*parts->settings(), type); !known)
                   co_return fail(known.error());
                 const auto record = parse_record(request.captured.back());
                 if (!record)
                   co_return fail(record.error());
                 auto row = co_await read_one(*reader, type, *record);
                 if (!row)
                   co_return fail(row.error());
                 co_return json_answer(to_json(*row, story_of(type, *row, system_time().wall())));
               });
}

/// What scanned types have, and the sites.
void add_primary_questions(router& routes, const std::shared_ptr<const primary_api>& parts) {
  add_endpoint(routes, "GET", "/api/v1/unsupported/{type}",
               [parts](const http_request& request) -> awaitable<result<http_answer>> {
                 auto files = co_await ask<std::vector<unsupported_file>>(
                     parts->asker, parts->registry, atom::list_v, request.captured.front());
                 if (!files)
                   co_return fail(files.error());
                 co_return json_answer(to_json(*files));
               });
  add_endpoint(routes, "GET", "/api/v1/sites",
               [parts](const http_request&) -> awaitable<result<http_answer>> {
                 auto status =
                     co_await ask<primary_status>(parts->asker, parts->registry, atom::status_v);
                 if (!status)
                   co_return fail(status.error());
                 co_return json_answer({{"time", to_rfc3339(system_time().wall())},
                                        {"sites", to_json(status->sites)}});
               });
  auto pool = std::make_shared<boost::asio::thread_pool>(1);
  add_endpoint(routes, "POST", "/api/v1/mark",
               [parts, pool](const http_request&) -> awaitable<result<http_answer>> {
                 auto xid = co_await on_pool(*pool, [parts] { return parts->mark(); });
                 if (!xid)
                   co_return fail(xid.error());
                 co_return json_answer({{"xid", *xid}});
               });
}

void add_primary_actions(router& routes, const std::shared_ptr<const primary_api>& parts,
                         const std::shared_ptr<status_answer>& status) {
  add_endpoint(routes, "POST", "/api/v1/publish",
               [parts](const http_request& request) -> awaitable<result<http_answer>> {
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
                 auto id = co_await ask<std::int64_t>(parts->asker, parts->registry,
                                                      atom::publish_v, *type, *key, what);
                 if (!id)
                   co_return fail(id.error());
                 co_return json_answer({{"id", *id}});
               });
  add_endpoint(routes, "POST", "/api/v1/sites/forget",
               [parts, status](const http_request& request) -> awaitable<result<http_answer>> {
                 const auto body = parse_body(request);
                 if (!body)
                   co_return fail(body.error());
                 const auto site = text_field(*body, "site");
                 if (!site)
                   co_return fail(site.error());
                 auto forgotten =
                     co_await ask<done>(parts->asker, parts->registry, atom::forget_v, *site);
                 status->forget();
                 if (!forgotten)
                   co_return fail(forgotten.error());
                 co_return json_answer(json::object{});
               });
}

} // namespace

void add_primary_api(router& routes, primary_api given) {
  auto parts = std::make_shared<const primary_api>(std::move(given));
  add_health_routes(
      routes,
      [parts]() -> awaitable<result<readiness>> {
        const auto status = co_await ask_within<primary_status>(health_patience, parts->asker,
                                                                parts->registry, atom::status_v);
        co_return status.map([](const auto& stands) { return readiness_of(stands); });
      },
      system_time());
  auto status = std::make_shared<status_answer>(
      [parts]() -> awaitable<result<status_document>> {
        const auto settings = parts->settings();
        auto stands = co_await ask<primary_status>(parts->asker, parts->registry, atom::status_v);
        if (!stands)
          co_return fail(stands.error());
        const auto now = system_time().wall();
        auto document = to_json(*stands, *settings, parts->identity, now);
        status_document told{std::move(document), [stands = std::move(*stands), settings, now] {
                               return metrics_of(stands, *settings, now);
                             }};
        co_return told;
      },
      parts->settings, system_time());
  const common_routes<primary_api> common{parts, status};
  common.add_to(routes, api_role::primary);
  add_verification_routes(routes, parts);
  add_primary_questions(routes, parts);
  add_primary_actions(routes, parts, status);
  add_digest_route(routes, parts->digests);
}

} // namespace farshore
