#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "node/fields.hpp"

#include <algorithm>
#include <ostream>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace farshore {

namespace {

constexpr std::chrono::milliseconds poll_pause{200};

} // namespace

int orphans_command(const site_access& site, const orphans_options& options,
                    const std::function<void(std::chrono::milliseconds)>& sleep, console io) {
  if (!has_role(site, site_role::secondary, "orphans", io))
    return exit_code::refused;
  const boost::json::object order{
      {"type", options.type}, {"remove", options.remove}, {"even_many", options.yes}};
  if (auto begun = site.call({"POST", "/api/v1/orphans", order}); !begun)
    return report(begun.error(), site, io);
  boost::json::value found;
  do {
    auto answer = site.call({"GET", "/api/v1/orphans"});
    if (!answer)
      return report(answer.error(), site, io);
    found = std::move(*answer);
    if (text_at(found, "/state") == "running")
      sleep(poll_pause);
  } while (text_at(found, "/state") == "running");
  const auto count = int_at(found, "/found");
  const auto removed = int_at(found, "/removed");
  const auto trouble = text_at(found, "/trouble");
  const bool done = text_at(found, "/state") == "done" && trouble.empty() && count == removed;
  const auto code = done ? exit_code::done : exit_code::no;
  if (options.as_json) {
    io.out << boost::json::serialize(found) << '\n';
    return code;
  }
  const auto& orphans = list_at(found, "/orphans");
  const auto shown = std::min(orphans.size(), options.limit);
  for (std::size_t i = 0; i < shown; ++i)
    io.out << one_line(text_at(orphans[i], "")) << '\n';
  if (static_cast<std::size_t>(count) > shown)
    io.out << "… and " << count - static_cast<std::int64_t>(shown) << " more\n";
  io.out << fmt::format("{} files, {} that no record names, {} removed\n", int_at(found, "/files"),
                        count, removed);
  if (bool_at(found, "/held"))
    io.err << "farshore: so many are not removed without a second word: look at them, then add "
              "--yes\n";
  if (!trouble.empty())
    io.err << "farshore: " << one_line(trouble) << '\n';
  return code;
}

} // namespace farshore
