// How a scanned folder of bare repositories is seen: each of them is a record, whose path is its
// folder's. What identifies an unchanged one is the checksum of its refs, read without git.
//
// Ordinary folders lead to repositories; no repository is descended into. All else (files, links,
// checkouts) is unsupported, and named for what it is. A repository that lacks a part, or can't be
// looked into, is unclear: it must not count as gone.

#pragma once

#include "strategies/folder/folder_view.hpp"

namespace farshore {

class repository_view final : public folder_view {
public:
  [[nodiscard]] source walk(std::shared_ptr<const opened_folder> root, const std::string& beneath,
                            folder_walk::before_listing hook,
                            const time_source& time) const override;
  [[nodiscard]] std::optional<folder_entry> look(const opened_folder& root, const std::string& path,
                                                 const folder_walk::before_listing& hook,
                                                 const time_source& time) const override;
  /// The repository in which the path lies.
  [[nodiscard]] std::string record_at(const opened_folder& root,
                                      const std::string& path) const override;
};

} // namespace farshore
