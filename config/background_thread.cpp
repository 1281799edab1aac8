#include "config/background_thread.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace farshore {

namespace {

constexpr int niceness = 10;
// <linux/ioprio.h> came with 5.15's headers: class "best effort", the last of its eight levels.
constexpr int io_of_process = 1;
constexpr int io_last_of_best_effort = 2 << 13 | 7;

} // namespace

void give_way_to_others() {
  const auto thread = static_cast<id_t>(::syscall(SYS_gettid));
  static_cast<void>(::setpriority(PRIO_PROCESS, thread, niceness));
  static_cast<void>(::syscall(SYS_ioprio_set, io_of_process, 0, io_last_of_best_effort));
}

} // namespace farshore
