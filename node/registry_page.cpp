#include "node/registry_page.hpp"

#include "node/fields.hpp"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace farshore {

namespace {

constexpr std::size_t page_records_max = 1'000;

} // namespace

tl::expected<registry_page, api_failure> read_registry(const site_access& site,
                                                       const std::string& type,
                                                       const registry_filter& filter,
                                                       std::size_t limit) {
  std::string only;
  if (!filter.state.empty())
    only += "&state=" + filter.state;
  if (!filter.verification.empty())
    only += "&verification=" + filter.verification;
  if (filter.findings)
    only += "&findings=true";
  return read_records(site, "/api/v1/registry/" + type, only, limit);
}

tl::expected<registry_page, api_failure> read_records(const site_access& site,
                                                      const std::string& route,
                                                      const std::string& only, std::size_t limit) {
  registry_page all;
  while (true) {
    auto target =
        fmt::format("{}?limit={}", route, std::min(limit - all.records.size(), page_records_max));
    target += only;
    if (all.next.is_int64())
      target += fmt::format("&after={}", all.next.as_int64());
    auto page = site.call({"GET", target});
    if (!page)
      return tl::make_unexpected(page.error());
    const auto& records = list_at(*page, "/records");
    all.records.insert(all.records.end(), records.begin(), records.end());
    boost::system::error_code absent;
    const auto* next = page->find_pointer("/next", absent);
    const auto before = std::exchange(all.next, next != nullptr ? *next : nullptr);
    // A page may be empty and not the last, but the place moves on.
    if (!all.next.is_int64() || all.records.size() >= limit || all.next == before)
      return all;
  }
}

} // namespace farshore
