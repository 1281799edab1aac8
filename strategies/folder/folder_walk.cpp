#include "strategies/folder/folder_walk.hpp"

#include "config/locator.hpp"
#include "strategies/beneath.hpp"
#include "strategies/file_errors.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace farshore {

namespace {

using kind = folder_entry::kind;

std::int64_t nanoseconds(const timespec& t) {
  return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

/// Nothing is there (any more), or no way leads there without a link.
bool is_absence(int error_number) {
  return error_number == ENOENT || error_number == ENOTDIR || error_number == ELOOP;
}

const char* what_is(mode_t mode) {
  return S_ISFIFO(mode) ? "a pipe" : S_ISSOCK(mode) ? "a socket" : "a device";
}

folder_entry entry_of(std::string path, const struct stat& there, wall_time now) {
  folder_entry entry;
  entry.path = std::move(path);
  entry.looked_at = now;
  entry.size = static_cast<std::uint64_t>(there.st_size);
  entry.mtime_ns = nanoseconds(there.st_mtim);
  entry.ctime_ns = nanoseconds(there.st_ctim);
  entry.inode = there.st_ino;
  entry.mode = there.st_mode & 07777;
  entry.what = S_ISREG(there.st_mode)   ? kind::regular
               : S_ISLNK(there.st_mode) ? kind::link
               : S_ISDIR(there.st_mode) ? kind::folder
                                        : kind::unsupported;
  if (entry.what == kind::unsupported)
    entry.note = what_is(there.st_mode);
  if (auto fits = check_locator(entry.path); !fits) {
    entry.what = kind::unsupported;
    entry.note = fits.error().message;
  }
  return entry;
}

/// By key(), for names of one folder, without making the keys.
bool comes_before(const folder_entry& a, const folder_entry& b) {
  const auto shared = std::min(a.path.size(), b.path.size());
  if (const int order = a.path.compare(0, shared, b.path, 0, shared); order != 0)
    return order < 0;
  const auto behind = [shared](const folder_entry& e) {
    return e.path.size() > shared   ? static_cast<unsigned char>(e.path[shared])
           : e.what == kind::folder ? '/'
                                    : -1;
  };
  return behind(a) < behind(b);
}

struct close_listing {
  void operator()(DIR* listing) const { ::closedir(listing); }
};

} // namespace

result<std::shared_ptr<const opened_folder>>
opened_folder::open(const std::filesystem::path& root) {
  auto folder = std::make_shared<opened_folder>();
  folder->fd_ = unique_fd{::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  struct stat there {};
  if (!folder->fd_ || ::fstat(folder->fd_.get(), &there) != 0) {
    auto why = file_error(errno, fmt::format("open the folder {}", root.string()));
    return fail(ec::disk, std::move(why.message));
  }
  folder->device_ = there.st_dev;
  return folder;
}

folder_walk::folder_walk(std::shared_ptr<const opened_folder> root, const std::string& beneath,
                         before_listing hook, const time_source& time, judge judging)
    : root_{std::move(root)}, hook_{std::move(hook)}, judge_{std::move(judging)}, time_{&time} {
  closed_start_ = enter(beneath);
}

folder_entry folder_walk::closed(const std::string& path, std::string why) const {
  folder_entry entry;
  entry.path = path;
  entry.what = kind::closed;
  entry.looked_at = time_->wall();
  entry.note = std::move(why);
  return entry;
}

std::optional<folder_entry> folder_walk::enter(const std::string& path) {
  const auto refuse = [&](int error_number) -> std::optional<folder_entry> {
    if (is_absence(error_number) && !path.empty())
      return std::nullopt;
    return closed(path, file_error(error_number,
                                   fmt::format("look into the folder \"{}\"", encode_locator(path)))
                            .message);
  };
  auto fd = open_beneath(root_->fd(), path, O_RDONLY | O_DIRECTORY, path_walk::by_kernel);
  struct stat folder {};
  if (!fd || ::fstat(fd->get(), &folder) != 0)
    return refuse(fd ? errno : fd.error());
  if (folder.st_dev != root_->device())
    return closed(path, fmt::format("in \"{}\" another file system is mounted; a scanned folder "
                                    "stays on one",
                                    encode_locator(path)));
  if (hook_)
    hook_(path, fd->get());
  // The listing takes a descriptor of its own, which it closes.
  const std::unique_ptr<DIR, close_listing> listing{
      ::fdopendir(::fcntl(fd->get(), F_DUPFD_CLOEXEC, 0))};
  if (!listing)
    return refuse(errno);
  level names{path.empty() ? "" : path + "/", {}};
  const auto now = time_->wall();
  for (errno = 0; const auto* found = ::readdir(listing.get()); errno = 0) {
    const std::string name = found->d_name;
    if (name == "." || name == ".." || (path.empty() && name == ".farshore"))
      continue;
    struct stat there {};
    if (::fstatat(fd->get(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0) {
      if (!is_absence(errno))
        return refuse(errno); // what can't be examined must not count as gone
      continue;
    }
    auto entry = entry_of(names.prefix + name, there, now);
    if (judge_)
      judge_(std::move(entry), fd->get(), name, names.entries);
    else
      names.entries.push_back(std::move(entry));
  }
  if (errno != 0)
    return refuse(errno);
  std::ranges::sort(names.entries, comes_before);
  levels_.push_back(std::move(names));
  return std::nullopt;
}

std::optional<folder_entry> folder_walk::next() {
  if (closed_start_)
    return std::exchange(closed_start_, std::nullopt);
  while (!levels_.empty()) {
    auto& top = levels_.back();
    if (top.at == top.entries.size()) {
      levels_.pop_back();
      continue;
    }
    auto entry = std::move(top.entries[top.at++]);
    if (entry.what != kind::folder)
      return entry;
    if (auto refused = enter(entry.path))
      return refused;
  }
  return std::nullopt;
}

std::optional<folder_entry> look_at(const opened_folder& root, const std::string& path,
                                    const time_source& time) {
  const auto now = time.wall();
  auto fd = open_entry_beneath(root.fd(), path, path_walk::by_kernel);
  struct stat there {};
  if (fd && ::fstat(fd->get(), &there) == 0)
    return entry_of(path, there, now);
  const int why = fd ? errno : fd.error();
  if (is_absence(why))
    return std::nullopt;
  folder_entry entry;
  entry.path = path;
  entry.what = kind::closed;
  entry.looked_at = now;
  entry.note = file_error(why, fmt::format("look at \"{}\"", encode_locator(path))).message;
  return entry;
}

} // namespace farshore
