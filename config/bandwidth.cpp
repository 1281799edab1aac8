#include "config/bandwidth.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <iterator>
#include <optional>
#include <sstream>

#include <fmt/format.h>

namespace farshore {

namespace {

using std::chrono::minutes;

constexpr std::uint64_t bandwidth_max = 1'000'000'000'000;
constexpr std::array<std::string_view, 7> day_names{"Mon", "Tue", "Wed", "Thu",
                                                    "Fri", "Sat", "Sun"};

std::optional<unsigned> parse_day(std::string_view text) {
  const auto found = std::ranges::find(day_names, text);
  if (found == day_names.end())
    return {};
  return static_cast<unsigned>(found - day_names.begin());
}

/// The two sides of the first `mark`; the second is nothing where there is none.
std::pair<std::string_view, std::optional<std::string_view>> split(std::string_view text,
                                                                   char mark) {
  const auto at = text.find(mark);
  if (at == std::string_view::npos)
    return {text, {}};
  return {text.substr(0, at), text.substr(at + 1)};
}

/// "Mon-Fri", "Sat,Sun": bits.
std::optional<unsigned> parse_days(std::string_view text) {
  unsigned days = 0;
  for (std::optional<std::string_view> rest = text; rest;) {
    const auto [part, further] = split(*rest, ',');
    const auto [first, last] = split(part, '-');
    const auto begin = parse_day(first);
    const auto end = last ? parse_day(*last) : begin;
    if (!begin || !end)
      return {};
    for (auto day = *begin;; day = (day + 1) % 7) {
      days |= 1u << day;
      if (day == *end)
        break;
    }
    rest = further;
  }
  return days;
}

/// "08:00", up to "24:00".
std::optional<minutes> parse_time(std::string_view text) {
  const auto number = [](std::string_view digits) -> std::optional<int> {
    int value = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.size() != 2 || failed != std::errc{} || end != digits.data() + 2 || value < 0)
      return {};
    return value;
  };
  const auto [hours, rest] = split(text, ':');
  const auto h = number(hours);
  const auto m = number(rest.value_or(""));
  if (!h || !m || *m > 59 || *h * 60 + *m > 24 * 60)
    return {};
  return minutes{*h * 60 + *m};
}

tl::expected<std::uint64_t, complaint> parse_rate(std::string_view text) {
  if (text == "unlimited")
    return 0;
  std::optional<std::uint64_t> bytes;
  if (text.ends_with("/s") && text.size() > 2 && text[text.size() - 3] != ' ')
    bytes = parse_bytes(text.substr(0, text.size() - 2));
  if (!bytes)
    return tl::make_unexpected(fmt::format(
        "\"{}\" is no rate; write bytes per second, such as \"20 MB/s\", or \"unlimited\"", text));
  if (*bytes < bandwidth_min || *bytes > bandwidth_max)
    return tl::make_unexpected(fmt::format(
        "\"{}\" is out of range; write \"10 KB/s\" to \"1000 GB/s\", or pause the types to stop "
        "all transfers",
        text));
  return *bytes;
}

} // namespace

bool bandwidth_window::holds(unsigned weekday, minutes of_day) const {
  const auto begins_on = [this](unsigned day) { return (days >> day & 1) != 0; };
  if (from < to)
    return begins_on(weekday) && from <= of_day && of_day < to;
  return (begins_on(weekday) && from <= of_day) || (begins_on((weekday + 6) % 7) && of_day < to);
}

std::uint64_t bandwidth_plan::at(unsigned weekday, minutes of_day) const {
  std::uint64_t rate = 0;
  for (const auto& window : windows)
    if (window.holds(weekday, of_day))
      rate = window.bytes_per_second;
  return rate;
}

std::uint64_t bandwidth_plan::at(wall_time now) const {
  const auto seconds = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(now));
  std::tm local{};
  if (::localtime_r(&seconds, &local) == nullptr)
    return at(0, minutes{0});
  return at(static_cast<unsigned>(local.tm_wday + 6) % 7,
            minutes{local.tm_hour * 60 + local.tm_min});
}

tl::expected<bandwidth_window, complaint> parse_bandwidth(std::string_view text) {
  std::istringstream in{std::string{text}};
  std::vector<std::string> words{std::istream_iterator<std::string>{in}, {}};
  bandwidth_window window;
  auto next = words.begin();
  const auto left = [&] { return words.end() - next; };
  // What begins with a letter and is not the rate names days.
  if (left() > 1 && next->front() > '9') {
    const auto days = parse_days(*next);
    if (!days)
      return tl::make_unexpected(fmt::format(
          "\"{}\" names no days; write Mon, Tue, Wed, Thu, Fri, Sat or Sun, a range such as "
          "Mon-Fri, or a list such as Sat,Sun",
          *next));
    window.days = *days;
    ++next;
  }
  if (left() > 0 && next->find(':') != std::string::npos) {
    const auto [begin, end] = split(*next, '-');
    const auto from = parse_time(begin);
    const auto to = parse_time(end.value_or(""));
    if (!from || !to || *from == *to || *from == minutes{24 * 60})
      return tl::make_unexpected(fmt::format(
          "\"{}\" is no time of day; write from and to as HH:MM-HH:MM, such as 08:00-18:00, or "
          "22:00-06:00 through midnight",
          *next));
    window.from = *from;
    window.to = *to;
    ++next;
  }
  const auto rate = parse_rate(fmt::format("{}", fmt::join(next, words.end(), " ")));
  if (!rate)
    return tl::make_unexpected(rate.error());
  window.bytes_per_second = *rate;
  return window;
}

} // namespace farshore
