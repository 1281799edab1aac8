#include "config/locator.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace farshore {

namespace {

constexpr std::size_t locator_bytes_max = 4095;
constexpr std::size_t component_bytes_max = 255;

bool stays_as_it_is(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view{"/._~@+=:-"}.find(c) != std::string_view::npos;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return -1;
}

} // namespace

std::string encode_locator(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string text;
  text.reserve(bytes.size());
  for (char c : bytes) {
    if (stays_as_it_is(c)) {
      text += c;
      continue;
    }
    auto byte = static_cast<unsigned char>(c);
    text += '%';
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

result<std::string> decode_locator(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (stays_as_it_is(text[i])) {
      bytes += text[i];
      continue;
    }
    if (text[i] != '%')
      return fail(ec::bad_locator, fmt::format("the encoded locator has byte 0x{:02X} at offset "
                                               "{}, which should stand percent-encoded",
                                               static_cast<unsigned char>(text[i]), i));
    const bool complete = i + 2 < text.size();
    const int high = complete ? hex_value(text[i + 1]) : -1;
    const int low = complete ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0)
      return fail(ec::bad_locator,
                  fmt::format("the encoded locator has a broken escape at offset {}: \"%\" is "
                              "followed by two hex digits",
                              i));
    bytes += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return bytes;
}

result<void> check_locator(std::string_view bytes) {
  auto refuse = [&](std::string_view rule) {
    return fail(ec::bad_locator,
                fmt::format("locator \"{}\" {}", encode_locator(bytes.substr(0, 512)), rule));
  };
  if (bytes.empty())
    return refuse("is empty");
  if (bytes.size() > locator_bytes_max)
    return refuse("(cut here) is longer than 4095 bytes");
  if (bytes.front() == '/')
    return refuse("is absolute; it should be relative to its store");
  if (bytes.find('\0') != std::string_view::npos)
    return refuse("contains a NUL byte");
  for (std::size_t at = 0; at <= bytes.size();) {
    auto end = std::min(bytes.find('/', at), bytes.size());
    auto component = bytes.substr(at, end - at);
    if (component.empty())
      return refuse("has an empty component (\"//\", or \"/\" at its end)");
    if (component == "." || component == "..")
      return refuse("has a component \".\" or \"..\"");
    if (component.size() > component_bytes_max)
      return refuse("has a component longer than 255 bytes");
    if (at == 0 && component == ".farshore")
      return refuse("begins with .farshore, where Farshore keeps its own files");
    at = end + 1;
  }
  return {};
}

} // namespace farshore
