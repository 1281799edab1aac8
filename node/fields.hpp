// Reads fields of the node's JSON answers by their path ("/log/covered_xid"), and shows them to
// people. What is absent, null or of another kind counts as 0, false or empty.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

namespace farshore {

std::int64_t int_at(const boost::json::value& json, std::string_view path);
std::uint64_t uint_at(const boost::json::value& json, std::string_view path);
double number_at(const boost::json::value& json, std::string_view path);
bool bool_at(const boost::json::value& json, std::string_view path);
std::string text_at(const boost::json::value& json, std::string_view path);
/// Lives as long as `json`.
const boost::json::array& list_at(const boost::json::value& json, std::string_view path);

/// `then` and how long before `now` it was: "2026-01-02T03:04:05.678Z (12 s ago)"; "-" where there
/// is none. Both RFC 3339 in UTC.
std::string with_age(const std::string& then, const std::string& now);

/// On one line, without control characters.
std::string one_line(std::string_view text);

} // namespace farshore
