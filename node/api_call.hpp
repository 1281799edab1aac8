// One request of the command line to its site's node, and the answer.
//
// Commands see only `node_api`, a function, so that a test can play the node.

#pragma once

#include "config/config.hpp"
#include "config/error.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include <boost/json/value.hpp>
#include <tl/expected.hpp>

namespace farshore {

struct api_request {
  /// "GET" or "POST".
  std::string method;
  /// Path and query, e.g. "/api/v1/status".
  std::string target;
  /// Sent as JSON; null: no body.
  boost::json::value body{};
  std::chrono::milliseconds answer_timeout{60'000};
};

struct api_failure {
  enum class kind {
    /// Nobody answered, or not a Farshore node.
    unreachable,
    /// The node refused this site's signature, clock, wire version, or the command in its role.
    refused,
    /// The node can't just now (it is starting, or its primary or database is away): ask again.
    not_now,
    /// The node says no.
    no,
  };
  kind what = kind::no;
  error why;
};

using api_answer = tl::expected<boost::json::value, api_failure>;
using node_api = std::function<api_answer(const api_request&)>;

/// Where the node of this configuration answers, as "host:port": `listen`, or what the node wrote
/// to `<data>/listen` where the configured port is 0.
tl::expected<std::string, api_failure> node_address(const config& settings);

/// Signs and sends one request over a connection of its own; blocks, for at most 5 s to connect and
/// `answer_timeout` for the answer. Thread-safe. Never throws.
api_answer call_api(const config& settings, const api_request& request);

/// What another site said to one GET.
struct site_answer {
  unsigned status = 0;
  std::string body;
  /// Its headers, empty where they are missing: Farshore-Wire, Server.
  std::string wire;
  std::string program;
  /// Its clock, to the second; nothing where it does not tell.
  std::optional<wall_time> clock;
};
struct contact_failure {
  enum class stage { resolve, connect, tls, answer };
  stage at = stage::answer;
  std::string message;
};

/// One GET to the primary; signed by this site unless `secret` is empty. Blocks for at most 5 s to
/// connect and 10 s for the answer. Never throws.
tl::expected<site_answer, contact_failure>
ask_primary(const config& settings, const std::string& target, const std::string& secret);

} // namespace farshore
