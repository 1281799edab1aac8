#include "node/push_spool.hpp"

#include "config/clock.hpp"
#include "config/locator.hpp"
#include "config/values.hpp"
#include "strategies/unique_fd.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/random.h>
#include <sys/stat.h>

namespace farshore {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t note_bytes_max = 16 * 1024; // a path of 4 KiB, each byte as %XX
constexpr std::size_t set_aside_max = 100;
/// A note that is being written; nobody's who was cut off in it.
constexpr std::string_view unfinished = ".new-";
constexpr std::string_view mark = "updated ";

tl::unexpected<error> trouble(const fs::path& what, int why) {
  return fail(ec::disk, "\"" + what.string() + "\": " + std::strerror(why));
}

bool write_all(int fd, std::string_view text) {
  return ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
         ::fsync(fd) == 0;
}

fs::path aside_of(const fs::path& folder) {
  return folder.parent_path() / (folder.filename().string() + "-set-aside");
}

} // namespace

fs::path push_spool_of(const fs::path& data) {
  return data / "spool" / "hooks";
}

result<void> prepare_push_spool(const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder.parent_path(), failed);
  if (failed)
    return trouble(folder.parent_path(), failed.value());
  if (::mkdir(folder.c_str(), 0700) == 0) {
    if (::chmod(folder.c_str(), 01733) != 0 || ::chmod(folder.parent_path().c_str(), 0711) != 0)
      return trouble(folder, errno);
  } else if (errno != EEXIST) {
    return trouble(folder, errno);
  }
  return {};
}

result<void> leave_push_note(const fs::path& folder, const std::string& type,
                             const std::string& repository) {
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random)
    return trouble(folder, errno);
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
      system_time().wall().time_since_epoch());
  const auto name = fmt::format("{:020}-{:016x}", now.count(), random);
  const auto fresh = folder / (std::string{unfinished} + name);
  const unique_fd fd{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!fd)
    return trouble(folder, errno);
  // The node may be another user.
  const bool written =
      ::fchmod(fd.get(), 0644) == 0 &&
      write_all(fd.get(), std::string{mark} + type + " " + encode_locator(repository) + "\n");
  if (!written || ::rename(fresh.c_str(), (folder / name).c_str()) != 0) {
    const int why = errno;
    ::unlink(fresh.c_str());
    return trouble(folder, why);
  }
  // The folder can't be opened by whoever may only leave something; the file's own flush brings its
  // new name to the disk with it.
  if (::fsync(fd.get()) != 0)
    return trouble(folder, errno);
  return {};
}

result<std::vector<push_note>> push_spool::read(std::size_t limit) {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::directory_iterator at{folder_, failed}, end; !failed && at != end; at.increment(failed))
    if (auto name = at->path().filename().string();
        !name.starts_with(unfinished) && !stuck_.contains(name))
      names.push_back(std::move(name));
  if (failed)
    return trouble(folder_, failed.value());
  std::ranges::sort(names);
  names.resize(std::min(names.size(), limit));
  std::vector<push_note> notes;
  for (const auto& name : names)
    if (auto note = read_one(name))
      notes.push_back(std::move(*note));
    else
      set_aside(name, note.error().message);
  return notes;
}

result<push_note> push_spool::read_one(const std::string& file) const {
  const auto path = folder_ / file;
  const unique_fd fd{::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  struct stat there {};
  if (!fd || ::fstat(fd.get(), &there) != 0)
    return trouble(path, errno);
  std::string text(note_bytes_max + 1, '\0');
  const auto got =
      S_ISREG(there.st_mode) ? ::pread(fd.get(), text.data(), text.size(), 0) : ssize_t{-1};
  if (got < 0 || static_cast<std::size_t>(got) > note_bytes_max)
    return fail(ec::disk, "it is no file of a hook's");
  text.resize(static_cast<std::size_t>(got));
  const std::string_view line{text};
  const auto gap = line.find(' ', mark.size());
  if (!line.starts_with(mark) || gap == std::string_view::npos || !line.ends_with('\n'))
    return fail(ec::disk, "it is no note of a hook's");
  push_note note{file, std::string{line.substr(mark.size(), gap - mark.size())}, {}};
  auto repository = decode_locator(line.substr(gap + 1, line.size() - gap - 2));
  if (!check_type_name(note.type).empty() || !repository || !repository->starts_with('/') ||
      repository->find('\0') != std::string::npos)
    return fail(ec::disk, "it names no type and folder");
  note.repository = std::move(*repository);
  return note;
}

void push_spool::remove(const std::string& file) {
  const auto path = folder_ / file;
  if (::unlink(path.c_str()) == 0 || errno == ENOENT)
    return;
  stuck_.insert(file);
  spdlog::warn("a hook's note \"{}\" can't be removed: {}", path.string(), std::strerror(errno));
}

void push_spool::set_aside(const std::string& file, const std::string& why) {
  const auto aside = aside_of(folder_);
  ::mkdir(aside.c_str(), 0700);
  const auto path = folder_ / file;
  if (::rename(path.c_str(), (aside / file).c_str()) != 0) {
    stuck_.insert(file);
    spdlog::warn("\"{}\" is no note of a hook's ({}), and can't be moved away: {}", path.string(),
                 why, std::strerror(errno));
    return;
  }
  spdlog::warn("\"{}\" was set aside in \"{}\": {}", path.string(), aside.string(), why);
  std::vector<fs::path> kept;
  std::error_code failed;
  for (fs::directory_iterator at{aside, failed}, end; !failed && at != end; at.increment(failed))
    kept.push_back(at->path());
  if (kept.size() <= set_aside_max)
    return;
  std::ranges::sort(kept);
  for (std::size_t i = 0; i < kept.size() - set_aside_max; ++i)
    fs::remove_all(kept[i], failed);
}

} // namespace farshore
