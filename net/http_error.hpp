// How an error travels: a problem document (RFC 9457) with a fitting status. Its members "code" and
// "detail" are ours; the member "error" repeats both for sites of the protocol's versions 1 to 3,
// which read nothing else. Pure.

#pragma once

#include "config/error.hpp"
#include "net/http_message.hpp"

#include <string_view>

namespace farshore {

/// The HTTP status that goes with a code.
unsigned http_status_of(ec code);

/// `status` is said within the document, too.
http_answer problem_answer(unsigned status, const error& why);
http_answer error_answer(const error& why);

/// What an answer that is no success says. An ec::protocol error where it is not one of ours.
error parse_error_answer(unsigned status, std::string_view body);

} // namespace farshore
