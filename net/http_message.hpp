// What a route's handler gets and gives: a request that was authenticated and read, and its answer.
// Plain structs.

#pragma once

#include "net/person.hpp"
#include "net/wire_version.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace farshore {

/// The operating system's user that a command line ran as, for the audit log: a claim of who could
/// sign, not a proof. Printable ASCII.
inline constexpr const char* user_header = "Farshore-User";
inline bool is_user_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}
/// What browsers send along, as it was sent.
struct browser_fields {
  std::string accept_encoding;
  std::string if_none_match;
  std::string cookie;
  /// The header "Farshore-CSRF".
  std::string csrf;
  std::string host;
  std::string origin;
  /// The header "Sec-Fetch-Site".
  std::string fetch_site;
};
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
  /// What the header "Farshore-User" says, checked; empty without it.
  std::string user;
  /// host:port of the other side.
  std::string remote;
  /// The header "User-Agent", as it was sent.
  std::string agent;
  /// Whose token for reading repositories it carries; empty where a site signed.
  std::string reader;
  /// Whose token for the API it carries, or stands for the session that its cookie names.
  std::optional<person> who;
  /// That token, where it is there to sign in with.
  std::string token;
  bool over_tls = false;
  /// The headers "Content-Type", "Content-Encoding" and "Git-Protocol", as they were sent.
  std::string content_type;
  std::string content_encoding;
  std::string git_protocol;
  browser_fields browser;
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
  /// Further fields of the header.
  std::vector<std::pair<std::string, std::string>> fields = {};
};

} // namespace farshore
