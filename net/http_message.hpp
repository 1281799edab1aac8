// What a route's handler gets and gives: a request that was authenticated and read, and its answer.
// Plain structs.

#pragma once

#include "net/wire_version.hpp"

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace farshore {

struct http_request {
  std::string method;
  /// As it was sent and signed.
  std::string target;
  /// What the stars of the route's pattern stand for, decoded.
  std::vector<std::string> captured;
  /// Decoded.
  std::vector<std::pair<std::string, std::string>> query;
  std::string body;
  /// The version of the protocol that it is written in, and its answer has to be.
  int wire = wire_newest;
  /// Who signed; empty on a public route.
  std::string site;
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
