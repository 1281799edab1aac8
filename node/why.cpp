#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "node/fields.hpp"
#include "node/text_table.hpp"

#include <ostream>

#include <boost/json.hpp>

namespace farshore {

namespace {

using boost::json::value;

std::string or_dash(std::string text) {
  return text.empty() ? "-" : std::move(text);
}

void print_facts(const value& document, bool primary, std::ostream& out) {
  const auto text = [&](std::string_view path) {
    return or_dash(one_line(text_at(document, path)));
  };
  const auto number = [&](std::string_view path) { return std::to_string(int_at(document, path)); };
  text_table table{{{""}, {""}}};
  table.add({"key", text("/record/key")});
  if (primary) {
    table.add({"revision", number("/record/revision")});
    table.add({"checksum", text("/record/verification_checksum")});
    table.add({"failures", number("/record/verification_retry_count")});
    table.add({"next try", text("/record/verification_retry_at")});
  } else {
    table.add({"locator", text("/record/locator")});
    table.add({"state", text("/record/state") + ", " + text("/record/verification_state")});
    table.add({"revision",
               number("/record/target_revision") + "; here " + number("/record/synced_revision")});
    table.add({"checksum here", text("/record/checksum")});
    table.add({"on the primary", text("/record/primary_checksum")});
    table.add({"failures", number("/record/retry_count")});
    table.add({"next try", text("/record/retry_at")});
  }
  table.print(out);
}

} // namespace

int why_command(const site_access& site, const why_options& options, console io) {
  const bool primary = site.settings.role == site_role::primary;
  const auto route = std::string{"/api/v1/"} + (primary ? "verification/" : "registry/");
  const auto story =
      site.call({"GET", route + options.type + "/" + std::to_string(options.record)});
  if (!story)
    return report(story.error(), site, io);
  if (options.as_json) {
    io.out << boost::json::serialize(*story) << '\n';
    return exit_code::done;
  }
  io.out << options.type << ' ' << options.record << ": " << one_line(text_at(*story, "/summary"))
         << '\n';
  if (const auto cause = one_line(text_at(*story, "/cause")); !cause.empty())
    io.out << "cause: " << cause << '\n';
  io.out << "next:  " << one_line(text_at(*story, "/next_step")) << "\n\n";
  print_facts(*story, primary, io.out);
  io.out << '\n';
  for (const auto& event : list_at(*story, "/story"))
    io.out << text_at(event, "/at") << "  " << one_line(text_at(event, "/what")) << '\n';
  return exit_code::done;
}

} // namespace farshore
