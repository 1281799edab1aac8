#include "node/commands.hpp"
#include "node/exit_codes.hpp"

#include <ostream>

namespace farshore {

int check_command(const std::filesystem::path& config_file, console io) {
  auto loaded = load_config(config_file);
  for (const auto& mistake : loaded.mistakes)
    io.out << to_string(mistake) << '\n';
  if (!loaded.mistakes.empty())
    return exit_code::no;
  const auto& settings = loaded.settings;
  io.out << config_file.string() << ": good; site \"" << settings.site_name << "\", "
         << (settings.role == site_role::primary ? "primary" : "secondary") << ", "
         << settings.types.size() << " replicable type" << (settings.types.size() == 1 ? "" : "s")
         << '\n';
  show_missing_columns(settings, io.out);
  return exit_code::done;
}

} // namespace farshore
