// What a secondary asks for when it wants blobs: the body of POST /v1/blobs (docs/wire.md,
// "Blobs"). Plain structs and pure functions.

#pragma once

#include "config/error.hpp"
#include "config/ids.hpp"
#include "strategies/strategy.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace farshore {

/// More than a request may ask for.
inline constexpr std::size_t blobs_in_request_max = 1024;
/// More than a blob may say of what else its asker has.
inline constexpr std::size_t have_in_request_max = 10'000;

struct wanted_blob {
  record_id record = 0;
  /// Encoded; only compared with the row's, never opened.
  std::string locator;
  /// What the asker has already. `have` is written where there is but one blob.
  std::optional<content_offer> offer;
};

struct blob_request {
  std::string type;
  std::vector<wanted_blob> blobs;
};

std::string to_json(const blob_request& request);
/// Fails with ec::protocol.
result<blob_request> parse_blob_request(std::string_view text);

} // namespace farshore
