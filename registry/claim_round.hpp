// One call of claim_due: looks at open rows in their order, and grants what is free.

#pragma once

#include "registry/claim_table.hpp"
#include "registry/registry_row.hpp"
#include "registry/store.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace farshore {

class claim_round {
public:
  struct terms {
    std::string type;
    std::string store;
    std::size_t limit = 0;
    claim_scope scope = claim_scope::all;
    epoch_number epoch = 0;
    /// Leases count from here.
    steady_time called;
    wall_time now;
  };

  claim_round(claim_table& claims, terms given) : claims_{claims}, terms_{std::move(given)} {}

  /// False: the rows that follow need not be looked at.
  bool goes_on() const { return !ended_; }

  /// Rows must come in the order in which they fall due. Grants a claim under `token`, or nothing;
  /// the caller has yet to fill in claim::remove.
  std::optional<claim> look_at(const registry_row& row, claim_token token);

  [[nodiscard]] bool passed_over() const { return passed_over_; }
  [[nodiscard]] std::optional<std::chrono::milliseconds> next_due() const { return next_due_; }

private:
  [[nodiscard]] bool is_free(const registry_row& row);

  claim_table& claims_;
  terms terms_;
  std::size_t granted_ = 0;
  bool ended_ = false;
  bool passed_over_ = false;
  std::optional<std::chrono::milliseconds> next_due_;
};

} // namespace farshore
