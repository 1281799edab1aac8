#include "config/secret.hpp"

#include "config/ids.hpp"
#include "config/small_file.hpp"
#include "config/values.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace farshore {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t secret_bytes_min = 32;
constexpr std::size_t secret_bytes_max = 4096;
constexpr std::string_view key_mark = "farshore-key:";

constexpr std::string_view secret_hint = "; `farshore secret --output FILE` makes one";
constexpr std::string_view key_hint =
    "; `farshore secret --for SITE --from SECRET_FILE` makes one, where the secret is";

bool is_key(std::string_view text) {
  return text.starts_with(key_mark);
}

/// A file's one line, trimmed.
result<std::string> read_line(const fs::path& file, std::string_view hint) {
  auto read = read_small_file(file, secret_bytes_max);
  if (!read)
    return fail(ec::invalid_config, read.error().message + std::string{hint});
  if (auto closed = check_private(*read, file, "the secret"); !closed)
    return fail(std::move(closed).error());
  constexpr std::string_view blanks = " \t\r\n";
  auto& text = read->bytes;
  text.erase(text.find_last_not_of(blanks) + 1);
  text.erase(0, text.find_first_not_of(blanks));
  if (std::any_of(text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }))
    return fail(ec::invalid_config,
                fmt::format("the secret in \"{}\" is not one line of printable text{}",
                            file.string(), hint));
  return std::move(text);
}

result<std::string> checked_secret(std::string text, const fs::path& file) {
  if (is_key(text))
    return fail(ec::invalid_config,
                fmt::format("what stands in \"{}\" is the key of one site; it belongs into [site] "
                            "key_file of that site",
                            file.string()));
  if (text.size() < secret_bytes_min)
    return fail(ec::invalid_config,
                fmt::format("the secret in \"{}\" has {} characters, {} are the least{}",
                            file.string(), text.size(), secret_bytes_min, secret_hint));
  return text;
}

result<std::string> checked_key(std::string text, std::string_view site, const fs::path& file) {
  const auto key = parse_site_key(text);
  if (!key)
    return fail(ec::invalid_config,
                fmt::format("what stands in \"{}\" is no site's key{}", file.string(), key_hint));
  if (key->site != site)
    return fail(ec::invalid_config,
                fmt::format("the key in \"{}\" is that of site \"{}\", and this is \"{}\"{}",
                            file.string(), key->site, site, key_hint));
  return text;
}

} // namespace

std::string to_string(const site_key& key) {
  return fmt::format("{}{}:{}", key_mark, key.site, to_hex(key.bytes));
}

std::optional<site_key> parse_site_key(std::string_view text) {
  if (!is_key(text))
    return std::nullopt;
  text.remove_prefix(key_mark.size());
  const auto colon = text.find(':');
  if (colon == std::string_view::npos)
    return std::nullopt;
  site_key key{std::string{text.substr(0, colon)}, {}};
  if (!check_site_name(key.site).empty() || !from_hex(text.substr(colon + 1), key.bytes))
    return std::nullopt;
  return key;
}

result<std::string> load_secret(const fs::path& file) {
  auto text = read_line(file, secret_hint);
  return text ? checked_secret(std::move(*text), file) : text;
}

result<std::string> load_site_key(const fs::path& file, std::string_view site) {
  auto text = read_line(file, key_hint);
  return text ? checked_key(std::move(*text), site, file) : text;
}

result<std::string> load_previous_secret(const config& settings) {
  const auto& file = settings.previous_secret_file;
  auto text = read_line(file, secret_hint);
  if (text && settings.role == site_role::secondary && is_key(*text))
    return checked_key(std::move(*text), settings.site_name, file);
  return text ? checked_secret(std::move(*text), file) : text;
}

result<std::vector<std::string>> load_secrets(const config& settings) {
  std::vector<std::string> secrets;
  auto present = settings.key_file.empty() ? load_secret(settings.secret_file)
                                           : load_site_key(settings.key_file, settings.site_name);
  if (!present)
    return fail(std::move(present).error());
  secrets.push_back(std::move(*present));
  if (!settings.previous_secret_file.empty()) {
    auto previous = load_previous_secret(settings);
    if (!previous)
      return fail(std::move(previous).error());
    secrets.push_back(std::move(*previous));
  }
  return secrets;
}

} // namespace farshore
