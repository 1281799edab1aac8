// What stands in requests to the API, read and checked; failing with ec::protocol and a sentence
// for who wrote it. Pure.

#pragma once

#include "actors/job.hpp"
#include "config/config.hpp"
#include "net/http_message.hpp"
#include "registry/checksum_view.hpp"
#include "registry/registry_view.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

namespace farshore {

result<boost::json::object> parse_body(const http_request& request);
result<std::string> text_field(const boost::json::object& body, std::string_view name);
/// Empty where the body's type is null, or not there: all types.
result<std::string> type_or_all(const boost::json::object& body);
result<record_selection> parse_selection(const boost::json::object& body);

/// Who asks, for people: "ada", "operator ann".
std::string who_asks(const http_request& request);

/// ec::not_found where the type is not declared.
result<void> check_declared(const config& settings, const std::string& type);
/// "12"
result<std::uint64_t> parse_number(const std::string& text, std::string_view name);
result<record_id> parse_record(const std::string& text);

/// Which part of a list is asked for.
struct list_place {
  record_id after = record_id_before_all;
  std::size_t limit = 0;
  /// Instead of all: these.
  std::optional<std::vector<record_id>> ids;
};
result<list_place> parse_place(const http_request& request);
result<rows_filter> parse_rows_filter(const http_request& request);
result<checksum_filter> parse_checksum_filter(const http_request& request);

} // namespace farshore
