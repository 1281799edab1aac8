// The API as a table: every route once, with who may ask, what goes in and what comes out. Routes
// are registered by it, and the OpenAPI document is made of it; docs/reference/api.md says the
// rest.
//
// Plain data, there from the start of the program.

#pragma once

#include "net/router.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace farshore {

/// A member of a JSON object, or a parameter.
struct api_field {
  /// With a "?" behind it: it may be left out. "*" stands for members of any further name.
  std::string_view name;
  /// text, time, integer, number, flag, any; "a|b|c": one of these texts; else the name of an
  /// object of api_objects(). Behind it "?": may be null; before it "[]": a list of them.
  std::string_view type;
  std::string_view meaning;
};

struct api_object {
  std::string_view name;
  std::vector<api_field> fields;
};

enum class api_role : std::uint8_t { any, primary, secondary };

struct api_endpoint {
  std::string_view method;
  /// "/api/v1/registry/{type}"; what stands in braces is a text.
  std::string_view path;
  /// viewer or operating.
  route_access access;
  /// At which sites it is there.
  api_role role;
  std::string_view summary;
  std::vector<api_field> parameters = {};
  /// Names of objects; empty: none.
  std::string_view body = {};
  std::string_view answer = {};
  unsigned status = 200;
  std::string_view content_type = "application/json";
};

std::span<const api_endpoint> api_endpoints();
std::span<const api_object> api_objects();

/// Registers the handler of an endpoint that the table has, under its access; an action leaves its
/// line in the audit log. `counted`: as audited() has it.
void add_endpoint(router& routes, std::string_view method, std::string_view path,
                  answer_handler handler, std::string counted = {});
/// The same of one that looks, and is answered piece by piece.
void add_stream_endpoint(router& routes, std::string_view method, std::string_view path,
                         exchange_handler handler);

} // namespace farshore
