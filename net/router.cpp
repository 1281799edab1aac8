#include "net/router.hpp"

#include <cassert>
#include <optional>
#include <ranges>

namespace farshore {

namespace {

std::vector<std::string> split(std::string_view path) {
  assert(path.starts_with('/'));
  std::vector<std::string> segments;
  for (const auto segment : std::views::split(path.substr(1), '/'))
    segments.emplace_back(segment.begin(), segment.end());
  return segments;
}

/// What the stars of the pattern stand for; nothing where the segments are not of that form.
std::optional<std::vector<std::string>> fit(std::span<const std::string> pattern,
                                            std::span<const std::string> segments) {
  if (segments.size() < pattern.size())
    return std::nullopt;
  std::vector<std::string> captured;
  std::size_t at = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i, ++at) {
    const auto& segment = segments[at];
    if (pattern[i] == "**") {
      auto joined = segment;
      for (auto more = segments.size() - pattern.size(); more > 0; --more)
        joined += "/" + segments[++at];
      captured.push_back(std::move(joined));
    } else if (pattern[i] != "*") {
      if (pattern[i] != segment)
        return std::nullopt;
    } else if (segment.empty()) {
      return std::nullopt;
    } else {
      captured.push_back(segment);
    }
  }
  return at == segments.size() ? std::optional{std::move(captured)} : std::nullopt;
}

} // namespace

void router::add(std::string_view method, std::string_view pattern, answer_handler handler,
                 route_access access) {
  routes_.push_back({std::string{method}, split(pattern), std::move(handler), access});
}

void router::add_stream(std::string_view method, std::string_view pattern, stream_handler handler) {
  routes_.push_back(
      {std::string{method}, split(pattern), std::move(handler), route_access::signed_only});
}

void router::add_exchange(std::string_view method, std::string_view pattern,
                          exchange_handler handler, route_access access) {
  routes_.push_back({std::string{method}, split(pattern), std::move(handler), access});
}

route_match router::match(std::string_view method, std::span<const std::string> segments) const {
  route_match answer;
  for (const auto& candidate : routes_) {
    auto captured = fit(candidate.pattern, segments);
    if (!captured)
      continue;
    if (candidate.method != method) {
      answer.other_method = true;
      continue;
    }
    answer.found = &candidate;
    answer.captured = std::move(*captured);
    break;
  }
  return answer;
}

} // namespace farshore
