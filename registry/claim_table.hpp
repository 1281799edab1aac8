// The claims that are out: in memory, since a site has one node for now. One claim for each record,
// and one for each locator over all types that share a store (promises 2 and 4).
//
// A plain object of the store that owns it. It is no part of the store's transactions: what a call
// changed here stays changed, so a store whose batch failed must be thrown away with it.

#pragma once

#include "registry/records.hpp"

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace farshore {

/// One claim that is out, and what its row was when it was granted.
struct live_claim {
  claim_token token = 0;
  replicable_id id;
  std::string store;
  /// Where the resource goes, or lies.
  std::string locator;
  /// Everything that the worker may touch.
  std::vector<std::string> locked;
  revision target = 0;
  sync_state found_state = sync_state::pending;
  std::optional<wall_time> found_retry_at;

  /// Its epoch has passed, or its store is another by now: what it brings counts for nothing.
  bool voided = false;
  /// The row was made due again without a new revision.
  bool outdated = false;
  /// `started` stands in the row.
  bool recorded = false;
  steady_time until;
};

class claim_table {
public:
  explicit claim_table(std::chrono::milliseconds lease) : lease_{lease} {}

  [[nodiscard]] std::chrono::milliseconds lease() const { return lease_; }

  /// Frees what expired claims held. Call before any of the others.
  void expire(steady_time now);

  /// The record's claim, or nullptr; also one that is voided.
  [[nodiscard]] const live_claim* find(const replicable_id& id) const;
  /// The claim with that token, or nullptr.
  [[nodiscard]] const live_claim* find(claim_token token) const;
  [[nodiscard]] bool locked(const std::string& store, const std::string& locator) const;
  /// The type's records that are under a claim.
  [[nodiscard]] std::vector<record_id> records(const std::string& type) const;

  /// Neither the record nor a locator of it may be under a claim.
  void grant(live_claim granted, steady_time now);

  /// Ends the claim that `how` belongs to. Nothing unless the outcome counts.
  std::optional<live_claim> end(const outcome& how, epoch_number epoch);

  /// Extends a lease. Nullptr unless the claim is live and not voided; the caller writes `started`
  /// where it is not `recorded`, and sets it.
  live_claim* renew(claim_token token, steady_time now);

  /// The claim's row was made due again without a new revision. False if there is no claim.
  bool outdate(const replicable_id& id);
  /// The same for every claim on records from `first` to `last` of a type.
  bool outdate(const std::string& type, record_id first, record_id last);

  /// A new epoch has begun.
  void void_all();
  /// The type's resources are not where its claims believe them to be.
  void void_type(const std::string& type);

private:
  using claims = std::map<claim_token, live_claim>;
  void release(claims::iterator it);

  std::chrono::milliseconds lease_;
  claims claims_;
  std::map<replicable_id, claim_token> by_record_;
  /// (store, locator)
  std::set<std::pair<std::string, std::string>> locks_;
};

} // namespace farshore
