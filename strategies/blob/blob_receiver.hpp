// Takes one blob's bytes, hashing them as they come.
//
//   offer ──► matched ────────────► in place, or complete in a temporary file ─┐
//     └─────► begin ─► write … ─► finish ─► in a temporary file ───────────────┴─► placed
//
// A small blob, and a link's text, stays in memory until finish() and costs as few system calls as
// can be; a large one goes to "<type>-<record>-<token>.part", which the next receiver of the record
// takes up where this one broke off. Used by one thread at a time; owns its temporary file.

#pragma once

#include "strategies/blob/shelf.hpp"
#include "strategies/sha256.hpp"
#include "strategies/strategy.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace farshore {

class blob_receiver final : public receiver {
public:
  blob_receiver(std::shared_ptr<shelf> from, std::shared_ptr<sync_job> job, std::string locator);
  ~blob_receiver() override;

  std::optional<content_offer> offer() override;
  result<void> matched(const file_attributes& attributes) override;
  result<void> begin(std::uint64_t offset, std::uint64_t size,
                     const file_attributes& attributes) override;
  result<void> write(std::span<const std::byte> bytes) override;
  result<void> finish() override;

  // -- for the strategy's place(), in this order; it puts the record's name before their errors --

  /// Whether there is something to place, all of it written after the last failed flush. Sees to
  /// the attributes of what lies at the locator already.
  result<void> ready();
  /// Flushes its own bytes. Not needed where the whole file system is flushed instead.
  result<void> flush();
  /// The bytes are flushed: brings them to the locator. Nothing to do for what lies there already.
  result<void> rename();
  /// Bytes and names are flushed.
  landed settle();
  /// A flush that should have covered it failed: nothing of it is worth keeping.
  void condemn();

  [[nodiscard]] const std::string& locator() const { return locator_; }

private:
  enum class stage : std::uint8_t { empty, receiving, in_temp, in_place, placed, condemned };

  std::optional<content_offer> offer_leftover();
  std::optional<content_offer> offer_in_place();
  result<void> take_room(std::uint64_t bytes);
  std::optional<content_offer> offer_link(const stored_link& link);
  /// The offered bytes are right, but lie there as the other kind.
  result<void> change_kind(const file_attributes& attributes);
  result<void> demand_link(std::uint64_t offset, std::uint64_t size) const;
  [[nodiscard]] bool is_link() const { return attributes_.kind == content_kind::link; }
  result<void> copy_offered();
  result<void> store(std::span<const std::byte> bytes);
  result<void> finish_small();
  result<void> append(std::span<const std::byte> bytes);
  result<void> demand_expected(const checksum& sum);
  void discard();
  [[nodiscard]] error about(error why) const;
  /// The end of a transfer. Where the disk is full what is here of it goes: others need the room.
  tl::unexpected<error> give_up(error why);

  const std::shared_ptr<shelf> shelf_;
  const std::shared_ptr<sync_job> job_;
  /// Decoded.
  const std::string locator_;

  stage stage_ = stage::empty;
  sha256 hash_;
  std::uint64_t size_ = 0;
  std::uint64_t received_ = 0;
  file_attributes attributes_;
  checksum sum_{};
  bool adopted_ = false;
  /// Flushes that had failed before our first byte was written.
  std::uint64_t failures_before_ = 0;

  std::optional<content_offer> offered_;
  /// What lay at the locator when it was offered.
  std::optional<file_status> offered_in_place_;
  /// Why nothing can be placed at the locator, as far as the offer could see.
  std::optional<error> obstacle_;

  /// A small blob until it is finished.
  bool in_memory_ = false;
  std::vector<std::byte> bytes_;
  /// The temporary file, "" where there is none; open while bytes are added, a large one until
  /// placed.
  std::string temp_;
  std::unique_ptr<open_file> file_;
};

} // namespace farshore
