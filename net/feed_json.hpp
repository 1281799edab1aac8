// The pages that a secondary reads from its primary, as JSON (docs/wire.md, "Pages"). Pure
// functions.
//
// The parsers take hostile text: they bound every number and length and check the syntax of type
// names and locators. Whether a locator is a safe one is the store's to say.

#pragma once

#include "config/error.hpp"
#include "registry/range_digests.hpp"
#include "registry/records.hpp"

#include <string>
#include <string_view>

namespace farshore {

std::string to_json(const events_page& page);
std::string to_json(const catalogue_page& page);
/// What was asked for is not repeated.
std::string to_json(const records_page& page);
std::string to_json(const records_request& request);
std::string to_json(const digest_request& request);
std::string to_json(const digest_page& page);
std::string to_json(const primary_position& position);

/// These fail with ec::protocol.
result<events_page> parse_events_page(std::string_view text);
result<catalogue_page> parse_catalogue_page(std::string_view text);
result<records_page> parse_records_page(std::string_view text);
/// The records are in ascending order, each once, and at most records_asked_max.
result<records_request> parse_records_request(std::string_view text);
/// At least one range and at most digest_ranges_max, in ascending order, with nothing in common.
result<digest_request> parse_digest_request(std::string_view text);
/// Whether its ranges are those that were asked for is for the reader to see.
result<digest_page> parse_digest_page(std::string_view text);
result<primary_position> parse_primary_position(std::string_view text);

} // namespace farshore
