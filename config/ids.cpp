#include "config/ids.hpp"

#include <fmt/format.h>

namespace farshore {

std::string to_hex(const checksum& sum) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  hex.reserve(sum.size() * 2);
  for (auto byte : sum) {
    hex += digits[byte >> 4];
    hex += digits[byte & 15];
  }
  return hex;
}

bool from_hex(std::string_view hex, checksum& out) {
  auto value_of = [](char c) {
    if (c >= '0' && c <= '9')
      return c - '0';
    if (c >= 'a' && c <= 'f')
      return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
      return c - 'A' + 10;
    return -1;
  };
  checksum sum{};
  if (hex.size() != sum.size() * 2)
    return false;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    auto high = value_of(hex[2 * i]);
    auto low = value_of(hex[2 * i + 1]);
    if (high < 0 || low < 0)
      return false;
    sum[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  out = sum;
  return true;
}

std::string_view to_string(operation op) {
  switch (op) {
  case operation::created:
    return "created";
  case operation::updated:
    return "updated";
  case operation::deleted:
    return "deleted";
  case operation::truncated:
    return "truncated";
  case operation::checksum_succeeded:
    return "checksum_succeeded";
  }
  return "unknown";
}

bool parse(std::string_view text, operation& out) {
  for (auto op : {operation::created, operation::updated, operation::deleted, operation::truncated,
                  operation::checksum_succeeded})
    if (text == to_string(op)) {
      out = op;
      return true;
    }
  return false;
}

std::string_view to_string(sync_state s) {
  switch (s) {
  case sync_state::pending:
    return "pending";
  case sync_state::started:
    return "started";
  case sync_state::synced:
    return "synced";
  case sync_state::failed:
    return "failed";
  }
  return "unknown";
}

bool parse(std::string_view text, sync_state& out) {
  for (auto s : {sync_state::pending, sync_state::started, sync_state::synced, sync_state::failed})
    if (text == to_string(s)) {
      out = s;
      return true;
    }
  return false;
}

bool parse(std::string_view text, verification_state& out) {
  for (auto s :
       {verification_state::pending, verification_state::started, verification_state::succeeded,
        verification_state::failed, verification_state::disabled})
    if (text == to_string(s)) {
      out = s;
      return true;
    }
  return false;
}

std::string_view to_string(verification_state s) {
  switch (s) {
  case verification_state::pending:
    return "pending";
  case verification_state::started:
    return "started";
  case verification_state::succeeded:
    return "succeeded";
  case verification_state::failed:
    return "failed";
  case verification_state::disabled:
    return "disabled";
  }
  return "unknown";
}

std::string to_rfc3339(wall_time t) {
  namespace ch = std::chrono;
  auto ms = ch::floor<ch::milliseconds>(t);
  auto day = ch::floor<ch::days>(ms);
  ch::year_month_day date{day};
  ch::hh_mm_ss<ch::milliseconds> clock{ms - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

} // namespace farshore
