// Which records each secondary wants: the scopes that sites have made known to this primary, and
// which of them a request speaks of. In memory: after a restart every site is asked for its scope
// anew (412), and so it is when the types change that scopes are checked against.
//
// Thread-safe. Bounded: one scope for each site, of so many sites.

#pragma once

#include "config/config.hpp"
#include "config/error.hpp"
#include "config/scope.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace farshore {

using shared_scope = std::shared_ptr<const site_scope>;

class site_scopes {
public:
  explicit site_scopes(std::size_t sites_max = 1'000) : sites_max_{sites_max} {}

  /// All declared types, disabled ones too.
  void configure(std::vector<replicable_type> types);

  /// The site's scope from now on. Fails with ec::protocol where these types can't be asked so.
  result<scope_digest> keep(const std::string& site, site_scope scope);

  /// What a request of the site is about, by the digest that it names; without one, everything.
  /// Fails with ec::scope_unknown where that is not the site's scope (any more), with ec::protocol
  /// where it is no digest.
  result<shared_scope> find(const std::string& site, std::optional<std::string_view> digest);

private:
  struct known {
    scope_digest digest;
    shared_scope scope;
    std::uint64_t last_used = 0;
  };

  std::size_t sites_max_;
  std::mutex mutex_;
  std::vector<replicable_type> types_;
  std::map<std::string, known> sites_;
  std::uint64_t uses_ = 0;
};

} // namespace farshore
