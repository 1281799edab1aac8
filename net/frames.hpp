// The framing of the streamed answer to a request for blobs (docs/wire.md, "Blobs"): what lies
// between a file on the primary and a receiver on a secondary, without files and without sockets.
//
// Plain objects; one thread at a time. The encoder believes its caller, the decoder nobody.

#pragma once

#include "config/error.hpp"
#include "config/ids.hpp"
#include "strategies/strategy.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace farshore {

/// How a blob is answered. Numbers are on the wire.
enum class blob_status : std::uint8_t {
  /// Head: bytes follow. Tail: they are all there, and the file did not change meanwhile.
  ok = 0,
  /// What was offered is exactly the content.
  match = 1,
  /// Too large for a batch: to be asked for alone.
  large = 2,
  /// The row is there, the resource is not.
  missing = 3,
  /// The row is gone, out of scope, or lies elsewhere by now.
  moved_on = 4,
  /// It changed while it was being read.
  changed = 5,
  unreadable = 6,
  /// The row's locator leads out of the store, or to something that is no regular file.
  bad_locator = 7,
};
std::string_view to_string(blob_status status);

struct blob_head {
  /// Place of the blob in the request, from 0 on.
  std::uint32_t index = 0;
  blob_status status = blob_status::ok;
  // The rest has a meaning with ok and match only.
  /// Where the bytes that follow begin: 0, or the offered size.
  std::uint64_t offset = 0;
  /// Of the whole content; size_unknown where only the tail tells, from version 3 on.
  std::uint64_t size = 0;
  file_attributes attributes;
  /// The primary's checksum of the content, where it has one.
  std::optional<checksum> sum;
};

/// Type, index, status, offset, size, mode, mtime, has-checksum, checksum.
inline constexpr std::size_t frame_head_bytes = 1 + 4 + 1 + 8 + 8 + 4 + 8 + 1 + 32;
inline constexpr std::size_t frame_data_bytes_max = 1u << 20;
/// Bytes before a data frame's content.
inline constexpr std::size_t frame_data_prefix_bytes = 5;

/// Appends frames to a buffer.
class frame_encoder {
public:
  explicit frame_encoder(std::vector<std::byte>& out) : out_{out} {}

  void head(const blob_head& head);
  /// 1 byte to frame_data_bytes_max.
  void data(std::span<const std::byte> bytes);
  /// The same in two steps, for content that is read straight into the buffer: makes room for up to
  /// `bytes_max`, valid until the next call …
  std::span<std::byte> open_data(std::size_t bytes_max);
  /// … and keeps the first `bytes` of it; 0 takes the frame back.
  void close_data(std::size_t bytes);
  void tail(blob_status status);
  /// Says no more than: still at work. Between blobs, and in one of unknown size.
  void busy();
  void end();

private:
  std::vector<std::byte>& out_;
  std::size_t opened_at_ = 0;
};

/// Gets a stream's frames, in order and already checked: heads count up from 0, data only after a
/// head with status ok, never more than it announced, and with a tail of status ok exactly that.
class frame_handler {
public:
  virtual ~frame_handler() = default;
  /// A failure ends the decoding with that error.
  virtual result<void> on_head(const blob_head& head) = 0;
  /// Some bytes of the content, not necessarily a whole frame's.
  virtual void on_data(std::span<const std::byte> bytes) = 0;
  virtual void on_tail(blob_status status) = 0;
  /// The next bytes of a blob of unknown size are still being made.
  virtual void on_busy() {}
};

class frame_decoder {
public:
  /// For the answer to a request for `blobs`. `handler` must outlive the decoder.
  frame_decoder(std::uint32_t blobs, frame_handler& handler) : blobs_{blobs}, handler_{&handler} {}

  /// Takes the next bytes of the stream, cut anywhere. Fails with ec::protocol, or with what the
  /// handler failed with; once failed, it stays so.
  result<void> feed(std::span<const std::byte> bytes);

  /// The end frame was there: nothing is missing.
  [[nodiscard]] bool complete() const { return place_ == place::ended; }

private:
  enum class place : std::uint8_t { between_blobs, in_blob, ended, failed };

  /// Size of a frame's fixed part, or 0 where no such frame may stand here.
  [[nodiscard]] std::size_t fixed_bytes(std::uint8_t type) const;
  result<void> take_frame();
  result<void> take_head();
  result<void> take_data_prefix();
  result<void> take_tail();
  result<void> take_end();

  std::uint32_t blobs_;
  frame_handler* handler_;
  place place_ = place::between_blobs;
  std::uint32_t next_index_ = 0;
  /// Announced by the blob's head and not here yet; size_unknown: until its tail.
  std::uint64_t blob_left_ = 0;
  /// Of the data frame that is being read.
  std::uint32_t data_left_ = 0;
  /// The fixed part of the next frame, as far as it is here.
  std::array<std::byte, frame_head_bytes> fixed_{};
  std::size_t filled_ = 0;
  error failure_;
};

} // namespace farshore
