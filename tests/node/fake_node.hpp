// Plays the node for a command: answers from a script, in order, and keeps what it was asked.

#pragma once

#include "node/commands.hpp"

#include <deque>
#include <sstream>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include <catch2/catch.hpp>

namespace farshore {

class fake_node {
public:
  fake_node& answers(std::string_view json) {
    script_.push_back(boost::json::parse({json.data(), json.size()}));
    return *this;
  }
  fake_node& fails(api_failure::kind what, ec code, std::string message) {
    script_.push_back(tl::make_unexpected(api_failure{what, error{code, std::move(message)}}));
    return *this;
  }
  fake_node& is_away() {
    return fails(api_failure::kind::unreachable, ec::primary_unreachable,
                 "no node answers at 127.0.0.1:7400");
  }

  /// "METHOD target body" of every request so far.
  std::vector<std::string> asked;
  std::vector<std::chrono::milliseconds> answer_timeouts;

  api_answer call(const api_request& request) {
    asked.push_back(request.method + " " + request.target +
                    (request.body.is_null() ? "" : " " + boost::json::serialize(request.body)));
    answer_timeouts.push_back(request.answer_timeout);
    INFO(asked.back());
    REQUIRE_FALSE(script_.empty());
    auto answer = std::move(script_.front());
    script_.pop_front();
    return answer;
  }
  [[nodiscard]] bool all_used() const { return script_.empty(); }

private:
  std::deque<api_answer> script_;
};

/// A site of the given role before a fake node, and what the command printed.
struct command_fixture {
  site_access site_as(site_role role) {
    site_access site;
    site.settings.site_name = "lisbon";
    site.settings.role = role;
    site.config_file = "/etc/farshore.toml";
    site.call = [this](const api_request& request) { return node.call(request); };
    return site;
  }

  fake_node node;
  site_access secondary = site_as(site_role::secondary);
  site_access primary = site_as(site_role::primary);
  std::ostringstream out;
  std::ostringstream err;
  console io{out, err};
};

} // namespace farshore
