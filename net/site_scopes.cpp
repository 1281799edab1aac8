#include "net/site_scopes.hpp"

#include "registry/scope_sql.hpp"

#include <algorithm>
#include <utility>

namespace farshore {

void site_scopes::configure(std::vector<replicable_type> types) {
  const std::scoped_lock lock{mutex_};
  types_ = std::move(types);
  sites_.clear();
}

result<scope_digest> site_scopes::keep(const std::string& site, site_scope scope) {
  auto digest = digest_of(scope);
  const std::scoped_lock lock{mutex_};
  if (auto wrong = check_scope(scope, types_); !wrong.empty())
    return fail(ec::protocol, "the scope of site " + site +
                                  " (its [selective_sync] and predicate "
                                  "settings) does not fit: " +
                                  wrong);
  if (!sites_.contains(site) && sites_.size() >= sites_max_)
    sites_.erase(
        std::ranges::min_element(sites_, {}, [](const auto& one) { return one.second.last_used; }));
  sites_[site] = {digest, std::make_shared<const site_scope>(std::move(scope)), ++uses_};
  return digest;
}

result<shared_scope> site_scopes::find(const std::string& site,
                                       std::optional<std::string_view> digest) {
  static const auto everything = std::make_shared<const site_scope>();
  if (!digest)
    return everything;
  if (!is_scope_digest(*digest))
    return fail(ec::protocol, "the parameter scope is no digest");
  const std::scoped_lock lock{mutex_};
  const auto found = sites_.find(site);
  if (found == sites_.end() || found->second.digest != *digest)
    return fail(ec::scope_unknown,
                "the scope that the request of site " + site + " names is not known here");
  found->second.last_used = ++uses_;
  return found->second.scope;
}

} // namespace farshore
