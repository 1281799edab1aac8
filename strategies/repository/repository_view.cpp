#include "strategies/repository/repository_view.hpp"

#include "config/locator.hpp"
#include "strategies/beneath.hpp"
#include "strategies/repository/refs.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace farshore {

namespace {

using kind = folder_entry::kind;

/// Of one repository; what its other folders of refs tell is for the next whole scan.
constexpr std::size_t watched_folders_max = 64;

/// What a folder is, by the names in it.
enum class shape : std::uint8_t {
  /// It may lead to repositories.
  plain,
  repository,
  /// Some of a repository is there, but not all.
  damaged,
  checkout,
  unclear,
};

/// The type bits of a name in an open folder: 0 where there is none, S_IFMT where it can't be told.
mode_t type_of(int folder, const std::string& name) {
  struct stat there {};
  if (::fstatat(folder, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0)
    return there.st_mode & S_IFMT;
  return errno == ENOENT || errno == ENOTDIR ? 0 : S_IFMT;
}

/// Of the folder `prefix` (empty, or with a slash at its end) in an open one.
shape shape_of(int folder, const std::string& prefix) {
  const auto head = type_of(folder, prefix + "HEAD");
  if (head == S_IFMT)
    return shape::unclear;
  if (head == 0 && type_of(folder, prefix + ".git") != 0)
    return shape::checkout;
  const int parts = (head == S_IFREG || head == S_IFLNK ? 1 : 0) +
                    (type_of(folder, prefix + "objects") == S_IFDIR ? 1 : 0) +
                    (type_of(folder, prefix + "refs") == S_IFDIR ? 1 : 0);
  return parts == 3 ? shape::repository : parts == 2 ? shape::damaged : shape::plain;
}

void become(folder_entry& entry, kind what, std::string note) {
  entry.what = what;
  entry.note = std::move(note);
  entry.size = 0;
  entry.mtime_ns = entry.ctime_ns = 0;
  entry.inode = 0;
  entry.mode = 0;
}

void become_damaged(folder_entry& entry) {
  become(
      entry, kind::unclear,
      fmt::format("\"{}\" has only two of HEAD, objects and refs: it may be a repository that is "
                  "damaged, or being made; nothing of it is taken for deleted",
                  encode_locator(entry.path)));
}

void become_checkout(folder_entry& entry) {
  become(entry, kind::unsupported,
         "a checkout with a work tree; only bare repositories are replicated");
}

void become_stray(folder_entry& entry) {
  become(entry, kind::unsupported,
         entry.what == kind::link ? "a symbolic link, which is not followed; only bare "
                                    "repositories are replicated"
                                  : "a file; only bare repositories are replicated");
}

/// The judge of a walk.
void judge(folder_entry entry, int folder, const std::string& name, std::uint64_t device,
           std::vector<folder_entry>& listing) {
  if (entry.what == kind::regular || entry.what == kind::link)
    become_stray(entry);
  if (entry.what == kind::folder) {
    struct stat there {};
    const bool seen = ::fstatat(folder, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0;
    // What is mounted there, or may not be looked into, could be a repository or lead to some: as
    // a folder it turns out to be closed, and as a record to be unclear.
    const auto what =
        seen && there.st_dev != device ? shape::unclear : shape_of(folder, name + "/");
    switch (what) {
    case shape::plain:
      break;
    case shape::repository:
      become(entry, kind::repository, "");
      break;
    case shape::damaged:
      become_damaged(entry);
      break;
    case shape::checkout:
      become_checkout(entry);
      break;
    case shape::unclear:
      listing.push_back(entry);
      become(listing.back(), kind::unclear, "");
      break;
    }
  }
  listing.push_back(std::move(entry));
}

class watched_folders {
public:
  explicit watched_folders(const folder_walk::before_listing& hook) : hook_{hook} {}

  /// The folder and, where `deep`, those in it. What can't be opened tells nothing.
  void add(int parent, const char* name, const std::string& path, bool deep) {
    if (count_ == watched_folders_max)
      return;
    const unique_fd fd{::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!fd)
      return;
    ++count_;
    hook_(path, fd.get());
    if (!deep)
      return;
    auto* listing = ::fdopendir(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
    if (listing == nullptr)
      return;
    while (const auto* found = ::readdir(listing)) {
      const std::string inner = found->d_name;
      if ((found->d_type == DT_DIR || found->d_type == DT_UNKNOWN) && inner != "." && inner != "..")
        add(fd.get(), found->d_name, path + "/" + inner, true);
    }
    ::closedir(listing);
  }

private:
  const folder_walk::before_listing& hook_;
  std::size_t count_ = 0;
};

void watch_top(int root, const std::string& path, const folder_walk::before_listing& hook) {
  const auto fd = open_beneath(root, path, O_RDONLY | O_DIRECTORY, path_walk::by_kernel);
  if (fd && hook)
    hook(path, fd->get());
}

/// Reads the refs of what seems to be a repository; false: it is gone.
bool complete(folder_entry& entry, int root, const folder_walk::before_listing& hook) {
  become(entry, kind::repository, "");
  const auto opened = open_repository(root, entry.path);
  if (!opened && opened.error().code == ec::missing_on_primary)
    return false;
  if (!opened) {
    const bool refused = opened.error().code == ec::bad_locator;
    become(entry, refused ? kind::unsupported : kind::unclear, opened.error().message);
    return true;
  }
  if (hook) { // before they are read: what changes meanwhile is told
    watched_folders watched{hook};
    watched.add(opened->get(), ".", entry.path, false);
    watched.add(opened->get(), "refs", entry.path + "/refs", true);
  }
  const auto refs = read_refs(opened->get());
  if (!refs)
    return true; // a record all the same: its verification says what is wrong with it
  const auto sum = refs_checksum(*refs);
  std::array<std::uint64_t, 4> words{};
  static_assert(sizeof words == sizeof sum);
  std::memcpy(words.data(), sum.data(), sizeof words);
  entry.size = words[0];
  entry.mtime_ns = static_cast<std::int64_t>(words[1]);
  entry.ctime_ns = static_cast<std::int64_t>(words[2]);
  entry.inode = words[3];
  return true;
}

shape shape_at(const opened_folder& root, const std::string& path) {
  const auto fd = open_beneath(root.fd(), path, O_PATH | O_DIRECTORY, path_walk::by_kernel);
  if (!fd)
    return shape::plain;
  struct stat there {};
  if (::fstat(fd->get(), &there) == 0 && there.st_dev != root.device())
    return shape::unclear;
  return shape_of(fd->get(), "");
}

} // namespace

folder_view::source repository_view::walk(std::shared_ptr<const opened_folder> root,
                                          const std::string& beneath,
                                          folder_walk::before_listing hook,
                                          const time_source& time) const {
  // Beneath a repository there is no other.
  if (!beneath.empty() && record_at(*root, beneath + "/") != beneath + "/")
    return [] { return std::optional<folder_entry>{}; };
  const auto device = root->device();
  auto walk = std::make_shared<folder_walk>(
      root, beneath, hook, time,
      [device](folder_entry entry, int folder, const std::string& name,
               std::vector<folder_entry>& listing) {
        judge(std::move(entry), folder, name, device, listing);
      });
  return [walk, root = std::move(root), hook = std::move(hook)] {
    for (auto entry = walk->next();; entry = walk->next()) {
      if (entry && entry->what == kind::unclear && !entry->note.empty()) {
        watch_top(root->fd(), entry->path, hook);
        if (shape_at(*root, entry->path) == shape::repository) // what was missing has come
          entry->what = kind::repository;
      }
      if (!entry || entry->what != kind::repository || complete(*entry, root->fd(), hook))
        return entry;
    }
  };
}

std::optional<folder_entry> repository_view::look(const opened_folder& root,
                                                  const std::string& path,
                                                  const folder_walk::before_listing& hook,
                                                  const time_source& time) const {
  auto seen = look_at(root, path, time);
  if (!seen)
    return seen;
  if (seen->what == kind::regular || seen->what == kind::link)
    become_stray(*seen);
  if (seen->what != kind::folder)
    return seen;
  watch_top(root.fd(), path, hook); // what comes into it meanwhile is told
  switch (shape_at(root, path)) {
  case shape::plain:
    break;
  case shape::repository:
    if (!complete(*seen, root.fd(), hook))
      return std::nullopt;
    break;
  case shape::damaged:
    become_damaged(*seen);
    break;
  case shape::checkout:
    become_checkout(*seen);
    break;
  case shape::unclear:
    become(*seen, kind::unclear, "");
    break;
  }
  return seen;
}

std::string repository_view::record_at(const opened_folder& root, const std::string& path) const {
  for (auto end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
    auto folder = path.substr(0, end);
    const auto what = shape_at(root, folder);
    if (what != shape::plain && what != shape::unclear)
      return folder;
  }
  return path;
}

} // namespace farshore
