// The contract of a strategy: the only code that knows how a resource is stored.
//
// A strategy object belongs to one store at one site. Its calls block, so they run on the disk
// threads only (never in an actor that shares a thread, never on a socket's thread). Different
// receivers and readers may be used on different threads at once; one of them is used by one thread
// at a time. Nothing here throws, knows an actor, a database or a clock of its own.

#pragma once

#include "config/clock.hpp"
#include "config/error.hpp"
#include "config/ids.hpp"
#include "config/store_mark.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace farshore {

/// Of a file system, for who is not root.
struct disk_space {
  std::uint64_t free_bytes = 0;
  std::uint64_t total_bytes = 0;
};

/// The right to change a record's resource; ends by itself unless renewed. Thread-safe.
class lease {
public:
  explicit lease(steady_time until) : until_{until.time_since_epoch().count()} {}

  void renew(steady_time until) {
    auto seen = until_.load();
    while (seen != revoked &&
           !until_.compare_exchange_weak(seen, until.time_since_epoch().count())) {
    }
  }
  /// Never lasts again.
  void revoke() { until_.store(revoked); }
  /// Whether it surely lasts at `at`, a little margin included by the caller.
  [[nodiscard]] bool lasts(steady_time at) const {
    return at.time_since_epoch().count() < until_.load();
  }

private:
  static constexpr steady_time::rep revoked = INT64_MIN;
  std::atomic<steady_time::rep> until_;
};

/// One record's way from the primary to the disk. Shared by the worker, the client and the disk.
struct sync_job {
  claim_token token = 0;
  replicable_id id;
  /// Encoded.
  std::string locator;
  /// Encoded; where its resource may lie so far. What still lies there is removed later.
  std::vector<std::string> former;
  /// The primary's checksum, when it has one.
  std::optional<checksum> expected;
  std::optional<std::uint64_t> size;
  /// Encoded; the repository that a first mirror shares objects with. Empty: none.
  std::string pool = {};
  /// Failures in a row so far.
  int tries = 0;
  std::shared_ptr<lease> held;
  /// A change that just came: it goes before bulk work.
  bool live = false;
  /// What lies here is not to be believed, nor what was left of a broken-off transfer: nothing is
  /// offered, and all of it is fetched.
  bool force = false;
  /// Bytes that may still be begun in its store, shared by the store's jobs; nullptr: any number.
  std::shared_ptr<std::atomic<std::int64_t>> room;
  /// Bytes that it has begun with, taken from `room`.
  std::atomic<std::uint64_t> begun{0};
  /// Bytes received so far; the deadline watches it.
  std::atomic<std::uint64_t> progress{0};
  /// Set while the transfer is on the wire, and not held back by our own bandwidth cap: only then
  /// does the progress deadline run.
  std::atomic<bool> moving{false};
};

/// In place of the size of a content that is made while it is read: its end tells how long it was.
inline constexpr std::uint64_t size_unknown = UINT64_MAX;

/// What a site already has of a resource: all of it, or its beginning.
struct content_offer {
  std::uint64_t size = 0;
  checksum sum{};
  /// What else tells the sender what it need not send; of repositories the objects (as lower-case
  /// hex) that the site has with all that they need.
  std::vector<std::string> have = {};
};

/// What was read where it lies.
struct read_content {
  checksum sum{};
  /// What is odd about it, and no damage: a few lines. Empty: nothing.
  std::string findings;
};

/// As what a resource's content lies on the disk. Links occur in scanned types only; a link's
/// content is the text that it leads to.
enum class content_kind : std::uint8_t { regular, link };

/// What a resource carries besides its bytes. Of a link only the kind is kept.
struct file_attributes {
  /// Permission bits (07777 masked to 0777).
  std::uint32_t mode = 0644;
  /// Nanoseconds since the epoch.
  std::int64_t mtime_ns = 0;
  content_kind kind = content_kind::regular;
};

/// What came to lie on the disk.
struct landed {
  checksum sum{};
  std::uint64_t size = 0;
  /// Not transferred: it was there already.
  bool adopted = false;
};

/// Takes one resource's bytes. Order of calls: offer, then either matched, or begin, write …,
/// finish; then the strategy's place. Destroying it early keeps what can be resumed.
class receiver {
public:
  virtual ~receiver() = default;

  /// What is here already: a broken-off transfer before a file at the locator. Reads and hashes it.
  virtual std::optional<content_offer> offer() = 0;
  /// After offer(): the content may well be a large one, which should not hold up small ones.
  [[nodiscard]] virtual bool may_be_large() const { return false; }
  /// The primary has exactly the offered content.
  virtual result<void> matched(const file_attributes& attributes) = 0;
  /// Bytes follow, from `offset` on: 0, or the offered size when the primary's begins with it.
  /// `size` may be size_unknown. Fails with ec::no_space where they are more than the job has room
  /// for.
  virtual result<void> begin(std::uint64_t offset, std::uint64_t size,
                             const file_attributes& attributes) = 0;
  /// Hashes and stores; counts job.progress.
  virtual result<void> write(std::span<const std::byte> bytes) = 0;
  /// All bytes are here. Fails with ec::checksum_mismatch (and throws the bytes away) where the
  /// job's expected checksum is another.
  virtual result<void> finish() = 0;
};

/// One entry of a batch that goes to its place.
struct placement {
  std::shared_ptr<sync_job> job;
  std::shared_ptr<receiver> from;
  /// Set by place().
  result<landed> to = fail(ec::internal, "not placed");
};

/// One entry of a batch that is removed.
struct removal {
  std::shared_ptr<sync_job> job;
  /// Encoded.
  std::vector<std::string> locators;
  /// Set by remove().
  result<void> done = fail(ec::internal, "not removed");
};

/// Serves one resource on the primary.
class resource_reader {
public:
  virtual ~resource_reader() = default;
  /// Or size_unknown.
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  [[nodiscard]] virtual file_attributes attributes() const = 0;
  /// Whether the offered content is the whole of this one, where that is known without reading;
  /// nothing: its bytes are to be compared. What the offer says of it may shorten what is read.
  virtual std::optional<bool> matches(const content_offer&) { return std::nullopt; }
  /// False: the next bytes are still being made, and read() would wait for them.
  virtual result<bool> is_ready() { return true; }
  /// Reads up to bytes.size() from `offset`; 0 at the end. Fails with ec::unreadable_on_primary.
  virtual result<std::size_t> read(std::uint64_t offset, std::span<std::byte> bytes) = 0;
  /// False if size, mtime, ctime or inode are no longer what they were when it was opened, or the
  /// locator leads to another file by now.
  [[nodiscard]] virtual bool unchanged() = 0;
};

/// Some of what lies in a store.
struct stored_page {
  /// Encoded.
  std::vector<std::string> locators;
  bool last = false;
};

/// A walk through all that lies in a store, `.farshore` left out; a page at a time, in an order of
/// its own. Blocks. What comes or goes meanwhile may be told of or not.
class store_listing {
public:
  virtual ~store_listing() = default;
  /// At most `limit` more. Fails with ec::disk where a part can't be looked into.
  virtual result<stored_page> next(std::size_t limit) = 0;
};

class strategy {
public:
  virtual ~strategy() = default;

  // -- on a secondary --------------------------------------------------------------------------

  /// What lies at the store's path now, whatever this object has opened there before: a folder that
  /// was put in its place, or mounted over it, is seen. Cheap; changes nothing.
  virtual result<store_look> look() = 0;
  /// Makes the store ready (its folder, `.farshore`, leftovers of tmp). Idempotent.
  virtual result<void> prepare() = 0;
  /// Durably replaces what `.farshore/identity` says. Needs prepare().
  virtual result<void> write_mark(const store_mark& mark) = 0;
  /// Fails with ec::bad_locator.
  virtual result<std::shared_ptr<receiver>> receive(std::shared_ptr<sync_job> job) = 0;
  /// Brings finished receivers to their locators: bytes flushed, renamed where the lease lasts
  /// (else ec::lease_lost), names flushed. Atomic for each record at any kill or power cut: old
  /// content or new. A batch costs few flushes. Idempotent.
  virtual void place(std::span<placement> batch) = 0;
  /// Removes resources (what is not there counts as removed) and folders left empty by it, flushed.
  virtual void remove(std::span<removal> batch) = 0;

  /// What is free on the file system of the store.
  virtual result<disk_space> space() = 0;

  /// Brings one resource into better shape where that is due: nobody waits for it, and whoever
  /// needs the resource meanwhile goes first. True: more is due. Soon after `cancelled` (unless
  /// nullptr) was set it ends. On a background thread, for long.
  virtual bool keep_up(const std::atomic<bool>*) { return false; }

  /// Begins a walk. Fails with ec::disk.
  virtual result<std::unique_ptr<store_listing>> list() {
    return fail(ec::disk, "what lies in such a store can't be listed");
  }

  // -- on a primary ----------------------------------------------------------------------------

  /// Opens a resource for serving; never follows a link. Fails with
  /// ec::missing_on_primary, ec::bad_locator or ec::unreadable_on_primary.
  virtual result<std::unique_ptr<resource_reader>> open(std::string_view encoded_locator) = 0;

  // -- anywhere --------------------------------------------------------------------------------

  /// SHA-256 of what lies at the locator now (of a repository: of its refs). Fails as open() does;
  /// with ec::changed where it became another while it was read, and with ec::stopping soon after
  /// `cancelled` (unless nullptr) was set.
  virtual result<content_offer> checksum_of(std::string_view encoded_locator,
                                            const std::atomic<bool>* cancelled) = 0;

  /// The checksum alone, where it can be told by reading next to nothing: so that very many can be
  /// looked at each minute. Nothing where it can't. Fails as open() does.
  virtual result<std::optional<checksum>> glance(std::string_view) {
    return std::optional<checksum>{};
  }

  /// The same as checksum_of, after all that belongs to the resource was read, where its checksum
  /// does not cover that. Damage is ec::unreadable_on_primary.
  virtual result<read_content> verify(std::string_view encoded_locator,
                                      const std::atomic<bool>* cancelled) {
    return checksum_of(encoded_locator, cancelled).map([](const content_offer& found) {
      return read_content{found.sum, {}};
    });
  }
};

} // namespace farshore
