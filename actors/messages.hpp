// Everything that travels between actors: atoms and message structs. All of it stays within the
// process, so structs need no serialisation; what names CAF's way to say so is at the end.

#pragma once

#include "actors/comparison_report.hpp"
#include "actors/orphan_report.hpp"
#include "config/config.hpp"
#include "registry/primary_store.hpp"
#include "registry/records.hpp"
#include "registry/store.hpp"
#include "strategies/strategy.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <caf/type_id.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace farshore {

/// An answer without content: `result<done>`, since a message element must be a value.
struct done {};

/// Brings the job's bytes into the receiver.
struct fetch_request {
  std::shared_ptr<sync_job> job;
  std::shared_ptr<receiver> into;
};

/// Brings what a finished receiver holds to its place.
struct place_request {
  std::shared_ptr<sync_job> job;
  std::shared_ptr<receiver> from;
};

struct remove_request {
  std::shared_ptr<sync_job> job;
  /// Encoded.
  std::vector<std::string> locators;
};

/// What is free where a type's content goes, and where the node keeps its own files.
struct site_space {
  result<disk_space> store;
  result<disk_space> data;
};

/// A worker's only report, the last thing it does.
struct worker_report {
  claim_token token = 0;
  outcome::kind how = outcome::kind::failed;
  error why;
  landed what;
};

/// Asks for the type's rows in some ranges, at most `limit`.
struct rows_request {
  std::string type;
  std::vector<record_range> ranges;
  std::size_t limit = 0;
};

/// Where the log cursor stands; what it knows of the primary.
struct cursor_status {
  cursor_state cursor;
  std::vector<backfill_state> backfills;
  bool reachable = false;
  std::optional<wall_time> last_contact;
  /// Why the primary does not answer; empty when it does.
  std::string trouble;
  std::vector<type_status> primary_types;
  std::optional<horizon_blocker> blocker;
  /// The log was lost in between, and this is why; empty once everything was compared.
  std::string gap;
};

/// What the registry knows of one type.
struct registry_type_status {
  std::string type;
  registry_counts counts;
  std::optional<wall_time> recovery_point;
  bool paused = false;
  backfill_state walk;
  /// Everything committed before it is here and verified.
  std::optional<wall_time> verified_point = {};
  /// A resync of all is marking rows.
  bool marking = false;
  /// A reverify of all is reading them.
  bool reverifying = false;
};
using registry_status = std::vector<registry_type_status>;

/// What was found at rest.
struct verification_report {
  std::vector<verification_outcome> outcomes;
};

/// Some claims to be read at rest, in one store; `store` ends with them, should the reading last.
struct reading_request {
  std::shared_ptr<strategy> store;
  std::vector<verification_claim> claims;
  /// Set where the answer is no longer wanted.
  std::shared_ptr<std::atomic<bool>> cancelled;
};

/// Asks for the upkeep of one resource, if any is due.
struct upkeep_request {
  std::shared_ptr<strategy> store;
  /// Set where it is no longer wanted.
  std::shared_ptr<std::atomic<bool>> cancelled;
};

/// What a supervisor has moved since the node started.
struct transfer_totals {
  std::size_t in_flight = 0;
  std::uint64_t records = 0;
  /// Received for them: what a resumed transfer found here is not counted again.
  std::uint64_t bytes = 0;
  std::uint64_t adopted = 0;
  /// Why nothing new is fetched for want of room; empty where it is.
  std::string short_of_space;
};

/// A declared type and the store that was opened for it.
struct site_type {
  replicable_type declared;
  /// Null while the store can't be used; `trouble` says why.
  std::shared_ptr<strategy> store;
  std::string trouble;
};

/// How a store is; what status shows of it.
struct store_view {
  enum class condition {
    /// Being looked at: what the registry says of it is not to be believed yet.
    opening,
    good,
    /// Not there, or can't be used.
    away,
  };
  condition now = condition::opening;
  known_store known;
};

/// What a store's keeper has to say, and the strategies that it has opened.
struct store_report {
  store_view view;
  std::vector<site_type> types;
};

/// Makes the strategy for a type's store; touches no file yet.
using store_opener = std::function<result<std::shared_ptr<strategy>>(const replicable_type&)>;

/// A secondary as a whole; what `farshore status` shows.
struct secondary_status {
  struct type_line {
    replicable_type declared;
    registry_type_status registry;
    transfer_totals totals;
    store_view store;
    /// Why nothing can be had of the type yet; empty when all is well.
    std::string waiting;
  };
  cursor_status log;
  std::vector<type_line> types;
};

/// Asks for rows of a scanned type's table with `after` < path < `until`, in order.
struct scan_page_request {
  std::string type;
  std::string after;
  std::string until;
  std::size_t limit = 0;
};

/// Asks what the table says of these paths.
struct scan_lookup {
  std::string type;
  std::vector<std::string> paths;
};

/// What a scan or a watch found different.
struct scan_change {
  std::string type;
  scan_differences differences;
};

/// Something in a scanned folder that can't be replicated.
struct unsupported_file {
  /// Decoded.
  std::string path;
  std::string what;
};

/// How a scanned folder stands; whenever that has changed.
struct scan_report {
  std::string type;
  /// Why changes are noticed by scanning alone; empty where the folder is watched.
  std::string not_watched;
  /// Why the last scan could not be made; empty when it could.
  std::string trouble;
  /// The last whole scan: its end, how long it took, what it saw.
  std::optional<wall_time> scanned_at;
  std::chrono::milliseconds took{0};
  std::size_t files = 0;
  /// Removals that wait for approval, and of how many records.
  std::size_t held = 0;
  std::size_t held_of = 0;
  /// Folders that could not be looked into, and why the first of them couldn't.
  std::size_t closed = 0;
  std::string first_closed;
  std::size_t unsupported = 0;
  /// The first of them.
  std::shared_ptr<const std::vector<unsupported_file>> unsupported_list;
};

/// Resources of one store to be hashed, in order.
struct hash_order {
  std::string type;
  /// Of the verifier's own: which declaration of the type it belongs to.
  std::uint64_t line = 0;
  std::shared_ptr<strategy> store;
  struct item {
    checksum_claim of;
    /// Encoded.
    std::string locator;
  };
  std::vector<item> items;
};

/// What became of an order.
struct hash_answer {
  std::string type;
  std::uint64_t line = 0;
  struct item {
    hash_order::item of;
    result<content_offer> found;
  };
  std::vector<item> done;
  /// Not come to.
  std::vector<hash_order::item> left;
  /// The store's folder itself is not there: what was missing in it was not looked at either.
  bool store_gone = false;
};

/// Resources of one store to be glanced at: whether their checksums are still these.
struct glance_order {
  std::string type;
  /// As hash_order has it.
  std::uint64_t line = 0;
  std::shared_ptr<strategy> store;
  struct item {
    record_id record = 0;
    /// Encoded.
    std::string locator;
    checksum sum{};
  };
  std::vector<item> items;
};

/// What became of such an order.
struct glance_answer {
  std::string type;
  std::uint64_t line = 0;
  /// Their checksum is another, or can't be told.
  std::vector<record_id> differing;
  /// Not come to.
  std::vector<glance_order::item> left;
  /// The store's folder itself is not there.
  bool store_gone = false;
};

/// Why nothing of a type is verified now; empty once it is.
struct checksum_trouble {
  std::string type;
  std::string what;
};

/// A primary as a whole.
struct primary_status {
  std::vector<type_status> types;
  std::vector<primary_counts> counts;
  /// Of the scanned types, once they were looked at.
  std::vector<scan_report> scans;
  /// Where verification is held up.
  std::vector<checksum_trouble> checksum_troubles;
  /// Events that the last fold took: 0 when the state table is level with the log.
  std::size_t fold_lag = 0;
  std::vector<site_standing> sites;
  log_retention retention;
};

} // namespace farshore

// Atom texts: at most 10 characters of [A-Za-z0-9_].
CAF_BEGIN_TYPE_ID_BLOCK(farshore, caf::first_custom_type_id)

CAF_ADD_ATOM(farshore, farshore::atom, acquire, "acquire")
CAF_ADD_ATOM(farshore, farshore::atom, apply, "apply")
CAF_ADD_ATOM(farshore, farshore::atom, approve, "approve")
CAF_ADD_ATOM(farshore, farshore::atom, claim, "claim")
CAF_ADD_ATOM(farshore, farshore::atom, compare, "compare")
CAF_ADD_ATOM(farshore, farshore::atom, confirm, "confirm")
CAF_ADD_ATOM(farshore, farshore::atom, cursor, "cursor")
CAF_ADD_ATOM(farshore, farshore::atom, declare, "declare")
CAF_ADD_ATOM(farshore, farshore::atom, distrust, "distrust")
CAF_ADD_ATOM(farshore, farshore::atom, epoch, "epoch")
CAF_ADD_ATOM(farshore, farshore::atom, finish, "finish")
CAF_ADD_ATOM(farshore, farshore::atom, flush, "flush")
CAF_ADD_ATOM(farshore, farshore::atom, forget, "forget")
CAF_ADD_ATOM(farshore, farshore::atom, give_back, "give_back")
CAF_ADD_ATOM(farshore, farshore::atom, horizon, "horizon")
CAF_ADD_ATOM(farshore, farshore::atom, list, "list")
CAF_ADD_ATOM(farshore, farshore::atom, look, "look")
CAF_ADD_ATOM(farshore, farshore::atom, mark, "mark")
CAF_ADD_ATOM(farshore, farshore::atom, pause, "pause")
CAF_ADD_ATOM(farshore, farshore::atom, position, "position")
CAF_ADD_ATOM(farshore, farshore::atom, publish, "publish")
CAF_ADD_ATOM(farshore, farshore::atom, reachable, "reachable")
CAF_ADD_ATOM(farshore, farshore::atom, recheck, "recheck")
CAF_ADD_ATOM(farshore, farshore::atom, renew, "renew")
CAF_ADD_ATOM(farshore, farshore::atom, resync, "resync")
CAF_ADD_ATOM(farshore, farshore::atom, scope, "scope")
CAF_ADD_ATOM(farshore, farshore::atom, space, "space")
CAF_ADD_ATOM(farshore, farshore::atom, reverify, "reverify")
CAF_ADD_ATOM(farshore, farshore::atom, skip, "skip")
CAF_ADD_ATOM(farshore, farshore::atom, start, "start")
CAF_ADD_ATOM(farshore, farshore::atom, status, "status")
CAF_ADD_ATOM(farshore, farshore::atom, step, "step")
CAF_ADD_ATOM(farshore, farshore::atom, stop, "stop")
CAF_ADD_ATOM(farshore, farshore::atom, store, "store")
CAF_ADD_ATOM(farshore, farshore::atom, suspects, "suspects")
CAF_ADD_ATOM(farshore, farshore::atom, tick, "tick")
CAF_ADD_ATOM(farshore, farshore::atom, wake, "wake")

CAF_END_TYPE_ID_BLOCK(farshore)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::catalogue_page)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::catalogue_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::checksum_release)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::checksum_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::checksum_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::checksum_trouble)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::claim_scope)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::compared_ranges)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::comparison_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::digest_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::error)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::event_position)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::events_page)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::events_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::fetch_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::free_mark)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::glance_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::glance_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::held_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::hash_answer)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::hash_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::known_store)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::log_retention)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::operation)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::orphan_order)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::outcome)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::place_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::remove_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::reading_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::records_page)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::records_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::rows_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::record_selection)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::site_scope)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::site_space)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::scan_change)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::scan_lookup)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::scan_page_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::scan_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::store_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::store_verdict)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::transfer_totals)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::upkeep_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::verification_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::verification_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::worker_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<bool>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::applied>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::catalogue_page>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::claimed>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::comparison_status>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::cursor_status>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::digest_page>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::done>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::events_page>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::held_digests>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::landed>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::orphan_status>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::primary_position>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::primary_status>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::records_page>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::registry_status>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::scanned_page>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::secondary_status>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::store_standing>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::verification_report>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<farshore::verification_round>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<std::int64_t>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<std::uint64_t>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<std::vector<bool>>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<std::vector<farshore::checksum_claim>>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<std::vector<farshore::claim_token>>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<std::vector<farshore::registry_row>>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<std::vector<farshore::scanned_place>>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(farshore::result<std::vector<farshore::unsupported_file>>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::optional<farshore::wall_time>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<farshore::claim_token>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<farshore::replicable_type>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<farshore::store_type>)
