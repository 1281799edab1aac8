// The node's API under /api/v1, for people, their programs and the site's own command line. All
// actions go to the site's service; lists are read on a connection of their own.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/meters.hpp"
#include "actors/site_service.hpp"
#include "config/config.hpp"
#include "net/bandwidth_cap.hpp"
#include "net/router.hpp"
#include "registry/registry_view.hpp"

#include <functional>
#include <memory>
#include <string>

#include <caf/actor.hpp>

namespace farshore {

/// The configuration as it is now; replaced on reload. Thread-safe through its shared pointer.
using current_config = std::function<std::shared_ptr<const config>()>;

struct secondary_api {
  std::shared_ptr<const meters> measures = {};
  current_config settings;
  std::function<bandwidth_use()> bandwidth;
  caf::actor asker;
  secondary_site_actor site;
  site_service_actor service;
  std::string database_url;
};
void add_secondary_api(router& routes, secondary_api parts);

struct primary_api {
  current_config settings;
  caf::actor asker;
  primary_registry_actor registry;
  site_service_actor service;
  std::string identity;
  std::string database_url;
  /// What `wait` on the primary itself waits for: everything is folded below this transaction.
  std::function<result<std::uint64_t>()> mark;
  /// Digests of the catalogue; blocks.
  std::function<result<digest_page>(const digest_request&)> digests;
};
void add_primary_api(router& routes, primary_api parts);

} // namespace farshore
