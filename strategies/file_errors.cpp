#include "strategies/file_errors.hpp"

#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

namespace farshore {

namespace {

ec code_of(int error_number) {
  switch (error_number) {
  case ENOENT:
    return ec::not_found;
  case ELOOP:
  case ENOTDIR:
  case EISDIR:
  case ENAMETOOLONG:
    return ec::bad_locator;
  case ENOSPC:
  case EDQUOT:
    return ec::no_space;
  default:
    return ec::disk;
  }
}

std::string advice(int error_number) {
  switch (error_number) {
  case ENOSPC:
  case EDQUOT:
    return "; free some space";
  case EACCES:
  case EPERM:
    return fmt::format("; {} needs the right to do that", acting_user());
  case EROFS:
    return "; mount the file system for writing";
  case EIO:
    return "; look at the disk (the kernel's log says more)";
  case EMFILE:
  case ENFILE:
    return "; raise the limit of open files";
  case EXDEV:
    return "; a store must lie on one file system";
  case ELOOP:
    return "; Farshore follows no symbolic links within a store";
  default:
    return {};
  }
}

} // namespace

error file_error(int error_number, std::string_view what) {
  return {code_of(error_number),
          fmt::format("cannot {}: {}{}", what, std::generic_category().message(error_number),
                      advice(error_number))};
}

std::string acting_user() {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  const auto uid = ::geteuid();
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return fmt::format("uid {}", uid);
  return fmt::format("user {} (uid {})", found->pw_name, uid);
}

} // namespace farshore
