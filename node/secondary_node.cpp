#include "node/secondary_node.hpp"

#include "actors/secondary_site.hpp"
#include "config/clock.hpp"
#include "config/secret.hpp"
#include "net/actor_call.hpp"
#include "net/api_routes.hpp"
#include "net/git_routes.hpp"
#include "net/health.hpp"
#include "net/http_server.hpp"
#include "net/page_routes.hpp"
#include "net/primary_client_actor.hpp"
#include "net/primary_link.hpp"
#include "net/session_routes.hpp"
#include "net/signing.hpp"
#include "net/status_history.hpp"
#include "node/actor_settings.hpp"
#include "node/site_tls.hpp"
#include "registry/pg_store.hpp"
#include "registry/registry_view.hpp"
#include "strategies/linux_files.hpp"
#include "strategies/make_strategy.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>
#include <spdlog/spdlog.h>

namespace farshore {

using boost::asio::awaitable;

namespace {

constexpr std::chrono::seconds declare_deadline{60};
constexpr std::chrono::seconds stop_deadline{25};

class secondary_node final : public site_node {
public:
  secondary_node(const config& settings, std::shared_ptr<registry_store> store,
                 std::shared_ptr<primary_link> link, failure_handler on_failure)
      : settings_{std::make_shared<const config>(settings)},
        link_{std::move(link)},
        system_{actor_settings_} {
    secondary_parts parts;
    parts.settings = settings;
    parts.store = std::move(store);
    parts.primary = system_.spawn(http_client, link_);
    parts.open_store = [](const replicable_type& type) {
      return make_strategy(type, system_time());
    };
    parts.time = &system_time();
    parts.seed = random_seed();
    parts.data_space = [data = settings.data] { return space_at(data); };
    parts.on_fatal = std::move(on_failure);
    measures_ = parts.measures;
    site_ = system_.spawn(secondary_site, std::move(parts));
    service_ = system_.spawn(secondary_service, site_, &system_time());
    asker_ = system_.spawn(asker);
  }

  ~secondary_node() override {
    server_.reset();
    link_->stop(); // every callback has come before this returns
    caf::anon_send_exit(asker_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(service_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(site_, caf::exit_reason::user_shutdown);
    // The actor system waits for the last of them.
  }

  result<void> listen(const std::string& database_url) {
    router routes;
    secondary_api api;
    api.settings = [this] {
      const std::lock_guard guard{mutex_};
      return settings_;
    };
    api.bandwidth = [link = link_] { return link->bandwidth(); };
    api.measures = measures_;
    api.asker = asker_;
    api.site = site_;
    api.service = service_;
    api.database_url = database_url;
    add_secondary_api(routes, std::move(api));
    git_.emplace(serve_repositories(database_url));
    git_->add_to(routes);
    add_page_routes(routes);
    auto page = std::make_shared<page_sessions>(settings_->site_name);
    add_session_routes(routes, page, settings_->site_name, system_time());
    auto history = add_history_route(routes, [this](status_history& kept) -> awaitable<void> {
      if (const auto stands = co_await ask<secondary_status>(asker_, site_, atom::status_v))
        kept.note(*stands, system_time().wall());
    });
    auto secrets = load_secrets(*settings_);
    if (!secrets)
      return fail(std::move(secrets).error());
    secret_ = secrets->front();
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

  [[nodiscard]] const std::string& address() const override { return server_->address(); }

  result<void> declare(const config& settings) override {
    if (server_) {
      auto secrets = load_secrets(settings);
      if (!secrets)
        return fail(std::move(secrets).error());
      auto own = load_server_tls(settings);
      if (!own)
        return fail(std::move(own).error());
      auto trusted = load_primary_tls(settings);
      if (!trusted)
        return fail(std::move(trusted).error());
      link_->set_secret(secrets->front());
      {
        const std::lock_guard guard{mutex_};
        secret_ = secrets->front();
      }
      link_->set_tls(std::move(*trusted));
      server_->set_secrets(std::move(*secrets));
      server_->set_tls(std::move(*own));
    }
    link_->set_bandwidth(settings.bandwidth);
    if (auto wanted = call<done>(declare_deadline, atom::scope_v, settings.scope); !wanted)
      return fail(std::move(wanted).error());
    auto types = settings.types;
    for (auto& type : types)
      type.predicate.clear(); // the scope's: what is in flight goes on
    auto answer = call<done>(declare_deadline, atom::declare_v, types, settings.min_free);
    if (!answer)
      return fail(std::move(answer).error());
    const std::lock_guard guard{mutex_};
    settings_ = std::make_shared<const config>(settings);
    return {};
  }

  void stop() override {
    server_->stop();
    if (auto ended = call<done>(stop_deadline, atom::stop_v); !ended)
      spdlog::warn("stop: {}", ended.error().message);
  }

  bool alive() override {
    return call<secondary_status>(health_patience, atom::status_v).has_value();
  }

private:
  git_serving serve_repositories(const std::string& database_url) {
    git_serving serving;
    serving.settings = [this] {
      const std::lock_guard guard{mutex_};
      return settings_;
    };
    serving.find = [url = database_url, view = std::shared_ptr<registry_view>{}](
                       const std::string& type,
                       const std::string& locator) mutable -> result<repository_standing> {
      const bool used = view != nullptr;
      for (bool again = false;; again = true) {
        if (!view) {
          auto opened = registry_view::open(url);
          if (!opened)
            return fail(std::move(opened).error());
          view = std::move(*opened);
        }
        const auto rows = view->at(type, locator);
        if (rows)
          return standing_of(*rows);
        view.reset();
        if (!used || again) // else it may have broken while it lay idle
          return fail(rows.error());
      }
    };
    serving.link_to_primary = [this](const std::string& reader, const std::string& place) {
      const std::lock_guard guard{mutex_};
      return make_read_link(secret_, settings_->site_name, reader, place, system_time().wall());
    };
    serving.at_once_max = settings_->git_clones;
    return serving;
  }

  static repository_standing standing_of(const std::vector<registry_row>& rows) {
    if (rows.empty())
      return repository_standing::unknown;
    const bool level = std::ranges::any_of(rows, [](const registry_row& row) {
      return row.state == sync_state::synced && row.synced_revision == row.target_revision;
    });
    return level ? repository_standing::level : repository_standing::behind;
  }

  template <class T, class... Parts>
  result<T> call(std::chrono::seconds deadline, Parts... parts) {
    caf::scoped_actor self{system_};
    result<T> got = fail(ec::internal, "no answer");
    self->request(site_, deadline, parts...)
        .receive([&](result<T>& answer) { got = std::move(answer); },
                 [&](const caf::error& lost) {
                   got = fail(ec::stopping, "the site does not answer: " + caf::to_string(lost));
                 });
    return got;
  }

  std::mutex mutex_;
  std::shared_ptr<const config> settings_;
  std::string secret_;
  std::shared_ptr<primary_link> link_;
  actor_settings actor_settings_;
  caf::actor_system system_;
  secondary_site_actor site_;
  site_service_actor service_;
  caf::actor asker_;
  std::shared_ptr<const meters> measures_;
  std::optional<git_routes> git_;
  std::unique_ptr<http_server> server_;
};

} // namespace

result<std::unique_ptr<site_node>> start_secondary(const config& settings,
                                                   const std::string& database_url,
                                                   failure_handler on_failure) {
  auto secrets = load_secrets(settings);
  if (!secrets)
    return fail(std::move(secrets).error());
  auto store = pg_store::open(database_url, system_time(), settings.lease);
  if (!store)
    return fail(std::move(store).error());
  auto trusted = load_primary_tls(settings);
  if (!trusted)
    return fail(std::move(trusted).error());
  primary_link_settings link;
  link.url = settings.primary_url;
  link.site = settings.site_name;
  link.secret = secrets->front();
  link.tls = std::move(*trusted);
  link.connections = settings.connections;
  link.disk_threads = settings.connections;
  link.large_blob_bytes = settings.large_blob_bytes;
  link.bandwidth = settings.bandwidth;
  auto node = std::make_unique<secondary_node>(
      settings, std::move(*store), primary_link::make(std::move(link)), std::move(on_failure));
  if (auto ok = node->listen(database_url); !ok)
    return fail(std::move(ok).error());
  if (auto ok = node->declare(settings); !ok)
    return fail(std::move(ok).error());
  return node;
}

} // namespace farshore
