#include "config/secret.hpp"
#include "net/signing.hpp"
#include "node/commands.hpp"
#include "node/exit_codes.hpp"

#include <ostream>

namespace farshore {

int token_command(const config& settings, const token_options& options, console io) {
  if (!options.read) {
    io.err << "farshore: a token is for reading; write: farshore token --read\n";
    return exit_code::usage;
  }
  if (!is_reader_name(options.name)) {
    io.err << "farshore: --name is 1 to 64 of A-Z, a-z, 0-9, space and ._@+-\n";
    return exit_code::usage;
  }
  const auto secrets = load_secrets(settings);
  if (!secrets) {
    io.err << "farshore: " << secrets.error().message << '\n';
    return exit_code::usage;
  }
  io.out << make_read_token(secrets->front(), settings.site_name, options.name,
                            std::chrono::days{options.days}, system_time().wall())
         << '\n';
  return exit_code::done;
}

} // namespace farshore
