// The only place that maps a strategy's name to its class.

#pragma once

#include "config/clock.hpp"
#include "config/config.hpp"
#include "config/error.hpp"
#include "strategies/strategy.hpp"

#include <memory>

namespace farshore {

class folder_view;
class store_files;

/// The strategy that the type names, for its store at this site. `time` outlives it. Touches no
/// file yet: see strategy::prepare. Fails with ec::invalid_config.
result<std::shared_ptr<strategy>> make_strategy(const replicable_type& type,
                                                const time_source& time);

/// The same over other file operations.
result<std::shared_ptr<strategy>> make_strategy(const replicable_type& type,
                                                const time_source& time,
                                                std::shared_ptr<store_files> files);

/// What in the store of a scanned type is a record.
std::shared_ptr<const folder_view> make_folder_view(const replicable_type& type);

} // namespace farshore
