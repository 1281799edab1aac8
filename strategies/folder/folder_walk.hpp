// Looks through a folder that is the model of a scanned type: what lies in it, in the order of the
// paths' bytes, so that it can be compared with a table of the same order in one pass.
//
// Follows no link, never leaves the root, stays on its file system, leaves `.farshore` at the top
// alone. One look at each name (fstatat), whatever it is. Memory: the names of one folder at each
// depth. Blocks on the disk; one thread at a time.

#pragma once

#include "config/clock.hpp"
#include "config/error.hpp"
#include "strategies/unique_fd.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace farshore {

/// What the file system said of one name.
struct folder_entry {
  enum class kind : std::uint8_t {
    regular,
    link,
    /// A bare repository; only as folder_view.hpp says.
    repository,
    /// Only by look_at(), or to a walk's judge.
    folder,
    /// `note` says what it is, and that it can't be replicated.
    unsupported,
    /// A folder that could not be looked into (`note`: why): nothing is known of what lies beneath.
    closed,
    /// What lies at the path can't be told, and may be a record: what is known of it stays.
    /// `note`: why; empty where another entry says it.
    unclear,
  };
  /// Beneath the root, decoded, without a slash at the end; "" is the root.
  std::string path;
  kind what = kind::regular;
  /// Of a repository these four are its refs' checksum, and the mode is 0.
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::uint64_t inode = 0;
  /// Permission bits.
  std::uint32_t mode = 0;
  /// When that was.
  wall_time looked_at{};
  std::string note;

  /// Where it stands in the order of paths: what lies in a folder follows the folder's key.
  [[nodiscard]] std::string key() const {
    const bool has_beneath = what == kind::folder || what == kind::closed;
    return has_beneath && !path.empty() ? path + "/" : path;
  }
};

/// The root, opened once for a walk or a few looks: another one may be mounted or moved there
/// later.
class opened_folder {
public:
  /// Fails with ec::disk.
  static result<std::shared_ptr<const opened_folder>> open(const std::filesystem::path& root);

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] std::uint64_t device() const { return device_; }

private:
  unique_fd fd_;
  std::uint64_t device_ = 0;
};

class folder_walk {
public:
  /// Called with a folder's path and an open descriptor before its names are read.
  using before_listing = std::function<void(const std::string& path, int fd)>;

  /// Says what is made of a name in an open folder: adds the entry to the listing, changed or not,
  /// or others, or none. What is a `folder` then is looked into.
  using judge = std::function<void(folder_entry entry, int folder, const std::string& name,
                                   std::vector<folder_entry>& listing)>;

  /// Of all that lies beneath the folder `beneath` ("": the root). `time` outlives it. Without a
  /// judge every entry is what it is.
  folder_walk(std::shared_ptr<const opened_folder> root, const std::string& beneath,
              before_listing hook, const time_source& time, judge judging = {});

  /// The next entry in the order of key(); nothing at the end. What vanishes meanwhile is left out.
  std::optional<folder_entry> next();

private:
  /// The names of one folder, in order; `at` is the next.
  struct level {
    std::string prefix;
    std::vector<folder_entry> entries;
    std::size_t at = 0;
  };

  /// Reads the folder's names; an entry where it is closed.
  std::optional<folder_entry> enter(const std::string& path);
  [[nodiscard]] folder_entry closed(const std::string& path, std::string why) const;

  std::shared_ptr<const opened_folder> root_;
  before_listing hook_;
  judge judge_;
  const time_source* time_;
  std::vector<level> levels_;
  /// The start itself could not be looked into.
  std::optional<folder_entry> closed_start_;
};

/// What lies at one path; nothing where nothing does, a folder as such. Closed where it can't be
/// told.
std::optional<folder_entry> look_at(const opened_folder& root, const std::string& path,
                                    const time_source& time);

} // namespace farshore
