// A secondary's way to its primary over HTTP.
//
//   events, catalogue (and records by id), position ──► a connection each, one question at a time
//   fetch ─┬─ small ──► `connections` that each ask for many blobs in one request
//          └─ large ──► as many again, one blob at a time
//
// What arrives is held to the bandwidth cap by not reading: the sender waits, and so do we, which
// is nobody's lack of progress. Events, catalogue and positions count, but never wait.
//
// Thread-safe. Callbacks come exactly once each, from a thread of the link's, and must not block.
// Owns one thread that moves bytes, and pools that hash, write and parse. Bounds nothing by itself:
// who asks has a capacity.

#pragma once

#include "config/clock.hpp"
#include "config/error.hpp"
#include "net/bandwidth_cap.hpp"
#include "net/tls.hpp"
#include "registry/range_digests.hpp"
#include "registry/records.hpp"
#include "strategies/strategy.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace farshore {

struct primary_link_settings {
  /// http://host:port or https://host:port
  std::string url;
  std::string site;
  std::string secret;
  /// Whom to trust; needed for https://.
  tls_context tls{};
  std::size_t connections = 2;
  std::uint64_t large_blob_bytes = 1u << 20;
  std::size_t disk_threads = 2;
  bandwidth_plan bandwidth = {};
  std::chrono::milliseconds connect_patience{10'000};
  /// The longest silence of a primary that was asked something.
  std::chrono::milliseconds patience{30'000};
  const time_source* time = &system_time();
};

class primary_link {
public:
  template <class T>
  using callback = std::function<void(result<T>)>;

  /// Connects when first asked.
  static std::shared_ptr<primary_link> make(primary_link_settings settings);
  virtual ~primary_link() = default;

  // These fail with ec::primary_unreachable, ec::unauthorized, ec::protocol or ec::stopping, and
  // with what the primary itself may say: ec::position_unknown, ec::log_trimmed, ec::type_waiting,
  // ec::not_found. A primary that does not know the scope of a request is told it, and asked again;
  // they fail with ec::scope_unknown where that was another than set_scope() last named.

  virtual void events(const events_request& request, callback<events_page> done) = 0;
  virtual void catalogue(const catalogue_request& request, callback<catalogue_page> done) = 0;
  /// `asked` of the answer is what was asked for.
  virtual void records(const records_request& request, callback<records_page> done) = 0;
  virtual void digests(const digest_request& request, callback<digest_page> done) = 0;
  virtual void position(callback<primary_position> done) = 0;

  /// Moves the job's bytes into the receiver, until it has finished or matched. Fails with one of
  /// the above, with what the primary says of the blob (ec::missing_on_primary, ec::moved_on,
  /// ec::changed, ec::unreadable_on_primary, ec::bad_locator), or with what the receiver fails
  /// with; ec::lease_lost where the job's lease was revoked.
  virtual void fetch(std::shared_ptr<sync_job> job, std::shared_ptr<receiver> into,
                     callback<void> done) = 0;

  /// What this site wants from now on; blobs are asked for under it.
  virtual void set_scope(const site_scope& scope) = 0;

  /// Signs with this from now on.
  virtual void set_secret(std::string secret) = 0;
  /// New connections trust these from now on; those that are there go on.
  virtual void set_tls(tls_context tls) = 0;

  /// In force at once.
  virtual void set_bandwidth(bandwidth_plan plan) = 0;
  [[nodiscard]] virtual bandwidth_use bandwidth() = 0;

  /// Fails what is not finished with ec::stopping and waits for the calls into receivers that are
  /// under way. When it returns every callback has been called. Not from a callback. May be called
  /// again.
  virtual void stop() = 0;
};

} // namespace farshore
