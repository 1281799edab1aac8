// A primary as the wire shows it: real server, real routes, in front of fakes.

#pragma once

#include "fakes.hpp"
#include "http_client.hpp"
#include "net/http_server.hpp"
#include "net/primary_link.hpp"
#include "net/primary_routes.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>

namespace farshore::test {

struct wire_fixture {
  std::shared_ptr<fake_database> database = std::make_shared<fake_database>();
  std::shared_ptr<memory_store> store = std::make_shared<memory_store>();
  std::unique_ptr<primary_routes> routes;
  std::unique_ptr<http_server> server;
  primary_routes_settings routes_settings;
  http_server_settings server_settings{.listen = "127.0.0.1:0"};
  primary_link_settings link_settings{.url = {}, .site = "lisbon", .secret = test_secret};
  std::shared_ptr<primary_link> link_;

  ~wire_fixture() {
    link_.reset();
    server.reset();
  }

  void start_primary() {
    routes_settings.open_reader = [data = database]() -> result<std::unique_ptr<primary_reader>> {
      const std::scoped_lock lock{data->mutex};
      ++data->opened;
      return std::make_unique<fake_reader>(data);
    };
    routes = std::make_unique<primary_routes>(routes_settings);
    replicable_type widget;
    widget.name = "widget";
    widget.model.emplace().select_column = "project_id";
    widget.model->predicates["recent"] = "true";
    routes->configure({widget}, {{"widget", store}, {"gadget", store}});
    router all;
    routes->add_to(all);
    auto started = http_server::start(server_settings, std::move(all), {test_secret});
    REQUIRE(started);
    server = std::move(*started);
  }

  std::string url() {
    if (!server)
      start_primary();
    return "http://" + server->address();
  }

  primary_link& link() {
    if (!link_) {
      if (link_settings.url.empty())
        link_settings.url = url();
      link_ = primary_link::make(link_settings);
    }
    return *link_;
  }

  /// A record with a file, as the primary has it.
  void add_blob(record_id record, const std::string& locator, memory_file file) {
    store->put(locator, std::move(file));
    database->add_row(record, locator);
  }

  result<events_page> events(const events_request& request) {
    answer<events_page> page;
    link().events(request, page.taker());
    return page.get();
  }
};

} // namespace farshore::test
