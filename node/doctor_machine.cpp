// Checks of the machine: folders, space, limits.

#include "net/http_server.hpp"
#include "node/doctor.hpp"
#include "node/fields.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <map>

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace farshore {

namespace fs = std::filesystem;

namespace {

/// Beneath this a database can't be trusted to go on.
constexpr std::uintmax_t data_bytes_min = 1u << 30;
/// Database, sockets, logs, watchers: what a node opens besides sessions and transfers.
constexpr std::size_t other_files = 128;
constexpr std::chrono::seconds walk_time{2};

std::string why_not(const fs::path& folder, int rights) {
  if (::access(folder.c_str(), rights) == 0)
    return {};
  return fmt::format("\"{}\": {}", folder.string(), std::strerror(errno));
}

std::string as_whom() {
  return ::geteuid() == 0 ? " (looked at as root, who may do all: run the doctor as the node's "
                            "user)"
                          : "";
}

} // namespace

doctor_finding check_data(patient& of) {
  if (auto why = why_not(of.settings.data, R_OK | W_OK | X_OK); !why.empty())
    return wrong("[site] data " + why + "; the node's user must own it");
  return all_well(of.settings.data.string() + " can be written" + as_whom());
}

doctor_finding check_stores(patient& of) {
  std::string troubles;
  std::string unmade;
  const auto add = [](std::string& list, const std::string& what) {
    list += (list.empty() ? "" : "; ") + what;
  };
  for (const auto& type : of.settings.types) {
    if (!type.enabled)
      continue;
    const int rights = of.is_primary() ? R_OK | X_OK : R_OK | W_OK | X_OK;
    if (auto why = why_not(type.store, rights); !why.empty())
      add(troubles, type.name + ": store " + why);
    else if (std::error_code failed;
             !of.is_primary() && !fs::exists(type.store / ".farshore" / "identity", failed))
      add(unmade, type.name);
  }
  if (!troubles.empty())
    return wrong(troubles + (of.is_primary() ? "; the node's user must be able to read it"
                                             : "; the node's user must be able to write there"));
  if (!unmade.empty() && of.status())
    return wrong(unmade + ": no .farshore/identity in the store, though the node runs: was the "
                          "folder emptied, or another disk mounted over it? Restart the node once "
                          "the right one is there");
  return all_well((of.is_primary() ? "all can be read" : "all can be written") +
                  (unmade.empty() ? "" : "; not used yet: " + unmade) + as_whom());
}

doctor_finding check_space(patient& of) {
  std::error_code failed;
  const auto data = fs::space(of.settings.data, failed);
  if (failed)
    return wrong("[site] data: " + failed.message());
  auto text = readable_bytes(data.available) + " free for the data folder";
  if (data.available < data_bytes_min)
    return wrong(text + ": make room, the database needs some");
  if (of.is_primary())
    return all_well(text);
  // Stores on one file system share what is free.
  std::map<dev_t, std::uintmax_t> free;
  for (const auto& type : of.settings.types) {
    struct stat found {};
    if (::stat(type.store.c_str(), &found) == 0)
      if (const auto space = fs::space(type.store, failed); !failed)
        free[found.st_dev] = space.available;
  }
  std::uintmax_t available = 0;
  for (const auto& [device, bytes] : free)
    available += bytes;
  text += ", " + readable_bytes(available) + " for the stores";
  if (of.database() == nullptr)
    return all_well(text + "; what is still to come is not known");
  const auto missing = of.database()->not_here_yet();
  if (!missing)
    return wrong(missing.error().message);
  if (!*missing)
    return all_well(text + "; what is still to come is not known");
  const auto& open = **missing;
  text += fmt::format("; {} records, {} are still to come", open.records,
                      readable_bytes(static_cast<std::uint64_t>(open.bytes)));
  if (open.of_unknown_size > 0)
    text += fmt::format(" ({} of them of unknown size)", open.of_unknown_size);
  return static_cast<std::uintmax_t>(open.bytes) > available
             ? wrong(text + ": make room before the stores are full")
             : all_well(text);
}

doctor_finding check_open_files(patient& of) {
  const auto needed = of.settings.capacity + http_server_settings{}.sessions_max +
                      2 * of.settings.connections + other_files;
  std::uint64_t limit = 0;
  std::string whose = "the node's";
  if (const auto& process = of.process()) {
    limit = uint_at(*process, "/open_files/limit");
  } else {
    rlimit here{};
    ::getrlimit(RLIMIT_NOFILE, &here);
    limit = here.rlim_cur;
    whose = "this shell's";
  }
  const auto text = fmt::format("{} limit is {}, a node of this configuration needs up to {}",
                                whose, limit, needed);
  return limit < needed
             ? wrong(text + fmt::format(": set LimitNOFILE={} in its unit, or ulimit -n {}, or "
                                        "lower [limits] capacity",
                                        needed, needed))
             : all_well(text);
}

doctor_finding check_watches(patient& of) {
  std::uint64_t watches = 0;
  std::ifstream{"/proc/sys/fs/inotify/max_user_watches"} >> watches;
  std::uint64_t folders = 0;
  bool all = true;
  const auto until = std::chrono::steady_clock::now() + walk_time;
  for (const auto& type : of.settings.types) {
    if (!type.scanned())
      continue;
    std::error_code failed;
    fs::recursive_directory_iterator entry{type.store,
                                           fs::directory_options::skip_permission_denied, failed};
    for (; !failed && entry != fs::recursive_directory_iterator{}; entry.increment(failed)) {
      folders += entry->is_directory(failed) ? 1 : 0;
      if (std::chrono::steady_clock::now() > until) {
        all = false;
        break;
      }
    }
  }
  const auto text = fmt::format("{}{} folders in the scanned stores, {} may be watched",
                                all ? "" : "at least ", folders, watches);
  return folders > watches
             ? wrong(text + fmt::format(": sysctl fs.inotify.max_user_watches={}", folders * 2))
             : all_well(text);
}

} // namespace farshore
