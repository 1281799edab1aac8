#include "strategies/folder/folder_view.hpp"

#include <utility>

namespace farshore {

folder_view::source file_view::walk(std::shared_ptr<const opened_folder> root,
                                    const std::string& beneath, folder_walk::before_listing hook,
                                    const time_source& time) const {
  auto walk = std::make_shared<folder_walk>(std::move(root), beneath, std::move(hook), time);
  return [walk] { return walk->next(); };
}

std::optional<folder_entry> file_view::look(const opened_folder& root, const std::string& path,
                                            const folder_walk::before_listing&,
                                            const time_source& time) const {
  return look_at(root, path, time);
}

std::string file_view::record_at(const opened_folder&, const std::string& path) const {
  return path;
}

} // namespace farshore
