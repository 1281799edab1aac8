#include "node/fields.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <limits>
#include <optional>

#include <boost/json.hpp>
#include <fmt/format.h>

namespace farshore {

namespace {

const boost::json::value* find(const boost::json::value& json, std::string_view path) {
  boost::system::error_code absent;
  return json.find_pointer({path.data(), path.size()}, absent);
}

/// Seconds since the epoch.
std::optional<double> seconds_of(const std::string& rfc3339) {
  int year = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0;
  double second = 0;
  if (std::sscanf(rfc3339.c_str(), "%4d-%2u-%2uT%2u:%2u:%lfZ", &year, &month, &day, &hour, &minute,
                  &second) != 6)
    return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{month},
                                   std::chrono::day{day}};
  if (!date.ok())
    return std::nullopt;
  auto days = std::chrono::sys_days{date}.time_since_epoch().count();
  return static_cast<double>(days) * 86'400 + hour * 3'600 + minute * 60 + second;
}

} // namespace

std::int64_t int_at(const boost::json::value& json, std::string_view path) {
  auto found = find(json, path);
  return found != nullptr && found->is_int64() ? found->as_int64() : 0;
}

std::uint64_t uint_at(const boost::json::value& json, std::string_view path) {
  auto found = find(json, path);
  if (found == nullptr)
    return 0;
  if (found->is_uint64())
    return found->as_uint64();
  return found->is_int64() && found->as_int64() > 0 ? static_cast<std::uint64_t>(found->as_int64())
                                                    : 0;
}

double number_at(const boost::json::value& json, std::string_view path) {
  auto found = find(json, path);
  return found != nullptr && found->is_number() ? found->to_number<double>() : 0;
}

bool bool_at(const boost::json::value& json, std::string_view path) {
  auto found = find(json, path);
  return found != nullptr && found->is_bool() && found->as_bool();
}

std::string text_at(const boost::json::value& json, std::string_view path) {
  auto found = find(json, path);
  return found != nullptr && found->is_string() ? std::string{found->as_string()} : "";
}

const boost::json::array& list_at(const boost::json::value& json, std::string_view path) {
  static const boost::json::array none;
  auto found = find(json, path);
  return found != nullptr && found->is_array() ? found->as_array() : none;
}

std::string with_age(const std::string& then, const std::string& now) {
  if (then.empty())
    return "-";
  auto earlier = seconds_of(then);
  auto later = seconds_of(now);
  if (!earlier || !later)
    return then;
  auto age = std::max(0.0, *later - *earlier);
  if (age < 10)
    return fmt::format("{} ({:.1f} s ago)", then, age);
  if (age < 120)
    return fmt::format("{} ({:.0f} s ago)", then, age);
  if (age < 7'200)
    return fmt::format("{} ({:.0f} min ago)", then, age / 60);
  if (age < 172'800)
    return fmt::format("{} ({:.0f} h ago)", then, age / 3'600);
  return fmt::format("{} ({:.0f} days ago)", then, age / 86'400);
}

std::string one_line(std::string_view text) {
  std::string line{text};
  for (auto& c : line)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f)
      c = ' ';
  return line;
}

} // namespace farshore
