#include "strategies/repository/workshop.hpp"

#include "strategies/beneath.hpp"
#include "strategies/file_errors.hpp"
#include "strategies/repository/mirror.hpp"
#include "strategies/repository/upkeep.hpp"

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace farshore {

namespace {

constexpr const char* temps_path = ".farshore/tmp";

tl::unexpected<error> trouble(std::string_view verb, std::string_view what, int why = errno) {
  auto found = file_error(why, fmt::format("{} \"{}\"", verb, what));
  if (found.code == ec::not_found)
    found.code = ec::disk;
  return fail(std::move(found));
}

} // namespace

workshop::workshop(const replicable_type& type, std::shared_ptr<store_files> files)
    : type_{type.name},
      path_{type.store},
      repository_bytes_max_{type.max_repository_size},
      files_{std::move(files)} {}

result<int> workshop::root() {
  const std::lock_guard lock{mutex_};
  if (!root_) {
    root_ = unique_fd{::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (!root_)
      return fail(
          ec::disk,
          file_error(errno, fmt::format("open the store's folder {}", path_.string())).message);
  }
  return root_.get();
}

result<unique_fd> workshop::temps() {
  auto at = root();
  if (!at)
    return fail(std::move(at).error());
  auto fd = open_beneath(*at, temps_path, O_PATH | O_DIRECTORY, path_walk::by_kernel);
  if (!fd)
    return trouble("open", temps_path, fd.error());
  return std::move(*fd);
}

result<void> workshop::sweep() {
  const std::lock_guard lock{mutex_};
  // Not a second time: by then our own workers have temporary folders.
  if (std::exchange(swept_, true))
    return {};
  auto names = files_->list_temps();
  if (!names)
    return fail(std::move(names).error());
  for (const auto& name : *names)
    if (name.starts_with(type_ + "-")) // types may share a store: others' are theirs to sweep
      remove_temp(name);
  return {};
}

std::string workshop::temp_name(const sync_job& job, const char* what) {
  return fmt::format("{}-{}-{}-{}.{}", type_, job.id.record, job.token, ++names_, what);
}

std::filesystem::path workshop::temp_path(const std::string& name) const {
  return path_ / temps_path / name;
}

result<unique_fd> workshop::make_temp(const std::string& name) {
  auto at = temps();
  if (!at)
    return at;
  if (::mkdirat(at->get(), name.c_str(), 0755) != 0)
    return trouble("make the folder", name);
  unique_fd fd{::openat(at->get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!fd)
    return trouble("open", name);
  return fd;
}

void workshop::remove_temp(const std::string& name) const {
  std::error_code ignored;
  std::filesystem::remove_all(temp_path(name), ignored);
}

result<void> workshop::place(const std::string& name, const std::string& locator) {
  const auto at = root();
  if (!at)
    return fail(at.error());
  const auto there = what_lies_at(*at, locator);
  if (!there)
    return fail(there.error());
  if (*there == lying::other)
    return fail(ec::bad_locator, "what lies there is no repository; move it away");
  const auto from = temps();
  if (!from)
    return fail(from.error());
  const auto into = make_folders_beneath(*at, parent_of(locator), 0755, path_walk::by_kernel);
  if (!into)
    return trouble("make the folders above", locator, into.error());
  const auto leaf = leaf_of(locator);
  // A plain rename takes the place of an empty folder, and of nothing else.
  const bool swaps = *there == lying::repository;
  const int done =
      swaps ? ::renameat2(from->get(), name.c_str(), into->get(), leaf.c_str(), RENAME_EXCHANGE)
            : ::renameat(from->get(), name.c_str(), into->get(), leaf.c_str());
  if (done == 0)
    return {};
  if (!swaps || errno != EINVAL)
    return trouble("bring the new repository to", locator);
  // A file system that can't swap.
  const auto old = name + ".old";
  if (::renameat(into->get(), leaf.c_str(), from->get(), old.c_str()) != 0 ||
      ::renameat(from->get(), name.c_str(), into->get(), leaf.c_str()) != 0)
    return trouble("bring the new repository to", locator);
  remove_temp(old);
  return {};
}

result<void> workshop::move(const std::string& from, const std::string& to) {
  const auto at = root();
  if (!at)
    return fail(at.error());
  const auto above = open_beneath(*at, parent_of(from), O_PATH | O_DIRECTORY, path_walk::by_kernel);
  if (!above)
    return trouble("open the folder above", from, above.error());
  const auto into = make_folders_beneath(*at, parent_of(to), 0755, path_walk::by_kernel);
  if (!into)
    return trouble("make the folders above", to, into.error());
  if (::renameat(above->get(), leaf_of(from).c_str(), into->get(), leaf_of(to).c_str()) != 0)
    return trouble("move a repository to", to);
  return {};
}

result<void> workshop::take(const std::string& locator, const std::string& name) {
  const auto at = root();
  if (!at)
    return fail(at.error());
  const auto into = temps();
  if (!into)
    return fail(into.error());
  const auto from =
      open_beneath(*at, parent_of(locator), O_PATH | O_DIRECTORY, path_walk::by_kernel);
  if (!from)
    return trouble("open the folder above", locator, from.error());
  if (::renameat(from->get(), leaf_of(locator).c_str(), into->get(), name.c_str()) != 0 &&
      errno != ENOENT)
    return trouble("take away", locator);
  return {};
}

void workshop::distrust(record_id record) {
  const std::lock_guard lock{mutex_};
  distrusted_.insert(record);
}

void workshop::trust(record_id record) {
  const std::lock_guard lock{mutex_};
  distrusted_.erase(record);
}

bool workshop::is_trusted(record_id record) {
  const std::lock_guard lock{mutex_};
  return !distrusted_.contains(record);
}

void workshop::look_for_upkeep(int repository, const std::string& locator) {
  {
    const std::lock_guard lock{mutex_};
    if (!swept_) // never prepared: a primary's store, which is only read
      return;
  }
  const auto packs = count_small_packs(repository);
  if (packs && packs->count >= packs_due)
    turns_.note({locator});
}

} // namespace farshore
