// How an error travels: {"error":{"code":"not_found","message":"…"}} with a fitting status. Pure.

#pragma once

#include "config/error.hpp"
#include "net/http_message.hpp"

#include <string_view>

namespace farshore {

/// The HTTP status that goes with a code.
unsigned http_status_of(ec code);

http_answer error_answer(const error& why);

/// What an answer that is no success says. An ec::protocol error where it is not one of ours.
error parse_error_answer(unsigned status, std::string_view body);

} // namespace farshore
