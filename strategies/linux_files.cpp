#include "strategies/linux_files.hpp"

#include "config/locator.hpp"
#include "strategies/file_errors.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

namespace farshore {

namespace {

constexpr std::size_t durable_folders_max = 256;
constexpr std::size_t recent_folders_max = 256;
/// A folder on the way can vanish again and again only by somebody's busy pruning.
constexpr int attempts_max = 8;

constexpr const char* temps_path = ".farshore/tmp";
constexpr const char* identity_path = ".farshore/identity";

std::int64_t nanoseconds(const timespec& t) {
  return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

timespec to_timespec(std::int64_t ns) {
  auto seconds = ns / 1'000'000'000;
  auto rest = ns % 1'000'000'000;
  if (rest < 0) {
    rest += 1'000'000'000;
    --seconds;
  }
  return {.tv_sec = seconds, .tv_nsec = rest};
}

file_status to_status(const struct stat& s) {
  file_status status;
  status.kind = S_ISREG(s.st_mode)   ? file_kind::regular
                : S_ISDIR(s.st_mode) ? file_kind::folder
                : S_ISLNK(s.st_mode) ? file_kind::link
                                     : file_kind::other;
  status.mode = s.st_mode & 07777;
  status.size = static_cast<std::uint64_t>(s.st_size);
  status.mtime_ns = nanoseconds(s.st_mtim);
  status.ctime_ns = nanoseconds(s.st_ctim);
  status.device = s.st_dev;
  status.inode = s.st_ino;
  status.links = s.st_nlink;
  return status;
}

class linux_file final : public open_file {
public:
  linux_file(unique_fd fd, std::string name) : fd_{std::move(fd)}, name_{std::move(name)} {}

  result<file_status> status() override {
    struct stat there {};
    if (::fstat(fd_.get(), &there) != 0)
      return trouble("examine");
    return to_status(there);
  }

  result<std::size_t> read(std::uint64_t offset, std::span<std::byte> bytes) override {
    return count("read", [&] {
      return ::pread(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    });
  }

  result<std::size_t> write(std::uint64_t offset, std::span<const std::byte> bytes) override {
    return count("write", [&] {
      return ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    });
  }

  result<void> set_attributes(const file_attributes& attributes) override {
    if (::fchmod(fd_.get(), attributes.mode) != 0)
      return trouble("set the mode of");
    const std::array<timespec, 2> times{timespec{.tv_sec = 0, .tv_nsec = UTIME_OMIT},
                                        to_timespec(attributes.mtime_ns)};
    if (::futimens(fd_.get(), times.data()) != 0)
      return trouble("set the time of");
    return {};
  }

  result<void> flush() override {
    // Not fdatasync: a file that comes back from a power cut with mode 0600 is of no use.
    if (::fsync(fd_.get()) != 0)
      return trouble("flush");
    return {};
  }

  bool lock() override { return ::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0; }

private:
  [[nodiscard]] tl::unexpected<error> trouble(const char* verb) const {
    return fail(file_error(errno, fmt::format("{} {}", verb, name_)));
  }

  template <class Call>
  result<std::size_t> count(const char* verb, Call call) {
    for (;;) {
      const auto n = call();
      if (n >= 0)
        return static_cast<std::size_t>(n);
      if (errno != EINTR)
        return trouble(verb);
    }
  }

  unique_fd fd_;
  std::string name_;
};

} // namespace

linux_files::linux_files(std::filesystem::path root_path, path_walk how, link_policy links)
    : root_path_{std::move(root_path)}, how_{how}, links_{links} {}

error linux_files::trouble(int error_number, const char* verb, const std::string& path) const {
  return file_error(error_number, fmt::format("{} \"{}\" in the store {}", verb,
                                              encode_locator(path), root_path_.string()));
}

error linux_files::obstructed(int error_number, const char* verb, const std::string& locator) {
  auto what = trouble(error_number, verb, locator);
  if (auto at = root(); at && what.code == ec::bad_locator)
    if (auto obstacle = obstacle_beneath(*at, locator); !obstacle.empty() && obstacle != locator)
      what.message +=
          fmt::format(" (\"{}\" lies there and is no folder)", encode_locator(obstacle));
  return what;
}

// -- the store as a whole -------------------------------------------------------------------------

result<int> linux_files::root() {
  const std::lock_guard lock{setup_mutex_};
  if (!root_) {
    root_ = unique_fd{::open(root_path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!root_) {
      auto why = file_error(errno, fmt::format("open the store's folder {}", root_path_.string()));
      return fail(ec::disk, std::move(why.message));
    }
  }
  return root_.get();
}

result<int> linux_files::temps() {
  const std::lock_guard lock{setup_mutex_};
  if (!temps_)
    return fail(ec::internal, "the store is used before it is prepared");
  return temps_.get();
}

result<void> linux_files::make_own_folders() {
  if (::mkdir(root_path_.c_str(), 0755) != 0 && errno != EEXIST)
    return fail(file_error(errno, fmt::format("make the store's folder {}", root_path_.string())));
  auto at = root();
  if (!at)
    return fail(std::move(at).error());
  const std::lock_guard lock{setup_mutex_};
  if (temps_)
    return {};
  auto made = make_folders_beneath(*at, temps_path, 0700, how_);
  if (!made)
    return fail(trouble(made.error(), "make the folder", temps_path));
  auto folder = open_beneath(*at, temps_path, O_RDONLY | O_DIRECTORY, how_);
  auto whole = open_beneath(*at, "", O_RDONLY | O_DIRECTORY, how_);
  if (!folder || !whole)
    return fail(trouble(whole ? folder.error() : whole.error(), "list the folder",
                        whole ? temps_path : "."));
  for (const auto& [fd, path] : {std::pair{whole->get(), "."}, {folder->get(), temps_path}})
    if (::faccessat(fd, ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0)
      return fail(trouble(errno, "write in the folder", path));
  temps_ = std::move(*folder);
  whole_ = std::move(*whole);
  return {};
}

result<void> linux_files::make_identity() {
  auto seen = look();
  if (!seen)
    return fail(std::move(seen).error());
  if (seen->mark)
    return flush_names(identity_path); // whoever wrote it may not have come so far
  std::array<unsigned char, 16> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
    return fail(file_error(errno, "draw random bytes"));
  store_mark fresh;
  for (auto byte : random)
    fresh.id += fmt::format("{:02x}", byte);
  return write_mark(fresh);
}

result<void> linux_files::write_mark(const store_mark& mark) {
  auto at = root();
  if (!at)
    return fail(std::move(at).error());
  auto own = open_beneath(*at, parent_of(identity_path), O_PATH | O_DIRECTORY, how_);
  if (!own)
    return fail(trouble(own.error(), "open the folder", parent_of(identity_path)));
  const auto text = to_string(mark) + '\n';
  constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
  unique_fd fd{::openat(own->get(), "identity.new", flags, 0600)};
  const auto size = static_cast<ssize_t>(text.size());
  if (!fd || ::write(fd.get(), text.data(), text.size()) != size || ::fsync(fd.get()) != 0 ||
      ::renameat(own->get(), "identity.new", own->get(), "identity") != 0)
    return fail(trouble(errno, "write", identity_path));
  return flush_names(identity_path);
}

result<void> linux_files::prepare() {
  auto made = make_own_folders();
  if (made)
    made = make_identity();
  if (!made && made.error().code == ec::not_found)
    made.error().code = ec::disk;
  // The root's own name, if we made it: where its parent is not ours to open, it is older than us.
  const unique_fd parent{
      ::open(root_path_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (made && parent && ::fsync(parent.get()) != 0)
    return fail(file_error(errno, fmt::format("flush {}", root_path_.parent_path().string())));
  return made;
}

result<disk_space> space_at(const std::filesystem::path& folder) {
  struct statvfs found {};
  if (::statvfs(folder.c_str(), &found) != 0)
    return fail(file_error(errno, fmt::format("ask how much is free at \"{}\"", folder.string())));
  return disk_space{std::uint64_t{found.f_bavail} * found.f_frsize,
                    std::uint64_t{found.f_blocks} * found.f_frsize};
}

result<disk_space> linux_files::space() {
  return space_at(root_path_);
}

result<store_look> linux_files::look() {
  const auto cannot = [this] {
    return fail(
        ec::disk,
        file_error(errno, fmt::format("look at the store {}", root_path_.string())).message);
  };
  store_look seen;
  struct stat found {};
  const unique_fd at{::open(root_path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (!at && errno != ENOENT && errno != ENOTDIR)
    return cannot();
  if (!at) {
    auto above = root_path_;
    do
      above = above.parent_path();
    while (::stat(above.c_str(), &found) != 0 && above.has_relative_path());
    seen.device = found.st_dev;
    return seen;
  }
  if (::fstat(at.get(), &found) != 0)
    return cannot();
  seen.there = true;
  seen.device = found.st_dev;
  seen.inode = found.st_ino;
  auto file = open_beneath(at.get(), identity_path, O_RDONLY | O_NONBLOCK | O_NOCTTY, how_);
  if (!file) {
    errno = file.error();
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
      return seen;
    return cannot();
  }
  std::array<char, 256> text{};
  const auto size = ::read(file->get(), text.data(), text.size());
  if (size < 0 && errno != EISDIR)
    return cannot();
  seen.mark = read_mark({text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))});
  return seen;
}

// -- temporary files ------------------------------------------------------------------------------

result<std::unique_ptr<open_file>> linux_files::create_temp(const std::string& name) {
  auto at = temps();
  if (!at)
    return fail(std::move(at).error());
  constexpr int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
  unique_fd fd{::openat(*at, name.c_str(), flags, 0600)};
  if (!fd && errno == EEXIST && ::unlinkat(*at, name.c_str(), 0) == 0)
    fd = unique_fd{::openat(*at, name.c_str(), flags, 0600)};
  if (!fd) {
    auto why = trouble(errno, "create", temps_path + ("/" + name));
    return fail(ec::disk, std::move(why.message));
  }
  return std::make_unique<linux_file>(std::move(fd), name);
}

result<void> linux_files::create_temp_link(const std::string& name, const std::string& target) {
  auto at = temps();
  if (!at)
    return fail(std::move(at).error());
  const auto create = [&] { return ::symlinkat(target.c_str(), *at, name.c_str()); };
  if (create() == 0 || (errno == EEXIST && ::unlinkat(*at, name.c_str(), 0) == 0 && create() == 0))
    return {};
  auto why = trouble(errno, "create the link", temps_path + ("/" + name));
  return fail(ec::disk, std::move(why.message));
}

result<std::unique_ptr<open_file>> linux_files::open_temp(const std::string& name) {
  auto at = temps();
  if (!at)
    return fail(std::move(at).error());
  unique_fd fd{::openat(*at, name.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  if (!fd)
    return fail(trouble(errno, "open", temps_path + ("/" + name)));
  return std::make_unique<linux_file>(std::move(fd), name);
}

result<void> linux_files::remove_temp(const std::string& name) {
  auto at = temps();
  if (!at)
    return fail(std::move(at).error());
  if (::unlinkat(*at, name.c_str(), 0) != 0 && errno != ENOENT)
    return fail(trouble(errno, "remove", temps_path + ("/" + name)));
  return {};
}

result<std::vector<std::string>> linux_files::list_temps() {
  auto at = temps();
  if (!at)
    return fail(std::move(at).error());
  unique_fd fd{::openat(*at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  DIR* listing = fd ? ::fdopendir(::dup(fd.get())) : nullptr;
  if (listing == nullptr)
    return fail(trouble(errno, "list", temps_path));
  std::vector<std::string> names;
  while (const auto* entry = ::readdir(listing))
    if (std::string name = entry->d_name; name != "." && name != "..")
      names.push_back(std::move(name));
  ::closedir(listing);
  return names;
}

// -- files at their locators ----------------------------------------------------------------------

result<std::unique_ptr<open_file>> linux_files::open(const std::string& locator) {
  auto at = root();
  if (!at)
    return fail(std::move(at).error());
  // O_NONBLOCK: a fifo would wait for somebody to write.
  auto fd = open_beneath(*at, locator, O_RDONLY | O_NONBLOCK | O_NOCTTY, how_);
  if (!fd)
    return fail(obstructed(fd.error(), "open", locator));
  return std::make_unique<linux_file>(std::move(*fd), encode_locator(locator));
}

result<file_status> linux_files::status(const std::string& locator) {
  auto at = root();
  if (!at)
    return fail(std::move(at).error());
  auto fd = links_ == link_policy::kept ? open_entry_beneath(*at, locator, how_)
                                        : open_beneath(*at, locator, O_PATH, how_);
  struct stat there {};
  if (!fd || ::fstat(fd->get(), &there) != 0)
    return fail(obstructed(fd ? errno : fd.error(), "examine", locator));
  return to_status(there);
}

result<stored_link> linux_files::read_link(const std::string& locator) {
  auto at = root();
  if (!at)
    return fail(std::move(at).error());
  if (links_ == link_policy::refused)
    return fail(trouble(ELOOP, "read", locator));
  auto fd = open_entry_beneath(*at, locator, how_);
  struct stat there {};
  if (!fd || ::fstat(fd->get(), &there) != 0)
    return fail(obstructed(fd ? errno : fd.error(), "examine", locator));
  if (!S_ISLNK(there.st_mode))
    return fail(ec::bad_locator, fmt::format("\"{}\" is no link", encode_locator(locator)));
  std::string target(PATH_MAX, '\0');
  const auto n = ::readlinkat(fd->get(), "", target.data(), target.size());
  if (n < 0)
    return fail(trouble(errno, "read the link", locator));
  target.resize(static_cast<std::size_t>(n));
  return stored_link{std::move(target), to_status(there)};
}

tl::expected<int, int> linux_files::folder(const std::string& path, bool make) {
  if (auto known = recent_.find(path); known != recent_.end())
    return known->second.get();
  if (recent_.size() >= recent_folders_max)
    recent_.clear();
  auto at = root();
  if (!at)
    return tl::make_unexpected(ENOENT);
  auto fd = make ? make_folders_beneath(*at, path, 0777, how_)
                 : open_beneath(*at, path, O_PATH | O_DIRECTORY, how_);
  if (!fd)
    return tl::make_unexpected(fd.error());
  return recent_.emplace(path, std::move(*fd)).first->second.get();
}

int linux_files::replace(int temps, const std::string& name, int into,
                         const std::string& leaf) const {
  struct stat there {};
  if (::fstatat(into, leaf.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0) {
    const bool kept_link = S_ISLNK(there.st_mode) && links_ == link_policy::kept;
    if (S_ISLNK(there.st_mode) && !kept_link)
      return ELOOP;
    if (S_ISDIR(there.st_mode) && ::unlinkat(into, leaf.c_str(), AT_REMOVEDIR) != 0)
      return EISDIR;
    if (!S_ISDIR(there.st_mode) && !S_ISREG(there.st_mode) && !kept_link)
      return EEXIST;
  }
  return ::renameat(temps, name.c_str(), into, leaf.c_str()) == 0 ? 0 : errno;
}

result<void> linux_files::rename_temp(const std::string& name, const std::string& locator) {
  auto from = temps();
  if (!from)
    return fail(std::move(from).error());
  const std::lock_guard lock{folders_mutex_};
  const auto parent = parent_of(locator);
  const auto leaf = leaf_of(locator);
  int why = 0;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    auto into = folder(parent, true);
    why = into ? 0 : into.error();
    // New files, nearly all, take one call; what is in the way is looked at before it is replaced.
    if (into && ::renameat2(*from, name.c_str(), *into, leaf.c_str(), RENAME_NOREPLACE) != 0)
      why = errno;
    if (into && (why == EEXIST || why == EINVAL))
      why = replace(*from, name, *into, leaf);
    if (why == 0)
      return {};
    if (why != ENOENT)
      break;
    // Somebody pruned the folder after we had looked it up, or the temporary file is gone.
    recent_.erase(parent);
  }
  recent_.clear();
  auto what = why == EEXIST ? error{ec::bad_locator, trouble(why, "put a file at", locator).message}
                            : obstructed(why, "put a file at", locator);
  if (why == ENOENT) // of a temporary file: nobody's locator is to blame
    what = {ec::disk, what.message + "; its temporary file " + name + " has vanished"};
  return fail(std::move(what));
}

result<void> linux_files::remove(const std::string& locator) {
  const std::lock_guard lock{folders_mutex_};
  const auto parent = parent_of(locator);
  const auto leaf = leaf_of(locator);
  auto from = folder(parent, false);
  const bool keeps_links = links_ == link_policy::kept;
  if (!from && from.error() == ELOOP && keeps_links)
    return {};
  if (!from && from.error() == ELOOP)
    return fail(obstructed(ELOOP, "remove", locator));
  if (!from && (from.error() == ENOENT || from.error() == ENOTDIR))
    return prune(parent), result<void>{};
  if (!from)
    return fail(trouble(from.error(), "remove", locator));
  struct stat there {};
  if (::fstatat(*from, leaf.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISDIR(there.st_mode))
      return {};
    if (!S_ISREG(there.st_mode) && !(S_ISLNK(there.st_mode) && keeps_links))
      return fail(ec::bad_locator, trouble(S_ISLNK(there.st_mode) ? ELOOP : EEXIST,
                                           "remove what is no regular file,", locator)
                                       .message);
    if (::unlinkat(*from, leaf.c_str(), 0) != 0 && errno != ENOENT)
      return fail(trouble(errno, "remove", locator));
  } else if (errno != ENOENT && errno != ENAMETOOLONG) {
    return fail(trouble(errno, "remove", locator));
  }
  prune(parent);
  return {};
}

/// Removes the folder and those above it, as far as they are empty.
void linux_files::prune(std::string path) {
  for (; !path.empty(); path = parent_of(path)) {
    auto above = folder(parent_of(path), false);
    if (!above || ::unlinkat(*above, leaf_of(path).c_str(), AT_REMOVEDIR) != 0) {
      if ((above ? errno : above.error()) != ENOENT)
        return;
    }
    recent_.erase(path);
    durable_.erase(path);
  }
}

// -- flushes --------------------------------------------------------------------------------------

bool linux_files::is_durable(const std::string& path, int fd) const {
  const auto known = durable_.find(path);
  struct stat then {};
  struct stat now {};
  return known != durable_.end() && ::fstat(known->second.get(), &then) == 0 &&
         ::fstat(fd, &now) == 0 && then.st_ino == now.st_ino && then.st_dev == now.st_dev;
}

result<void> linux_files::flush_names(const std::string& locator) {
  auto at = root();
  if (!at)
    return fail(std::move(at).error());
  const std::lock_guard lock{folders_mutex_};
  recent_.clear();
  folders flushed;
  for (auto path = locator; !path.empty();) {
    path = parent_of(path);
    auto fd = open_beneath(*at, path, O_RDONLY | O_DIRECTORY, how_);
    if (!fd && !path.empty() && (fd.error() == ENOENT || fd.error() == ENOTDIR))
      continue; // it was removed with the file; that stands in the folder above
    if (!fd || ::fsync(fd->get()) != 0)
      return fail(trouble(fd ? errno : fd.error(), "flush the folder", path));
    if (is_durable(path, fd->get()))
      break;
    if (!path.empty())
      flushed.emplace(path, std::move(*fd));
  }
  if (durable_.size() + flushed.size() > durable_folders_max)
    durable_.clear();
  for (auto& [path, fd] : flushed)
    durable_.insert_or_assign(path, std::move(fd));
  return {};
}

result<void> linux_files::flush_all() {
  {
    const std::lock_guard lock{folders_mutex_};
    recent_.clear();
  }
  if (::syncfs(whole_.get()) != 0)
    return fail(trouble(errno, "flush the file system of", "."));
  return {};
}

} // namespace farshore
