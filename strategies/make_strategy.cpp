#include "strategies/make_strategy.hpp"

#include "strategies/blob/blob_strategy.hpp"
#include "strategies/folder/folder_view.hpp"
#include "strategies/linux_files.hpp"
#include "strategies/repository/repository_strategy.hpp"
#include "strategies/repository/repository_view.hpp"

#include <utility>

#include <fmt/format.h>

namespace farshore {

result<std::shared_ptr<strategy>> make_strategy(const replicable_type& type,
                                                const time_source& time) {
  const auto links = type.scanned() ? link_policy::kept : link_policy::refused;
  return make_strategy(type, time,
                       std::make_shared<linux_files>(type.store, path_walk::by_kernel, links));
}

result<std::shared_ptr<strategy>> make_strategy(const replicable_type& type,
                                                const time_source& time,
                                                std::shared_ptr<store_files> files) {
  if (type.strategy == "blob")
    return std::make_shared<blob_strategy>(type, time, std::move(files));
  if (type.strategy == "repository")
    return std::make_shared<repository_strategy>(type, time, std::move(files));
  return fail(ec::invalid_config, fmt::format("replicable \"{}\": there is no strategy \"{}\"; "
                                              "write strategy = \"blob\" or \"repository\"",
                                              type.name, type.strategy));
}

std::shared_ptr<const folder_view> make_folder_view(const replicable_type& type) {
  if (type.strategy == "repository")
    return std::make_shared<repository_view>();
  return std::make_shared<file_view>();
}

} // namespace farshore
