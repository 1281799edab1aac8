#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "node/push_listener.hpp"
#include "node/push_spool.hpp"

#include <cstdlib>
#include <fstream>
#include <ostream>
#include <sstream>

#include <unistd.h>

namespace farshore {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view mark = "# Installed by `farshore hook install`";
constexpr std::string_view before_suffix = ".before-farshore";

/// For the shell, whatever is in it.
std::string for_shell(std::string_view text) {
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' ? std::string{"'\\''"} : std::string{c};
  return out + "'";
}

std::string script(const std::string& type, const fs::path& spool, const fs::path& program) {
  return "#!/bin/sh\n" + std::string{mark} +
         ": tells Farshore of a push, after what was\n"
         "# here before it. The push waits for no network, and is never refused by it.\n"
         "updates=$(cat)\n"
         "status=0\n"
         "if [ -x \"$0" +
         std::string{before_suffix} +
         "\" ]; then\n"
         "  printf '%s\\n' \"$updates\" | \"$0" +
         std::string{before_suffix} +
         "\" \"$@\"\n"
         "  status=$?\n"
         "fi\n" +
         for_shell(program.string()) + " hook post-receive --type " + for_shell(type) +
         " --spool " + for_shell(spool.string()) +
         " || :\n"
         "exit $status\n";
}

std::string content_of(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

bool is_bare_repository(const fs::path& folder) {
  std::error_code failed;
  return fs::is_directory(folder / "objects", failed) &&
         fs::is_directory(folder / "refs", failed) && fs::exists(folder / "HEAD", failed);
}

/// What was done, or why it can't be.
result<std::string> install(const fs::path& repository, const std::string& text) {
  const auto hooks = repository / "hooks";
  const auto hook = hooks / "post-receive";
  const auto before = hooks / ("post-receive" + std::string{before_suffix});
  std::error_code failed;
  fs::create_directory(hooks, failed);
  const bool there = fs::exists(fs::symlink_status(hook, failed));
  const auto now = there ? content_of(hook) : std::string{};
  const bool ours = now.find(mark) != std::string::npos;
  if (now == text)
    return std::string{"is there already"};
  if (there && !ours) {
    if (fs::exists(fs::symlink_status(before, failed)))
      return fail(ec::disk, "there are both a hook and a " + before.filename().string() +
                                "; remove one of them");
    fs::rename(hook, before, failed);
    if (failed)
      return fail(ec::disk, "the hook that is there can't be moved: " + failed.message());
  }
  const auto fresh = hooks / ".post-receive.farshore-new";
  std::ofstream out{fresh, std::ios::trunc | std::ios::binary};
  out << text;
  out.close();
  fs::permissions(fresh, static_cast<fs::perms>(0755), failed);
  if (!out || failed)
    return fail(ec::disk, "\"" + fresh.string() + "\" can't be written");
  fs::rename(fresh, hook, failed);
  if (failed)
    return fail(ec::disk, "\"" + hook.string() + "\" can't be written: " + failed.message());
  return std::string{there && !ours ? "is installed; the hook that was there runs before it"
                                    : "is installed"};
}

} // namespace

int hook_install_command(const config& settings, const hook_install_options& options, console io) {
  if (settings.role != site_role::primary) {
    io.err << "farshore: hook install is for the primary, where pushes are taken\n";
    return exit_code::refused;
  }
  const auto* type = settings.find_type(options.type);
  if (!type) {
    io.err << "farshore: no replicable type \"" << options.type << "\" is declared here\n";
    return exit_code::no;
  }
  const auto spool = push_spool_of(settings.data);
  if (auto made = prepare_push_spool(spool); !made) {
    io.err << "farshore: the hooks' spool can't be made: " << made.error().message
           << "; run this as the node's user, or start the node once\n";
    return exit_code::no;
  }
  std::error_code failed;
  const auto program = fs::read_symlink("/proc/self/exe", failed);
  const auto text = script(type->name, spool, program);
  int status = exit_code::done;
  for (const auto& repository : options.repositories) {
    result<std::string> done = fail(ec::disk, "it is no bare repository");
    if (is_bare_repository(repository))
      done = locator_beneath(type->store, repository)
                 ? install(repository, text)
                 : result<std::string>{fail(ec::disk, "it does not lie in the store of type " +
                                                          type->name + ", \"" +
                                                          type->store.string() + "\"")};
    if (done)
      io.out << repository.string() << ": the hook " << *done << '\n';
    else
      io.err << "farshore: " << repository.string() << ": " << done.error().message << '\n';
    if (!done)
      status = exit_code::no;
  }
  return status;
}

int post_receive_command(const post_receive_options& options, console io) {
  const auto* folder = std::getenv("GIT_DIR");
  std::error_code failed;
  const auto repository = fs::canonical(folder != nullptr ? folder : ".", failed);
  auto left = failed ? result<void>{fail(ec::disk, failed.message())}
                     : leave_push_note(options.spool, options.type, repository.string());
  if (left)
    return exit_code::done;
  // git shows it to whoever pushed.
  io.err << "farshore: the push is in, and its copies hear of it later: " << left.error().message
         << '\n';
  return exit_code::no;
}

} // namespace farshore
