#include "strategies/repository/upkeep.hpp"

#include "config/values.hpp"
#include "strategies/beneath.hpp"
#include "strategies/file_errors.hpp"
#include "strategies/repository/git_program.hpp"
#include "strategies/repository/mirror.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace farshore {

namespace {

/// A pack of this size is not written again for the sake of twenty small ones. What nothing leads
/// to any more stays in it.
constexpr std::uint64_t large_pack_bytes = 256u << 20;
/// git gc says nothing while it works, and whoever needs the mirror breaks it off anyway.
constexpr std::chrono::hours silence{6};
constexpr std::size_t said_bytes_max = 400;

/// What a repository that was here before us may say otherwise, and what git's own defaults are
/// not.
std::vector<std::string> with_settings(std::vector<std::string> command) {
  std::vector<std::string> all;
  for (std::string_view setting : {
           // It removes what it has copied: that copy has to be on the disk.
           "core.fsync=objects,derived-metadata",
           "core.commitGraph=true",
           // In memory it is to be as small as it can be.
           "core.bigFileThreshold=64m",
           "pack.threads=1",
           "pack.windowMemory=128m",
           "pack.deltaCacheSize=16m",
           "pack.packSizeLimit=0",
           "repack.updateServerInfo=false",
           "gc.packRefs=false",
           "gc.writeCommitGraph=true",
           // Else what nothing leads to becomes a file for each object.
           "gc.cruftPacks=true",
           "gc.pruneExpire=2.weeks.ago",
           "gc.repackFilter=",
       })
    all.insert(all.end(), {"-c", std::string{setting}});
  all.insert(all.end(), {"-c", fmt::format("gc.bigPackThreshold={}", large_pack_bytes)});
  all.insert(all.end(), command.begin(), command.end());
  return all;
}

result<unique_fd> open_folder(int repository, const std::string& path) {
  auto folder = open_beneath(repository, path, O_RDONLY | O_DIRECTORY, path_walk::by_kernel);
  if (!folder)
    return fail(ec::disk, file_error(folder.error(), fmt::format("open \"{}\"", path)).message);
  return std::move(*folder);
}

/// A repository that was here before us may have links in it, and git would clear up behind them.
result<void> demand_no_links(int repository) {
  for (const char* path : {"objects", "objects/pack", "objects/info"}) {
    const auto folder = open_folder(repository, path);
    if (!folder)
      return fail(folder.error());
    const auto names = names_in(folder->get());
    if (!names)
      return fail(names.error());
    for (const auto& one : *names) {
      struct stat there {};
      if (::fstatat(folder->get(), one.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
          S_ISLNK(there.st_mode))
        return fail(ec::disk, fmt::format("\"{}/{}\" is a symbolic link", path, one.name));
    }
  }
  return {};
}

/// Nothing of ours runs there: what git would wait for, or never look at again, is of one that was
/// killed. (One that outlived a killed node only fails by this, before it removes anything.)
void clear_leftovers(int repository) {
  for (const char* name : {"gc.pid", "gc.pid.lock"})
    (void)::unlinkat(repository, name, 0);
  if (const auto info = open_folder(repository, "objects/info"))
    (void)::unlinkat(info->get(), "commit-graph.lock", 0);
  const auto packs = open_folder(repository, "objects/pack");
  const auto names = packs ? names_in(packs->get()) : fail(packs.error());
  if (!names)
    return;
  const auto is_left = [&](const std::string& name) {
    if (name.starts_with("pack-")) { // the pack goes first, and comes first
      const auto pack = name.substr(0, name.find('.')) + ".pack";
      return std::ranges::find(*names, pack, &named::name) == names->end();
    }
    return name.starts_with("tmp_") || name.starts_with(".tmp-") || name == "multi-pack-index.lock";
  };
  for (const auto& one : *names)
    if (is_left(one.name))
      (void)::unlinkat(packs->get(), one.name.c_str(), 0);
}

/// A gc that ends between removing commits and writing the graph anew must not leave one that names
/// them: for git fsck that is damage.
void remove_commit_graph(int repository) {
  for (const auto& [folder, name] : {std::pair{"objects/info", "commit-graph"},
                                     std::pair{"objects/info/commit-graphs", "commit-graph-chain"}})
    if (const auto at = open_folder(repository, folder))
      (void)::unlinkat(at->get(), name, 0);
}

git_command command_in(int repository, std::vector<std::string> arguments,
                       const std::function<bool()>& cancelled) {
  git_command made;
  made.arguments = std::move(arguments);
  made.folder = repository;
  made.cancelled = cancelled;
  made.silence = silence;
  return made;
}

/// Newer versions of git run a program for gc where the configuration says so, and that can be
/// added to, but not taken back.
result<void> demand_no_program(int repository, const std::function<bool()>& cancelled) {
  const auto asked =
      run_git(command_in(repository, {"config", "--get-all", "gc.recentObjectsHook"}, cancelled));
  if (!asked)
    return fail(asked.error());
  if (asked->code == 0)
    return fail(ec::disk, "its configuration has gc.recentObjectsHook, which would run a program; "
                          "remove that");
  return {};
}

result<void> run_upkeep(int repository, upkeep_kind how, const std::function<bool()>& cancelled) {
  const bool is_whole = how == upkeep_kind::whole;
  if (is_whole)
    remove_commit_graph(repository);
  auto arguments = is_whole ? std::vector<std::string>{"gc"}
                            : std::vector<std::string>{"repack", "-d", "-l", "--geometric=2",
                                                       "--no-write-bitmap-index"};
  const auto ended =
      run_git(command_in(repository, with_settings(std::move(arguments)), cancelled));
  if (!ended)
    return fail(ended.error());
  if (ended->code == 0)
    return {};
  auto said = ended->complaints.substr(0, said_bytes_max);
  std::ranges::replace(said, '\n', ' ');
  return fail(ec::disk, fmt::format("git {} ends with code {}: {}", is_whole ? "gc" : "repack",
                                    ended->code, said));
}

} // namespace

result<small_packs> count_small_packs(int repository) {
  const auto folder = open_folder(repository, "objects/pack");
  const auto names = folder ? names_in(folder->get()) : fail(folder.error());
  if (!names)
    return fail(names.error());
  small_packs found;
  for (const auto& one : *names) {
    constexpr std::string_view ending = ".idx"; // without it a pack is none for git
    if (!one.name.ends_with(ending))
      continue;
    const auto stem = one.name.substr(0, one.name.size() - ending.size());
    struct stat there {};
    if (::fstatat(folder->get(), (stem + ".keep").c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0)
      continue; // git leaves it alone
    if (::fstatat(folder->get(), (stem + ".pack").c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    const auto bytes = static_cast<std::uint64_t>(there.st_size);
    if (bytes >= large_pack_bytes)
      continue;
    ++found.count;
    found.bytes += bytes;
  }
  return found;
}

result<void> keep_up_mirror(int repository, upkeep_kind how, std::uint64_t free_bytes,
                            const std::function<bool()>& cancelled) {
  if (auto no_links = demand_no_links(repository); !no_links)
    return no_links;
  clear_leftovers(repository);
  const auto packs = count_small_packs(repository);
  if (!packs)
    return fail(packs.error());
  if (free_bytes / 2 < packs->bytes)
    return fail(ec::no_space,
                fmt::format("{} of packs want to be copied, and the store has {} free",
                            readable_bytes(packs->bytes), readable_bytes(free_bytes)));
  if (auto no_program = demand_no_program(repository, cancelled); !no_program)
    return no_program;
  auto done = run_upkeep(repository, how, cancelled);
  if (!done)
    clear_leftovers(repository);
  return done;
}

} // namespace farshore
