#include "net/compare_routes.hpp"

#include "net/actor_call.hpp"
#include "net/api_table.hpp"
#include "net/compare_json.hpp"
#include "net/json_fields.hpp"
#include "net/on_pool.hpp"

#include <charconv>
#include <memory>
#include <utility>

#include <boost/asio/thread_pool.hpp>

namespace farshore {

using boost::asio::awaitable;

namespace {

constexpr std::chrono::minutes patience_max{10};

http_answer json_answer(const json::value& body) {
  return {200, json::serialize(body), "application/json"};
}

result<comparison_order> parse_order(const std::string& body) {
  return parse_json<comparison_order>(
      "compare", body.empty() ? "{}" : body, [](const json::value& from) {
        comparison_order order;
        if (has(from, "type") && !field(from, "type").is_null())
          order.types.push_back(type_name(from, "type"));
        if (const auto limit = optional_number<std::size_t>(from, "limit"))
          order.limit = *limit;
        if (const auto patience = optional_number<std::uint32_t>(from, "patience_ms"))
          order.patience = std::min<std::chrono::milliseconds>(std::chrono::milliseconds{*patience},
                                                               patience_max);
        return order;
      });
}

result<orphan_order> parse_orphan_order(const std::string& body) {
  return parse_json<orphan_order>("orphans", body, [](const json::value& from) {
    const auto is_true = [&](std::string_view name) { return has(from, name) && flag(from, name); };
    return orphan_order{type_name(from, "type"), is_true("remove"), is_true("even_many")};
  });
}

result<digest_request> parse_digest_order(const http_request& request) {
  digest_request order{request.captured.front(), slice_records_max, {{}}};
  const auto after = request.parameter("after");
  if (!after)
    return order;
  auto& from = order.ranges.front().after;
  const auto [end, failed] = std::from_chars(after->data(), after->data() + after->size(), from);
  if (failed != std::errc{} || end != after->data() + after->size() || from == INT64_MAX)
    return fail(ec::protocol, "\"after\" must be a record id");
  return order;
}

} // namespace

result<void> read_comparison_order(const json::object& body, site_order& order) {
  auto wanted = parse_order(json::serialize(body));
  if (!wanted)
    return fail(std::move(wanted).error());
  order.compare = std::move(*wanted);
  order.type = order.compare.types.empty() ? "" : order.compare.types.front();
  return {};
}

result<void> read_orphan_order(const json::object& body, site_order& order) {
  auto wanted = parse_orphan_order(json::serialize(body));
  if (!wanted)
    return fail(std::move(wanted).error());
  order.orphans = std::move(*wanted);
  order.type = order.orphans.type;
  return {};
}

void add_compare_routes(router& routes, caf::actor asker, secondary_site_actor site) {
  add_endpoint(routes, "GET", "/api/v1/compare",
               [=](const http_request&) -> awaitable<result<http_answer>> {
                 auto status = co_await ask<comparison_status>(asker, site, atom::compare_v);
                 if (!status)
                   co_return fail(status.error());
                 co_return json_answer(to_api_json(*status));
               });
  add_endpoint(routes, "GET", "/api/v1/orphans",
               [=](const http_request&) -> awaitable<result<http_answer>> {
                 auto status = co_await ask<orphan_status>(asker, site, atom::list_v);
                 if (!status)
                   co_return fail(status.error());
                 co_return json_answer(to_api_json(*status));
               });
}

void add_digest_route(router& routes,
                      std::function<result<digest_page>(const digest_request&)> digests) {
  auto pool = std::make_shared<boost::asio::thread_pool>(1);
  add_endpoint(routes, "GET", "/api/v1/digest/{type}",
               [=](const http_request& request) -> awaitable<result<http_answer>> {
                 const auto order = parse_digest_order(request);
                 if (!order)
                   co_return fail(order.error());
                 const auto page = co_await on_pool(*pool, [&] { return digests(*order); });
                 if (!page)
                   co_return fail(page.error());
                 co_return json_answer(to_api_json(*page));
               });
}

} // namespace farshore
