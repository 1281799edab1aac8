// The OpenAPI 3.1 document of the API, made of the table of its routes. Pure.

#pragma once

#include "net/api_table.hpp"

#include <boost/json/value.hpp>

namespace farshore {

/// What a site of that role answers.
boost::json::value openapi_document(api_role role);

/// JSON Schema (2020-12) of one type, as api_field has it.
boost::json::value schema_of(std::string_view type);

} // namespace farshore
