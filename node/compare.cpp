#include "node/commands.hpp"
#include "node/exit_codes.hpp"
#include "node/fields.hpp"
#include "node/text_table.hpp"
#include "registry/record_digest.hpp"

#include <map>
#include <ostream>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace farshore {

namespace {

using boost::json::value;

constexpr std::chrono::milliseconds poll_pause{200};

std::string explained(const value& difference) {
  const auto what = text_at(difference, "/what");
  if (what == "missing_here")
    return "missing here";
  if (what == "only_here")
    return "only here";
  if (what == "other_locator")
    return "lies elsewhere: " + text_at(difference, "/here/locator");
  if (what == "other_revision")
    return fmt::format("revision {} here, {} on the primary", int_at(difference, "/here/revision"),
                       int_at(difference, "/there/revision"));
  if (what == "other_checksum")
    return "checksum " + text_at(difference, "/here/checksum").substr(0, 12) + "… here, " +
           text_at(difference, "/there/checksum").substr(0, 12) + "… on the primary";
  return "not good here: " + text_at(difference, "/fault");
}

void print_type(const value& type, std::ostream& out) {
  const auto name = text_at(type, "/name");
  if (const auto trouble = text_at(type, "/trouble"); !trouble.empty()) {
    out << name << ": not compared: " << one_line(trouble) << '\n';
    return;
  }
  if (bool_at(type, "/equal")) {
    out << fmt::format("{}: equal, {} records, digest {}\n", name, int_at(type, "/records_here"),
                       text_at(type, "/digest_here"));
  } else {
    const auto& differences = list_at(type, "/differences");
    out << fmt::format("{}: {}{} records differ; {} here, {} on the primary\n", name,
                       bool_at(type, "/more") ? "more than " : "", differences.size(),
                       int_at(type, "/records_here"), int_at(type, "/records_there"));
    text_table table{{{"record", text_table::align::right}, {"key"}, {"locator"}, {"what"}}};
    for (const auto& one : differences) {
      const auto there = text_at(one, "/there/locator");
      table.add({std::to_string(int_at(one, "/record_id")), one_line(text_at(one, "/key")),
                 there.empty() ? text_at(one, "/here/locator") : there, explained(one)});
    }
    if (!differences.empty())
      table.print(out);
  }
  if (const auto unknown = int_at(type, "/checksums_unknown"); unknown > 0)
    out << fmt::format("{}: of {} records one site alone knows the checksum yet\n", name, unknown);
}

int compare_on_secondary(const site_access& site, const compare_options& options,
                         const std::function<void(std::chrono::milliseconds)>& sleep, console io) {
  boost::json::object order{
      {"type", nullptr}, {"limit", options.limit}, {"patience_ms", options.patience.count()}};
  if (!options.type.empty())
    order["type"] = options.type;
  if (auto begun = site.call({"POST", "/api/v1/compare", std::move(order)}); !begun)
    return report(begun.error(), site, io);
  value found;
  do {
    auto answer = site.call({"GET", "/api/v1/compare"});
    if (!answer)
      return report(answer.error(), site, io);
    found = std::move(*answer);
    if (text_at(found, "/state") == "running")
      sleep(poll_pause);
  } while (text_at(found, "/state") == "running");
  const auto& types = list_at(found, "/types");
  // What began anew meanwhile has compared nothing.
  bool equal = text_at(found, "/state") == "done";
  for (const auto& type : types)
    equal = equal && bool_at(type, "/equal");
  const auto code = equal ? exit_code::done : exit_code::no;
  if (options.as_json) {
    io.out << boost::json::serialize(found) << '\n';
    return code;
  }
  for (const auto& type : types)
    print_type(type, io.out);
  if (options.type.empty())
    io.out << fmt::format("digest of site {}: {}, of its primary: {}\n", site.settings.site_name,
                          text_at(found, "/digest_here"), text_at(found, "/digest_there"));
  io.out << (equal ? "equal\n" : "not equal; farshore recheck puts right what no event told of\n");
  return code;
}

/// Adds up the pages of a type's digest.
tl::expected<record_digest, api_failure> read_digest(const site_access& site,
                                                     const std::string& type) {
  record_digest all;
  std::string target = "/api/v1/digest/" + type;
  for (auto next = target; !next.empty();) {
    auto answer = site.call({"GET", next});
    if (!answer)
      return tl::make_unexpected(answer.error());
    record_digest page;
    page.records = int_at(*answer, "/records");
    parse_sum(text_at(*answer, "/sum"), page);
    all += page;
    const auto* more = answer->as_object().if_contains("next");
    next = more && more->is_int64() ? target + "?after=" + std::to_string(more->as_int64()) : "";
  }
  return all;
}

int compare_on_primary(const site_access& site, const compare_options& options, console io) {
  std::map<std::string, record_digest> digests;
  for (const auto& type : site.settings.types) {
    if (options.type.empty() ? !type.enabled : type.name != options.type)
      continue;
    auto digest = read_digest(site, type.name);
    if (!digest)
      return report(digest.error(), site, io);
    digests.emplace(type.name, *digest);
  }
  if (digests.empty() && !options.type.empty()) {
    io.err << "farshore: no replicable type \"" << options.type << "\" is declared here\n";
    return exit_code::no;
  }
  if (options.as_json) {
    boost::json::array types;
    for (const auto& [name, digest] : digests)
      types.push_back(boost::json::object{
          {"name", name}, {"records", digest.records}, {"digest", spoken_digest(digest)}});
    io.out << boost::json::serialize(boost::json::object{{"types", std::move(types)},
                                                         {"digest", spoken_digest(digests)}})
           << '\n';
    return exit_code::done;
  }
  for (const auto& [name, digest] : digests)
    io.out << fmt::format("{}: {} records, digest {}\n", name, digest.records,
                          spoken_digest(digest));
  if (options.type.empty())
    io.out << fmt::format("digest of site {}: {}\n", site.settings.site_name,
                          spoken_digest(digests));
  return exit_code::done;
}

} // namespace

int compare_command(const site_access& site, const compare_options& options,
                    const std::function<void(std::chrono::milliseconds)>& sleep, console io) {
  return site.settings.role == site_role::secondary ? compare_on_secondary(site, options, sleep, io)
                                                    : compare_on_primary(site, options, io);
}

} // namespace farshore
