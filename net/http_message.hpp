// What a route's handler gets and gives: a request that was authenticated and read, and its answer.
// Plain structs.

#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace farshore {

/// Version of what sites say to each other, in the header "Farshore-Wire" of requests and answers.
inline constexpr std::string_view wire_version = "1";
inline constexpr const char* wire_header = "Farshore-Wire";

struct http_request {
  std::string method;
  /// As it was sent and signed.
  std::string target;
  /// What the stars of the route's pattern stand for, decoded.
  std::vector<std::string> captured;
  /// Decoded.
  std::vector<std::pair<std::string, std::string>> query;
  std::string body;
  /// Who signed; empty on a public route.
  std::string site;
  /// Of the other side, without a port.
  std::string address;
  /// The header "User-Agent", as it was sent.
  std::string agent;
  /// The server ends: what waits should come to its end.
  const std::atomic<bool>* stopping = nullptr;

  /// The first query value of that name.
  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const {
    for (const auto& [key, value] : query)
      if (key == name)
        return value;
    return std::nullopt;
  }
};

struct http_answer {
  unsigned status = 200;
  std::string body;
  std::string content_type = "application/json";
};

} // namespace farshore
