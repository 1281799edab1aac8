#include "node/primary_node.hpp"

#include "actors/primary_registry.hpp"
#include "config/clock.hpp"
#include "config/secret.hpp"
#include "net/actor_call.hpp"
#include "net/api_routes.hpp"
#include "net/git_routes.hpp"
#include "net/health.hpp"
#include "net/http_server.hpp"
#include "net/page_routes.hpp"
#include "net/primary_routes.hpp"
#include "net/session_routes.hpp"
#include "net/status_history.hpp"
#include "node/actor_settings.hpp"
#include "node/push_listener.hpp"
#include "node/site_tls.hpp"
#include "registry/primary_reader.hpp"
#include "registry/primary_store.hpp"
#include "strategies/make_strategy.hpp"

#include <map>
#include <mutex>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <spdlog/spdlog.h>

namespace farshore {

using boost::asio::awaitable;

namespace {

constexpr std::chrono::seconds declare_deadline{60};
constexpr std::chrono::seconds publish_deadline{60};

/// Only opened, never prepared: on a primary's store nothing is written.
std::map<std::string, std::shared_ptr<strategy>> open_stores(const config& settings) {
  std::map<std::string, std::shared_ptr<strategy>> stores;
  for (const auto& declared : settings.types) {
    auto store = make_strategy(declared, system_time());
    if (store)
      stores.emplace(declared.name, *store);
    else
      spdlog::error("{}: {}", declared.name, store.error().message);
  }
  return stores;
}

class primary_node final : public site_node {
public:
  primary_node(const config& settings, std::shared_ptr<primary_store> store,
               std::unique_ptr<primary_reader> reader, primary_routes_settings serving,
               std::string database_url, failure_handler on_failure)
      : settings_{std::make_shared<const config>(settings)},
        database_url_{std::move(database_url)},
        reader_{std::move(reader)},
        routes_{std::move(serving)},
        git_{serve_repositories()},
        system_{actor_settings_} {
    primary_parts parts;
    parts.store = std::move(store);
    parts.on_types = [this](const std::vector<type_status>& statuses) {
      for (const auto& one : statuses)
        if (!one.waiting.empty())
          spdlog::warn("{}: {}", one.name, one.waiting);
      routes_.set_type_statuses(statuses);
    };
    parts.take_site_notes = [this] { return routes_.take_site_notes(); };
    parts.take_walked_types = [this] { return routes_.take_walked_types(); };
    parts.open_reader = [url = database_url_] { return primary_reader::open(url); };
    parts.open_store = [](const replicable_type& type) {
      return make_strategy(type, system_time());
    };
    parts.retry_base = settings.retry_base;
    parts.retry_cap = settings.retry_cap;
    parts.on_fatal = std::move(on_failure);
    registry_ = system_.spawn<caf::detached>(primary_registry, std::move(parts));
    service_ = system_.spawn(primary_service, registry_, &system_time());
    asker_ = system_.spawn(asker);
  }

  ~primary_node() override {
    pushes_.reset();
    server_.reset();
    caf::anon_send_exit(asker_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(service_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(registry_, caf::exit_reason::user_shutdown);
    // The actor system waits for both.
  }

  result<void> listen() {
    auto identity = reader_->identity();
    if (!identity)
      return fail(std::move(identity).error());
    router routes;
    routes_.add_to(routes);
    primary_api api;
    api.settings = [this] {
      const std::lock_guard guard{mutex_};
      return settings_;
    };
    api.asker = asker_;
    api.registry = registry_;
    api.service = service_;
    api.identity = *identity;
    api.database_url = database_url_;
    api.mark = [this]() -> result<std::uint64_t> {
      return reader_->bounds().map([](const snapshot_bounds& now) { return now.xmax; });
    };
    api.digests = [this](const digest_request& wanted) { return routes_.digests(wanted); };
    add_primary_api(routes, std::move(api));
    git_.add_to(routes);
    add_page_routes(routes);
    auto page = std::make_shared<page_sessions>(settings_->site_name);
    add_session_routes(routes, page, settings_->site_name, system_time());
    auto history = add_history_route(routes, [this](status_history& kept) -> awaitable<void> {
      if (const auto stands = co_await ask<primary_status>(asker_, registry_, atom::status_v))
        kept.note(*stands, system_time().wall());
    });
    auto secrets = load_secrets(*settings_);
    if (!secrets)
      return fail(std::move(secrets).error());
    auto tls = load_server_tls(*settings_);
    if (!tls)
      return fail(std::move(tls).error());
    auto server = http_server::start({.listen = settings_->listen,
                                      .site = settings_->site_name,
                                      .page = std::move(page),
                                      .background = std::move(history),
                                      .tls = std::move(*tls)},
                                     std::move(routes), std::move(*secrets));
    if (!server)
      return fail(std::move(server).error());
    server_ = std::move(*server);
    return {};
  }

  /// What hooks left while no node ran is taken up, too.
  result<void> listen_for_pushes() {
    push_listener_parts parts;
    parts.spool = push_spool_of(settings_->data);
    parts.settings = [this] {
      const std::lock_guard guard{mutex_};
      return settings_;
    };
    parts.key_at = [this](const std::string& type, const std::string& locator) {
      return routes_.key_at(type, locator);
    };
    parts.publish = [this](const std::string& type, const std::string& key) {
      return publish(type, key);
    };
    parts.look_at = [this](const std::string& type, const std::string& locator) {
      look_at(type, locator);
    };
    auto listener = push_listener::start(std::move(parts));
    if (!listener)
      return fail(std::move(listener).error());
    pushes_ = std::move(*listener);
    return {};
  }

  [[nodiscard]] const std::string& address() const override { return server_->address(); }

  result<void> declare(const config& settings) override {
    auto secrets = load_secrets(settings);
    if (!secrets)
      return fail(std::move(secrets).error());
    auto tls = load_server_tls(settings);
    if (!tls)
      return fail(std::move(tls).error());
    if (server_) {
      server_->set_secrets(std::move(*secrets));
      server_->set_tls(std::move(*tls));
    }
    std::vector<replicable_type> all;
    std::vector<replicable_type> enabled; // what is served
    std::vector<replicable_type> traced;  // of that the log is kept, and it is verified
    for (auto type : settings.types) {
      if (type.scanned())
        type.model = scanned_model(type);
      all.push_back(type);
      if (type.enabled)
        enabled.push_back(type);
      if (!type.enabled && !type.verify_only)
        continue;
      type.enabled = true;
      traced.push_back(std::move(type));
    }
    routes_.configure(std::move(all), open_stores(settings));
    caf::scoped_actor self{system_};
    result<done> got = fail(ec::internal, "no answer");
    self->request(registry_, declare_deadline, atom::declare_v, traced, settings.events)
        .receive([&](result<done>& answer) { got = std::move(answer); },
                 [&](const caf::error& lost) {
                   got =
                       fail(ec::stopping, "the registry does not answer: " + caf::to_string(lost));
                 });
    if (!got)
      return fail(std::move(got).error());
    const std::lock_guard guard{mutex_};
    settings_ = std::make_shared<const config>(settings);
    return {};
  }

  void stop() override {
    pushes_.reset();
    server_->stop();
  }

  bool alive() override {
    caf::scoped_actor self{system_};
    bool answered = false;
    self->request(registry_, health_patience, atom::status_v)
        .receive([&](const result<primary_status>& status) { answered = status.has_value(); },
                 [](const caf::error&) {});
    return answered;
  }

private:
  result<void> publish(const std::string& type, const std::string& key) {
    caf::scoped_actor self{system_};
    result<void> got;
    self->request(registry_, publish_deadline, atom::publish_v, type, key, operation::updated)
        .receive(
            [&](const result<std::int64_t>& id) {
              if (!id)
                got = fail(id.error());
            },
            [&](const caf::error& lost) {
              got = fail(ec::stopping, "the registry does not answer: " + caf::to_string(lost));
            });
    return got;
  }

  /// A scanned type's scanner is told that something lies at the locator which it may not know.
  void look_at(const std::string& type, const std::string& locator) {
    caf::scoped_actor self{system_};
    self->request(registry_, publish_deadline, atom::look_v, type, locator)
        .receive([](const result<done>&) {}, [](const caf::error&) {}); // a scan finds it, too
  }

  git_serving serve_repositories() {
    git_serving serving;
    serving.settings = [this] {
      const std::lock_guard guard{mutex_};
      return settings_;
    };
    serving.find = [this](const std::string& type, const std::string& locator) {
      return routes_.key_at(type, locator).map([](const auto& key) {
        return key ? repository_standing::level : repository_standing::unknown;
      });
    };
    serving.at_once_max = settings_->git_clones;
    return serving;
  }

  std::mutex mutex_;
  std::shared_ptr<const config> settings_;
  std::string database_url_;
  /// Asked by the API alone, one question at a time.
  std::unique_ptr<primary_reader> reader_;
  primary_routes routes_;
  git_routes git_;
  actor_settings actor_settings_;
  caf::actor_system system_;
  primary_registry_actor registry_;
  site_service_actor service_;
  caf::actor asker_;
  std::unique_ptr<http_server> server_;
  std::unique_ptr<push_listener> pushes_;
};

} // namespace

result<std::unique_ptr<site_node>>
start_primary(const config& settings, const std::string& database_url, failure_handler on_failure) {
  auto store = primary_store::open(database_url);
  if (!store)
    return fail(std::move(store).error());
  if (auto alone = (*store)->lock_out_others(settings.lease); !alone)
    return fail(std::move(alone).error());
  auto reader = primary_reader::open(database_url);
  if (!reader)
    return fail(std::move(reader).error());
  primary_routes_settings serving;
  serving.open_reader = [database_url] { return primary_reader::open(database_url); };
  serving.large_blob_bytes = settings.large_blob_bytes;
  auto node =
      std::make_unique<primary_node>(settings, std::move(*store), std::move(*reader),
                                     std::move(serving), database_url, std::move(on_failure));
  if (auto ok = node->declare(settings); !ok)
    return fail(std::move(ok).error());
  if (auto ok = node->listen(); !ok)
    return fail(std::move(ok).error());
  if (auto ok = node->listen_for_pushes(); !ok)
    return fail(std::move(ok).error());
  return node;
}

} // namespace farshore
