// The one table of all settings: where each is kept in `config`, its type, unit, limits and
// meaning. `load_config` reads by it, docs/reference/configuration.md is written from it. Defaults
// are those of the structs in config.hpp.

#pragma once

#include "config/config.hpp"
#include "config/values.hpp"

#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace farshore {

template <class Owner>
using setting_place =
    std::variant<std::string Owner::*, std::filesystem::path Owner::*, bool Owner::*,
                 std::uint64_t Owner::*, std::uint32_t Owner::*, std::chrono::seconds Owner::*,
                 std::chrono::milliseconds Owner::*, site_role Owner::*, bandwidth_plan Owner::*,
                 free_mark Owner::*, verification_place Owner::*>;

enum class presence { required, optional };

template <class Owner>
struct setting {
  std::string_view key;
  setting_place<Owner> place;
  presence needed;
  /// As the reference shows it, e.g. "text", "bytes".
  std::string_view type;
  std::string_view meaning;
  /// For texts.
  complaint (*check)(std::string_view) = nullptr;
  /// For numbers and durations (milliseconds), both included.
  std::uint64_t min = 0;
  std::uint64_t max = 0;
  /// Shown instead of the struct's own default, where that stands for a rule.
  std::string_view default_shown{};
};

std::span<const setting<config>> site_settings();
std::span<const setting<config>> primary_settings();
std::span<const setting<log_retention>> events_settings();
std::span<const setting<config>> limits_settings();
std::span<const setting<config>> log_settings();
std::span<const setting<replicable_type>> replicable_settings();
std::span<const setting<model_declaration>> model_settings();

/// The settings of all tables as Markdown, for docs/reference/configuration.md.
std::string configuration_reference();

} // namespace farshore
