// Everything that travels between actors: atoms and message structs. All stay within the process.

#pragma once

#include "registry/records.hpp"
#include "registry/store.hpp"
#include "strategies/strategy.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <caf/type_id.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace farshore {

/// Either a value or why there is none; the way a `result` travels, since an actor's answer is
/// data and CAF's own errors are kept for CAF's own troubles.
template <class T>
using reply = result<T>;

// -- to the primary
// --------------------------------------------------------------------------------

/// Bring the job's bytes into the receiver.
struct fetch_request {
  std::shared_ptr<sync_job> job;
  std::shared_ptr<receiver> into;
};

// -- on the disk
// -----------------------------------------------------------------------------------

struct place_request {
  std::shared_ptr<sync_job> job;
  std::shared_ptr<receiver> from;
};

struct remove_request {
  std::shared_ptr<sync_job> job;
  std::vector<std::string> locators;
};

// -- control
// ---------------------------------------------------------------------------------------

/// A worker's report to its supervisor; exactly one, the last thing it does.
struct worker_report {
  claim_token token = 0;
  outcome::kind how = outcome::kind::failed;
  error why;
  landed what;
};

} // namespace farshore
