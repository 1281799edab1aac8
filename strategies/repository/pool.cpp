#include "strategies/repository/pool.hpp"

#include "config/locator.hpp"
#include "strategies/file_errors.hpp"
#include "strategies/repository/mirror.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace farshore {

namespace {

/// The pool's gc may replace packs while they are shared; each time it makes fewer.
constexpr int rounds_max = 5;
constexpr std::string_view kept_why = "shared with the repository's pool\n";

unique_fd open_packs(int repository) {
  return unique_fd{
      ::openat(repository, "objects/pack", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
}

tl::unexpected<error> trouble(std::string_view what, std::string_view name, int why) {
  auto found = file_error(why, fmt::format("{} \"{}\" of the pool", what, name));
  if (found.code != ec::no_space)
    found.code = ec::disk;
  return fail(std::move(found));
}

/// The packs' names, without ending.
result<std::vector<std::string>> packs_in(int folder) {
  const auto names = names_in(folder);
  if (!names)
    return fail(names.error());
  std::vector<std::string> stems;
  for (const auto& one : *names)
    if (constexpr std::string_view ending = ".idx";
        one.name.starts_with("pack-") && one.name.ends_with(ending))
      stems.push_back(one.name.substr(0, one.name.size() - ending.size()));
  return stems;
}

std::filesystem::path path_of(int folder, const std::string& name) {
  return std::filesystem::path{"/proc/self/fd"} / std::to_string(folder) / name;
}

/// 0, or why not.
int link_or_copy(int from, int into, const std::string& name) {
  if (::linkat(from, name.c_str(), into, name.c_str(), 0) == 0 || errno == EEXIST)
    return 0;
  if (errno == ENOENT)
    return ENOENT;
  std::error_code failed; // too many links, or a file system without any
  std::filesystem::copy_file(path_of(from, name), path_of(into, name), failed);
  return failed.value();
}

/// False: the pack has gone meanwhile.
result<bool> share(int from, int into, const std::string& stem) {
  const auto keep = stem + ".keep";
  const unique_fd note{
      ::openat(into, keep.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0444)};
  if (!note || ::write(note.get(), kept_why.data(), kept_why.size()) < 0)
    return trouble("keep", keep, errno);
  // The index last: with it git sees the pack.
  for (const char* ending : {".pack", ".rev", ".idx"}) {
    const auto name = stem + ending;
    const auto why = link_or_copy(from, into, name);
    if (why == ENOENT && std::string_view{ending} == ".rev")
      continue; // it may have none
    if (why == ENOENT)
      return false;
    if (why != 0)
      return trouble("share", name, why);
  }
  return true;
}

void drop(int folder, const std::string& stem) {
  for (const char* ending : {".idx", ".rev", ".pack", ".keep"})
    (void)::unlinkat(folder, (stem + ending).c_str(), 0);
}

} // namespace

std::optional<std::string> pool_of(const sync_job& job, const std::string& own) {
  if (job.pool.empty() || job.force || job.tries >= pool_tries_max)
    return std::nullopt;
  auto locator = decode_locator(job.pool);
  if (!locator || !check_locator(*locator) || *locator == own)
    return std::nullopt;
  return std::move(*locator);
}

std::optional<pool> open_pool(int store, const std::string& locator) {
  auto folder = open_repository(store, locator);
  if (!folder)
    return std::nullopt;
  auto refs = read_refs(folder->get());
  if (!refs)
    return std::nullopt;
  return pool{std::move(*folder), std::move(*refs)};
}

result<void> share_packs(const pool& from, int mirror) {
  const auto source = open_packs(from.folder.get());
  const auto into = open_packs(mirror);
  if (!source || !into)
    return trouble("open", "objects/pack", errno);
  for (int round = 0; round < rounds_max; ++round) {
    const auto stems = packs_in(source.get());
    if (!stems)
      return fail(stems.error());
    bool all = true;
    for (const auto& stem : *stems) {
      const auto shared = share(source.get(), into.get(), stem);
      if (!shared)
        return fail(shared.error());
      if (!*shared)
        drop(into.get(), stem);
      all = all && *shared;
    }
    if (all)
      return {};
  }
  return fail(ec::disk, "the packs of its pool are replaced all the time");
}

} // namespace farshore
