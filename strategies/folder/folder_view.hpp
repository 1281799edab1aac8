// How a scanned folder is seen: what in it is a record, and where one is to be looked at when the
// system tells of a change. One for each strategy that has scanned types; make_folder_view() knows
// them. Blocks on the disk; without state, so any thread.

#pragma once

#include "config/clock.hpp"
#include "strategies/folder/folder_walk.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace farshore {

class folder_view {
public:
  /// The next entry of a walk, in the order of key(); nothing at the end.
  using source = std::function<std::optional<folder_entry>()>;

  virtual ~folder_view() = default;

  /// All that lies beneath the folder `beneath` ("": the root). The hook (may be empty) is called
  /// with each folder that is to be watched, before it is read. `time` outlives the source.
  [[nodiscard]] virtual source walk(std::shared_ptr<const opened_folder> root,
                                    const std::string& beneath, folder_walk::before_listing hook,
                                    const time_source& time) const = 0;
  /// What lies at one path; see look_at().
  [[nodiscard]] virtual std::optional<folder_entry> look(const opened_folder& root,
                                                         const std::string& path,
                                                         const folder_walk::before_listing& hook,
                                                         const time_source& time) const = 0;
  /// Where a change that was told at `path` is to be looked at.
  [[nodiscard]] virtual std::string record_at(const opened_folder& root,
                                              const std::string& path) const = 0;
};

/// Every regular file and every symbolic link is a record.
class file_view final : public folder_view {
public:
  [[nodiscard]] source walk(std::shared_ptr<const opened_folder> root, const std::string& beneath,
                            folder_walk::before_listing hook,
                            const time_source& time) const override;
  [[nodiscard]] std::optional<folder_entry> look(const opened_folder& root, const std::string& path,
                                                 const folder_walk::before_listing& hook,
                                                 const time_source& time) const override;
  [[nodiscard]] std::string record_at(const opened_folder& root,
                                      const std::string& path) const override;
};

} // namespace farshore
