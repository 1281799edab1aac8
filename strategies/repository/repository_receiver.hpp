// Takes one repository as the primary's reader makes it: its refs, then a pack.
//
//   offer ──► matched ──────────────────────────────────► the mirror is as it should be ──┐
//     └─────► begin ─► write … ─► finish ─┬► packs in quarantine, beside the mirror ──────┤
//                                         └► a whole new mirror in a temporary folder ────┴► placed
//
// A new mirror of a record that has a pool begins with the pool's packs; what is offered then is
// the pool.
//
// A mirror that still lies at a former locator of its record is built upon where it lies, and moved
// when it is placed. Objects come first, into a place where no reader sees them, and are all there
// (connectivity) before any ref changes. A mirror that is not there, not to be believed or of
// another object format is built anew, beside what lies there. Used by one thread at a time; owns
// its temporary folder and the git that it feeds. Nothing of a broken-off transfer is kept.

#pragma once

#include "strategies/repository/git_program.hpp"
#include "strategies/repository/mirror.hpp"
#include "strategies/repository/pool.hpp"
#include "strategies/repository/refs.hpp"
#include "strategies/repository/workshop.hpp"
#include "strategies/strategy.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>

namespace farshore {

class repository_receiver final : public receiver {
public:
  repository_receiver(std::shared_ptr<workshop> at, std::shared_ptr<sync_job> job,
                      std::string locator);
  ~repository_receiver() override;

  std::optional<content_offer> offer() override;
  /// A mirror that is to be made anew.
  [[nodiscard]] bool may_be_large() const override { return !mirror_ && !pool_; }
  result<void> matched(const file_attributes& attributes) override;
  result<void> begin(std::uint64_t offset, std::uint64_t size,
                     const file_attributes& attributes) override;
  result<void> write(std::span<const std::byte> bytes) override;
  /// The job's expected checksum is that of the refs some time ago: what arrives is judged by the
  /// checksum that comes with it, and by its objects' names.
  result<void> finish() override;

  // -- for the strategy's place(), in this order -----------------------------------------------

  /// Whether there is something to place.
  result<void> ready();
  /// Flushes what was received. Not needed where the whole file system is flushed instead.
  result<void> flush_received();
  /// Brings a mirror from its former place, objects to where they are seen, and locks the refs.
  result<void> bring_objects();
  /// Flushes what that has changed. Not needed where the whole file system is.
  result<void> flush_objects();
  /// Readers see the new refs, or the new mirror.
  result<void> change_refs();
  /// Flushes that. Not needed where the whole file system is.
  result<void> flush_refs();
  landed settle();
  /// A flush failed: what lies there may be in memory only.
  void condemn();

  [[nodiscard]] const std::string& locator() const { return locator_; }

private:
  enum class stage : std::uint8_t { empty, header, pack, complete, in_place, placed };

  std::optional<content_offer> offer_pool(int root);
  result<void> demand_place();
  result<void> make_temp(const char* what);
  result<void> begin_mirror(object_format format);
  result<void> take(std::span<const std::byte> bytes);
  result<void> take_room(std::uint64_t bytes);
  result<void> end_header();
  result<void> take_pack(std::span<const std::byte> bytes);
  result<void> start_index();
  result<void> finish_pack();
  result<void> demand_objects();
  /// The mirror at a former locator, where nothing is at the new one.
  unique_fd open_former(int root);
  [[nodiscard]] git_command command(std::vector<std::string> arguments, int folder) const;
  void discard();

  const std::shared_ptr<workshop> workshop_;
  const std::shared_ptr<sync_job> job_;
  /// Decoded.
  const std::string locator_;
  /// From offer() on: nothing is repacked beneath what is built upon or taken away.
  mirror_turns::use use_;
  mirror_turns::use former_use_;
  /// That could not be had.
  std::optional<error> not_usable_;

  stage stage_ = stage::empty;
  /// What is built upon; empty: a new one is made.
  unique_fd mirror_;
  /// Where it lies, if that is a former locator (decoded); else "".
  std::string moved_from_;
  repository_refs before_;
  /// What a new mirror begins with.
  std::optional<pool> pool_;
  checksum sum_{};

  std::string header_;
  repository_refs refs_;
  std::uint64_t received_ = 0;
  /// The beginning of the pack, until it says how many objects it has.
  std::string pack_head_;
  bool pack_is_empty_ = false;
  std::unique_ptr<git_program> index_;

  /// The quarantine's, or the new mirror's; "" where there is none.
  std::string temp_;
  unique_fd temp_folder_;
  refs_change change_;
};

} // namespace farshore
