#include "net/router.hpp"

#include <cassert>
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

bool fits(const route& candidate, std::span<const std::string> segments) {
  if (candidate.pattern.size() != segments.size())
    return false;
  for (std::size_t i = 0; i < segments.size(); ++i)
    if (candidate.pattern[i] == "*" ? segments[i].empty() : candidate.pattern[i] != segments[i])
      return false;
  return true;
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

route_match router::match(std::string_view method, std::span<const std::string> segments) const {
  route_match answer;
  for (const auto& candidate : routes_) {
    if (!fits(candidate, segments))
      continue;
    if (candidate.method != method) {
      answer.other_method = true;
      continue;
    }
    answer.found = &candidate;
    for (std::size_t i = 0; i < segments.size(); ++i)
      if (candidate.pattern[i] == "*")
        answer.captured.push_back(segments[i]);
    break;
  }
  return answer;
}

} // namespace farshore
