// The operators' page, as it was bundled when the program was built (web/build.mjs).

#pragma once

#include <span>
#include <string_view>

namespace farshore {

struct page_file {
  /// "/" or "/assets/…"
  std::string_view url;
  std::string_view content_type;
  /// In its quotes.
  std::string_view etag;
  /// Its name says what is in it: it never becomes another.
  bool lasting = false;
  std::string_view plain;
  /// By gzip; empty where that gains nothing.
  std::string_view packed;
};

/// Empty where the program was built without the page (FARSHORE_WEB=OFF).
std::span<const page_file> page_bundle();

} // namespace farshore
