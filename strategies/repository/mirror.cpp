#include "strategies/repository/mirror.hpp"

#include "strategies/beneath.hpp"
#include "strategies/file_errors.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

namespace farshore {

namespace {

constexpr int folder_flags = O_RDONLY | O_DIRECTORY;
constexpr std::size_t lock_beginning_bytes = 64;
/// git ignores traits that it does not know. Not "peeled": git peels tags by itself then.
constexpr std::string_view packed_title = "# pack-refs with: sorted farshore \n";
constexpr std::string_view head_lock = "HEAD.lock";

tl::unexpected<error> trouble(std::string_view verb, std::string_view name, int why = errno) {
  auto what = file_error(why, fmt::format("{} \"{}\" of the mirror", verb, name));
  if (what.code != ec::no_space)
    what.code = ec::disk;
  return fail(std::move(what));
}

unique_fd open_at(int folder, const std::string& name, int flags) {
  return unique_fd{::openat(folder, name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC)};
}

result<void> write_all(int fd, std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const auto n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno != EINTR)
      return trouble("write", name);
    text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  }
  return {};
}

result<unique_fd> create(int folder, const std::string& name, std::string_view text) {
  unique_fd fd{
      ::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644)};
  if (!fd)
    return trouble("make", name);
  if (auto written = write_all(fd.get(), text, name); !written)
    return fail(std::move(written).error());
  return fd;
}

result<void> flush_folder(int parent, const std::string& name) {
  const auto fd = open_at(parent, name, folder_flags);
  if (!fd || ::fsync(fd.get()) != 0)
    return trouble("flush", name);
  return {};
}

std::string packed_text(const std::vector<ref>& refs) {
  std::string text{packed_title};
  for (const auto& one : refs)
    text.append(one.oid).append(1, ' ').append(one.name).append(1, '\n');
  return text;
}

/// Removes the files beneath the folder and the folders that are empty then, not those at the top.
result<void> remove_loose(int folder, int depth) {
  const auto names = names_in(folder);
  if (!names)
    return fail(names.error());
  for (const auto& one : *names) {
    if (!one.is_folder) {
      if (::unlinkat(folder, one.name.c_str(), 0) != 0 && errno != ENOENT)
        return trouble("remove the loose ref", one.name);
      continue;
    }
    const auto below = open_at(folder, one.name, folder_flags);
    if (!below)
      return trouble("open", one.name);
    if (auto removed = remove_loose(below.get(), depth + 1); !removed)
      return removed;
    if (depth > 0)
      (void)::unlinkat(folder, one.name.c_str(), AT_REMOVEDIR);
  }
  return {};
}

int order_of(std::string_view name) {
  return name.ends_with(".pack") ? 0 : name.ends_with(".idx") ? 2 : 1;
}

} // namespace

result<std::vector<named>> names_in(int folder) {
  const int own = ::openat(folder, ".", folder_flags | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> listing{own < 0 ? nullptr : ::fdopendir(own),
                                                    ::closedir};
  if (!listing)
    return trouble("list", "a folder");
  std::vector<named> all;
  for (errno = 0; const auto* entry = ::readdir(listing.get()); errno = 0) {
    const std::string_view name{entry->d_name};
    if (name == "." || name == "..")
      continue;
    struct stat there {};
    const bool is_folder = entry->d_type == DT_DIR ||
                           (entry->d_type == DT_UNKNOWN &&
                            ::fstatat(folder, entry->d_name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
                            S_ISDIR(there.st_mode));
    all.push_back({std::string{name}, is_folder});
  }
  if (errno != 0)
    return trouble("list", "a folder");
  return all;
}

result<lying> what_lies_at(int store, const std::string& locator) {
  auto folder = open_beneath(store, locator, folder_flags, path_walk::by_kernel);
  if (!folder && folder.error() == ENOENT)
    return lying::nothing;
  if (!folder && (folder.error() == ENOTDIR || folder.error() == ELOOP)) {
    auto entry = open_entry_beneath(store, locator, path_walk::by_kernel);
    if (entry)
      return lying::other;
    return fail(ec::bad_locator, "what lies on the way is no folder; move it away");
  }
  if (!folder)
    return trouble("open", leaf_of(locator), folder.error());
  const auto is = [&](const char* name, mode_t kind) {
    struct stat there {};
    return ::fstatat(folder->get(), name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           (there.st_mode & S_IFMT) == kind;
  };
  const int parts = is("HEAD", S_IFREG) + is("objects", S_IFDIR) + is("refs", S_IFDIR);
  if (parts >= 2)
    return lying::repository;
  const auto names = names_in(folder->get());
  if (!names)
    return fail(names.error());
  return names->empty() ? lying::room : lying::other;
}

result<void> make_mirror(int folder, object_format format) {
  for (const char* name :
       {"objects", "objects/pack", "objects/info", "refs", "refs/heads", "refs/tags"})
    if (::mkdirat(folder, name, 0755) != 0)
      return trouble("make", name);
  const bool is_old = format == object_format::sha1;
  const auto config =
      fmt::format("[core]\n\trepositoryformatversion = {}\n\tfilemode = true\n"
                  "\tbare = true\n{}",
                  is_old ? 0 : 1, is_old ? "" : "[extensions]\n\tobjectformat = sha256\n");
  if (auto made = create(folder, "config", config); !made)
    return fail(std::move(made).error());
  if (auto made = create(folder, "HEAD", "ref: refs/heads/main\n"); !made)
    return fail(std::move(made).error());
  return {};
}

result<void> write_first_refs(int repository, const repository_refs& refs) {
  if (auto made = create(repository, "packed-refs", packed_text(refs.refs)); !made)
    return fail(std::move(made).error());
  if (auto made = create(repository, "HEAD", refs.head + '\n'); !made)
    return fail(std::move(made).error());
  return {};
}

result<void> flush_tree(int folder) {
  const auto names = names_in(folder);
  if (!names)
    return fail(names.error());
  for (const auto& one : *names) {
    const auto fd = open_at(folder, one.name, one.is_folder ? folder_flags : O_RDONLY);
    if (!fd)
      return trouble("open", one.name);
    if (one.is_folder) {
      if (auto flushed = flush_tree(fd.get()); !flushed)
        return flushed;
    } else if (::fsync(fd.get()) != 0) {
      return trouble("flush", one.name);
    }
  }
  return flush_folder(folder, ".");
}

result<void> move_packs(int quarantine, int repository) {
  const auto from = open_at(quarantine, "pack", folder_flags);
  const auto objects = open_at(repository, "objects", folder_flags);
  if (objects && ::mkdirat(objects.get(), "pack", 0755) != 0 && errno != EEXIST)
    return trouble("make", "objects/pack");
  const auto into = objects ? open_at(objects.get(), "pack", folder_flags) : unique_fd{};
  if (!from || !into)
    return trouble("open", "objects/pack");
  auto names = names_in(from.get());
  if (!names)
    return fail(std::move(names).error());
  std::ranges::stable_sort(*names, {}, [](const named& one) { return order_of(one.name); });
  for (const auto& [name, _] : *names)
    if (::renameat(from.get(), name.c_str(), into.get(), name.c_str()) != 0)
      return trouble("move", name);
  return {};
}

// -- refs -----------------------------------------------------------------------------------------

refs_change::~refs_change() {
  if (packed_)
    (void)::unlinkat(repository_, "packed-refs.lock", 0);
  if (head_)
    (void)::unlinkat(repository_, "HEAD.lock", 0);
}

/// It comes to be with its text in it, so that one which is left can be told from others' locks;
/// and locked, so that it can be told from one in use.
result<unique_fd> refs_change::lock(const char* name, const std::string& text) {
  const auto temporary = fmt::format("{}.farshore", name);
  auto fd = create(repository_, temporary, text);
  if (!fd)
    return fd;
  if (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0)
    return trouble("lock", temporary);
  for (bool again = true;; again = false) {
    if (::renameat2(repository_, temporary.c_str(), repository_, name, RENAME_NOREPLACE) == 0)
      return fd;
    if (errno != EEXIST || !again)
      break;
    const auto there = open_at(repository_, name, O_RDONLY);
    std::array<char, lock_beginning_bytes> beginning{};
    const auto n = there ? ::read(there.get(), beginning.data(), beginning.size()) : 0;
    const std::string_view said{beginning.data(),
                                static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
    const bool is_ours = name == head_lock || said.starts_with(packed_title);
    if (there && (!is_ours || ::flock(there.get(), LOCK_EX | LOCK_NB) != 0)) {
      errno = EEXIST;
      break;
    }
    if (::unlinkat(repository_, name, 0) != 0 && errno != ENOENT)
      break;
  }
  const int why = errno;
  (void)::unlinkat(repository_, temporary.c_str(), 0);
  if (why == EEXIST)
    return fail(ec::disk, fmt::format("\"{}\" is there: another program changes the mirror's refs; "
                                      "where none runs, remove the file",
                                      name));
  return trouble("make", name, why);
}

result<void> refs_change::prepare(int repository, const repository_refs& refs) {
  repository_ = repository;
  auto packed = lock("packed-refs.lock", packed_text(refs.refs));
  if (!packed)
    return fail(std::move(packed).error());
  packed_ = std::move(*packed);
  const auto now = read_refs(repository);
  if (now && now->head == refs.head)
    return {};
  auto head = lock("HEAD.lock", refs.head + '\n');
  if (!head)
    return fail(std::move(head).error());
  head_ = std::move(*head);
  return {};
}

result<void> refs_change::flush_prepared() {
  for (const auto* fd : {&packed_, &head_})
    if (*fd && ::fsync(fd->get()) != 0)
      return trouble("flush", "the new refs");
  const auto objects = open_at(repository_, "objects", folder_flags);
  if (!objects)
    return trouble("open", "objects");
  if (auto flushed = flush_folder(objects.get(), "pack"); !flushed)
    return flushed;
  return flush_folder(objects.get(), ".");
}

result<void> refs_change::rename_lock(const char* name) {
  const auto lock_name = fmt::format("{}.lock", name);
  if (::renameat(repository_, lock_name.c_str(), repository_, name) != 0)
    return trouble("replace", name);
  return {};
}

result<void> refs_change::commit() {
  if (auto renamed = rename_lock("packed-refs"); !renamed)
    return renamed;
  packed_ = {};
  if (head_) {
    if (auto renamed = rename_lock("HEAD"); !renamed)
      return renamed;
    head_ = {};
  }
  const auto refs = open_at(repository_, "refs", folder_flags);
  if (!refs)
    return trouble("open", "refs");
  return remove_loose(refs.get(), 0);
}

result<void> refs_change::flush_names() {
  if (auto flushed = flush_folder(repository_, "."); !flushed)
    return flushed;
  return flush_folder(repository_, "refs");
}

} // namespace farshore
