// What a site signs its requests with: the secret that the sites share, or, on a secondary, only
// its own key, which was derived from the secret (net/signing.hpp) and is good for nothing else.
//
// Both are texts of one line. A key's says so, and whose it is: "farshore-key:<site>:<64 hex
// digits>".

#pragma once

#include "config/config.hpp"
#include "config/error.hpp"

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace farshore {

struct site_key {
  std::string site;
  std::array<std::uint8_t, 32> bytes{};
};
std::string to_string(const site_key& key);
/// Nothing for a text that is no key.
std::optional<site_key> parse_site_key(std::string_view text);

/// Reads a secret file: at least 32 bytes of printable text after trimming. Refuses one that group
/// or others can read, and a site's key. Fails with ec::invalid_config.
result<std::string> load_secret(const std::filesystem::path& file);

/// Reads the key of `site`, with the same care; the text.
result<std::string> load_site_key(const std::filesystem::path& file, std::string_view site);

/// What the site signs with, and behind it what it accepts besides during a rotation. On a
/// secondary either may be a secret or the site's key. Fails with ec::invalid_config.
result<std::vector<std::string>> load_secrets(const config& settings);

/// The file that holds what was in force before; as load_secrets reads it.
result<std::string> load_previous_secret(const config& settings);

} // namespace farshore
