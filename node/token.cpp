#include "config/secret.hpp"
#include "net/person.hpp"
#include "net/signing.hpp"
#include "node/commands.hpp"
#include "node/exit_codes.hpp"

#include <ostream>

namespace farshore {

int token_command(const config& settings, const token_options& options, console io) {
  if (options.read + options.viewer + options.operating != 1) {
    io.err << "farshore: say what the token is for: --read, --viewer or --operator\n";
    return exit_code::usage;
  }
  const std::string name = !options.name.empty() ? options.name
                           : options.read        ? "reader"
                           : options.viewer      ? "viewer"
                                                 : "operator";
  if (!is_reader_name(name)) {
    io.err << "farshore: --name is 1 to 64 of A-Z, a-z, 0-9, space and ._@+-\n";
    return exit_code::usage;
  }
  const auto secrets = load_secrets(settings);
  if (!secrets) {
    io.err << "farshore: " << secrets.error().message << '\n';
    return exit_code::usage;
  }
  const auto& secret = secrets->front();
  const auto level = options.operating ? person_level::operating : person_level::viewer;
  const std::chrono::days life{options.days};
  const auto now = system_time().wall();
  io.out << (options.read ? make_read_token(secret, settings.site_name, name, life, now)
                          : make_person_token(secret, settings.site_name, {name, level}, life, now))
         << '\n';
  return exit_code::done;
}

} // namespace farshore
