// Makes the streamed answer to a request for blobs, piece by piece: opens, compares offers, reads.
//
// Blocks on the disk, knows no socket. Used by one thread at a time. Opens only what the rows say:
// nothing of the request ever becomes a path.

#pragma once

#include "net/blob_request.hpp"
#include "net/frames.hpp"
#include "registry/primary_reader.hpp"
#include "strategies/sha256.hpp"
#include "strategies/strategy.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace farshore {

class blob_sender {
public:
  /// `rows` as resolve() gave them, one for each blob of the request, in its order. `wire` is the
  /// request's version.
  blob_sender(std::shared_ptr<strategy> store, blob_request request,
              std::vector<resolved_record> rows, std::uint64_t large_blob_bytes, int wire);

  /// Appends the next frames, some 256 KiB of them, or a sign of life while it reads without having
  /// anything to say. False once the end frame is in.
  bool fill(std::vector<std::byte>& out);
  /// What comes next is still being made: the last fill() had nothing but a sign of life.
  [[nodiscard]] bool is_waiting() const { return waiting_; }

private:
  enum class doing : std::uint8_t { next, comparing, sending };

  void begin_blob(frame_encoder& to);
  void compare(frame_encoder& to);
  void begin_content(frame_encoder& to, std::uint64_t offset);
  void send(frame_encoder& to);
  /// The blob's only frame: `status` is all there is to say.
  void answer(frame_encoder& to, blob_status status);
  void end_content(frame_encoder& to, blob_status status);
  [[nodiscard]] blob_head head(blob_status status) const;
  void log_unreadable(const error& why) const;

  std::shared_ptr<strategy> store_;
  blob_request request_;
  std::vector<resolved_record> rows_;
  std::uint64_t large_blob_bytes_;
  int wire_;

  doing doing_ = doing::next;
  std::size_t index_ = 0;
  std::unique_ptr<resource_reader> reader_;
  /// How far the present blob was read.
  std::uint64_t at_ = 0;
  sha256 hash_;
  /// Read for comparing since the last frame.
  std::uint64_t silent_bytes_ = 0;
  bool waiting_ = false;
  std::vector<std::byte> scratch_;
};

} // namespace farshore
