// The primary's side of a comparison: digests of ranges of its catalogue.

#pragma once

#include "registry/range_digests.hpp"
#include "registry/records.hpp"

#include <cstddef>
#include <functional>

namespace farshore {

/// A page of the type's catalogue: the rows behind `after`, as primary_reader serves them.
using catalogue_source = std::function<result<catalogue_page>(record_id after, std::size_t limit)>;

/// Reads the catalogue where the ranges lie, about `rows_max` rows of it. Fails as the source does,
/// and with ec::protocol where the request's ranges do not ascend.
result<digest_page> digest_catalogue(const catalogue_source& read, const digest_request& request,
                                     std::size_t rows_max = 32'768);

} // namespace farshore
