#include "net/process_json.hpp"

#include <filesystem>

#include <sys/resource.h>
#include <unistd.h>

namespace farshore {

boost::json::value process_json() {
  std::error_code failed;
  std::int64_t used = 0;
  for (std::filesystem::directory_iterator entry{"/proc/self/fd", failed}, end;
       !failed && entry != end; entry.increment(failed))
    ++used;
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  return {{"pid", ::getpid()},
          {"user_id", ::geteuid()},
          {"open_files", {{"used", used}, {"limit", files.rlim_cur}}}};
}

} // namespace farshore
