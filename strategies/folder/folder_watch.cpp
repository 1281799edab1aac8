#include "strategies/folder/folder_watch.hpp"

#include "strategies/file_errors.hpp"
#include "strategies/unique_fd.hpp"

#include <array>
#include <cerrno>
#include <fstream>
#include <map>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/vfs.h>

namespace farshore {

namespace {

constexpr std::size_t paths_max = 20'000;
/// Not IN_MODIFY: a file that is being written is of no use yet, and each piece would be told.
constexpr std::uint32_t told = IN_CREATE | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE | IN_MOVED_FROM |
                               IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

std::string limit_of(const char* name) {
  std::string value;
  std::ifstream{fmt::format("/proc/sys/fs/inotify/{}", name)} >> value;
  return value;
}

class inotify_watch final : public folder_watch {
public:
  explicit inotify_watch(unique_fd fd) : fd_{std::move(fd)} {}

  result<void> add(const std::string& path, int fd) override {
    // By the descriptor, so that no link is followed on the way.
    const auto name = fmt::format("/proc/self/fd/{}", fd);
    const int watch = ::inotify_add_watch(fd_.get(), name.c_str(), told);
    if (watch < 0 && errno == ENOSPC)
      return fail(ec::disk,
                  fmt::format("fs.inotify.max_user_watches ({}) does not suffice for its folders; "
                              "raise it by sysctl, then farshore recheck",
                              limit_of("max_user_watches")));
    if (watch < 0 && (errno == ENOENT || errno == ENOTDIR))
      return {}; // it has vanished again
    if (watch < 0)
      return fail(file_error(errno, "watch the folder \"" + path + "\""));
    if (const auto known = by_path_.find(path); known != by_path_.end() && known->second != watch)
      forget(known->second);
    forget(watch); // it may have had another name
    by_path_[path] = watch;
    by_watch_[watch] = path;
    return {};
  }

  folder_news read() override {
    folder_news news;
    alignas(inotify_event) std::array<char, 64 * 1024> buffer;
    while (news.paths.size() < paths_max) {
      const auto n = ::read(fd_.get(), buffer.data(), buffer.size());
      if (n <= 0)
        return news;
      for (const char* at = buffer.data(); at < buffer.data() + n;) {
        const auto* event = reinterpret_cast<const inotify_event*>(at);
        take(*event, news);
        at += sizeof(inotify_event) + event->len;
      }
    }
    news.everything = true;
    return news;
  }

private:
  void take(const inotify_event& event, folder_news& news) {
    if ((event.mask & IN_Q_OVERFLOW) != 0)
      news.everything = true;
    const auto known = by_watch_.find(event.wd);
    if (known == by_watch_.end())
      return;
    const auto folder = known->second;
    if ((event.mask & IN_IGNORED) != 0)
      return forget(event.wd);
    if (event.len == 0) {
      if (folder.empty() && (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) != 0)
        news.everything = true;
      return; // of any other folder its own folder tells
    }
    if (folder.empty() && std::string_view{event.name} == ".farshore")
      return;
    auto path = folder.empty() ? std::string{event.name} : folder + "/" + event.name;
    if ((event.mask & IN_ISDIR) != 0 && (event.mask & IN_MOVED_FROM) != 0)
      forget_beneath(path);
    if (news.paths.empty() || news.paths.back() != path)
      news.paths.push_back(std::move(path));
  }

  void forget(int watch) {
    const auto known = by_watch_.extract(watch);
    if (known.empty())
      return;
    if (const auto path = by_path_.find(known.mapped());
        path != by_path_.end() && path->second == watch)
      by_path_.erase(path);
  }

  /// What was moved away goes on telling, under names that it has no more.
  void forget_beneath(const std::string& path) {
    const auto drop = [this](auto at) {
      ::inotify_rm_watch(fd_.get(), at->second);
      by_watch_.erase(at->second);
      return by_path_.erase(at);
    };
    if (const auto itself = by_path_.find(path); itself != by_path_.end())
      drop(itself);
    for (auto at = by_path_.lower_bound(path + "/");
         at != by_path_.end() && at->first.starts_with(path + "/");)
      at = drop(at);
  }

  unique_fd fd_;
  std::map<std::string, int> by_path_;
  std::unordered_map<int, std::string> by_watch_;
};

} // namespace

std::string remote_file_system(unsigned long number) {
  switch (static_cast<std::uint32_t>(number)) {
  case 0x6969:
    return "nfs";
  case 0xff534d42:
  case 0xfe534d42:
  case 0x517b:
    return "smb";
  case 0x65735546:
    return "fuse";
  case 0x01021997:
    return "9p";
  case 0x00c36400:
    return "ceph";
  case 0x0bd00bd0:
    return "lustre";
  case 0x5346414f:
  case 0x6b414653:
    return "afs";
  case 0x01161970:
    return "gfs2";
  case 0x7461636f:
    return "ocfs2";
  case 0x786f4256:
    return "vboxsf";
  default:
    return {};
  }
}

std::string remote_file_system(const std::filesystem::path& root) {
  struct statfs there {};
  if (::statfs(root.c_str(), &there) != 0)
    return {}; // opening it will say why
  return remote_file_system(static_cast<unsigned long>(there.f_type));
}

result<std::unique_ptr<folder_watch>> watch_folder(const std::filesystem::path& root) {
  if (const auto remote = remote_file_system(root); !remote.empty())
    return fail(ec::disk, fmt::format("it lies on a file system ({}) of which changes are not told "
                                      "to this machine",
                                      remote));
  unique_fd fd{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
  if (!fd && errno == EMFILE)
    return fail(ec::disk, fmt::format("fs.inotify.max_user_instances ({}) is reached; raise it by "
                                      "sysctl",
                                      limit_of("max_user_instances")));
  if (!fd)
    return fail(file_error(errno, "watch folders"));
  return std::make_unique<inotify_watch>(std::move(fd));
}

} // namespace farshore
