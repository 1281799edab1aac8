// A store's file operations on Linux.
//
// Threading: as store_files says. Owns descriptors of the root and of `.farshore/tmp`, and two
// small caches of folders. Both are there for speed only and mistrust themselves: `recent_` holds
// the folders that renames and removals have used since the last flush, so a batch of files for few
// folders looks each folder up once; `durable_` holds folders whose own name is known to be
// flushed, so a flush of names need not climb to the root each time. A held folder that somebody
// removed takes no new names (ENOENT), and one that was exchanged for another is another inode.

#pragma once

#include "strategies/beneath.hpp"
#include "strategies/store_files.hpp"
#include "strategies/unique_fd.hpp"

#include <filesystem>
#include <mutex>
#include <string>
#include <unordered_map>

namespace farshore {

/// Of the file system that a folder lies on. Blocks; fails with ec::disk.
result<disk_space> space_at(const std::filesystem::path& folder);

class linux_files final : public store_files {
public:
  explicit linux_files(std::filesystem::path root, path_walk how = path_walk::by_kernel,
                       link_policy links = link_policy::refused);

  result<void> prepare() override;
  result<store_look> look() override;
  result<void> write_mark(const store_mark& mark) override;
  result<disk_space> space() override;

  result<std::unique_ptr<open_file>> create_temp(const std::string& name) override;
  result<void> create_temp_link(const std::string& name, const std::string& target) override;
  result<std::unique_ptr<open_file>> open_temp(const std::string& name) override;
  result<void> remove_temp(const std::string& name) override;
  result<std::vector<std::string>> list_temps() override;

  result<std::unique_ptr<open_file>> open(const std::string& locator) override;
  result<file_status> status(const std::string& locator) override;
  result<stored_link> read_link(const std::string& locator) override;
  result<void> rename_temp(const std::string& name, const std::string& locator) override;
  result<void> remove(const std::string& locator) override;

  result<void> flush_names(const std::string& locator) override;
  result<void> flush_all() override;

private:
  using folders = std::unordered_map<std::string, unique_fd>;

  /// The root's descriptor. A store that is only read may come to be after this object.
  result<int> root();
  result<int> temps();
  result<void> make_own_folders();
  result<void> make_identity();

  /// From `recent_`; the descriptor stays valid until `recent_` changes. Call with
  /// `folders_mutex_`.
  tl::expected<int, int> folder(const std::string& path, bool make);
  /// What the rename does where something lies at the locator already. 0, or an errno.
  [[nodiscard]] int replace(int temps, const std::string& name, int into,
                            const std::string& leaf) const;
  void prune(std::string path);
  [[nodiscard]] bool is_durable(const std::string& path, int fd) const;

  [[nodiscard]] error trouble(int error_number, const char* verb, const std::string& path) const;
  /// The same for a locator: names what is in the way, if that is why.
  [[nodiscard]] error obstructed(int error_number, const char* verb, const std::string& locator);

  std::filesystem::path root_path_;
  path_walk how_;
  link_policy links_;

  std::mutex setup_mutex_;
  unique_fd root_;
  unique_fd temps_;
  /// Opened once, at the beginning: reports every write-back error of the file system since then.
  unique_fd whole_;

  std::mutex folders_mutex_;
  folders recent_;
  folders durable_;
};

} // namespace farshore
