#include "net/frames.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <string>

#include <boost/endian/conversion.hpp>

namespace farshore {

namespace {

namespace endian = boost::endian;

enum frame_type : std::uint8_t {
  head_frame = 1,
  data_frame = 2,
  tail_frame = 3,
  end_frame = 4,
  busy_frame = 5,
};

constexpr auto status_last = static_cast<std::uint8_t>(blob_status::bad_locator);
constexpr std::uint32_t mode_max = 0777;
/// The file type of a symbolic link, above the permission bits.
constexpr std::uint32_t link_type = 0120000;

/// Walks over a frame's fields; the caller has made sure of the room.
class field_writer {
public:
  explicit field_writer(std::byte* at) : at_{reinterpret_cast<unsigned char*>(at)} {}
  void u8(std::uint8_t value) { *at_++ = value; }
  void u32(std::uint32_t value) {
    endian::store_little_u32(at_, value);
    at_ += 4;
  }
  void u64(std::uint64_t value) {
    endian::store_little_u64(at_, value);
    at_ += 8;
  }
  void bytes(const checksum& value) { std::memcpy(at_, value.data(), value.size()); }

private:
  unsigned char* at_;
};

class field_reader {
public:
  explicit field_reader(const std::byte* at) : at_{reinterpret_cast<const unsigned char*>(at)} {}
  std::uint8_t u8() { return *at_++; }
  std::uint32_t u32() {
    const auto value = endian::load_little_u32(at_);
    at_ += 4;
    return value;
  }
  std::uint64_t u64() {
    const auto value = endian::load_little_u64(at_);
    at_ += 8;
    return value;
  }
  checksum bytes() {
    checksum value;
    std::memcpy(value.data(), at_, value.size());
    return value;
  }

private:
  const unsigned char* at_;
};

field_writer grow(std::vector<std::byte>& out, std::size_t bytes) {
  const auto at = out.size();
  out.resize(at + bytes);
  return field_writer{out.data() + at};
}

tl::unexpected<error> refuse(std::string what) {
  return fail(ec::protocol, "the streamed answer is broken: " + std::move(what));
}

} // namespace

std::string_view to_string(blob_status status) {
  switch (status) {
  case blob_status::ok:
    return "ok";
  case blob_status::match:
    return "match";
  case blob_status::large:
    return "large";
  case blob_status::missing:
    return "missing";
  case blob_status::moved_on:
    return "moved_on";
  case blob_status::changed:
    return "changed";
  case blob_status::unreadable:
    return "unreadable";
  case blob_status::bad_locator:
    return "bad_locator";
  }
  return "unknown";
}

void frame_encoder::head(const blob_head& head) {
  auto to = grow(out_, frame_head_bytes);
  to.u8(head_frame);
  to.u32(head.index);
  to.u8(static_cast<std::uint8_t>(head.status));
  to.u64(head.offset);
  to.u64(head.size);
  to.u32(head.attributes.mode | (head.attributes.kind == content_kind::link ? link_type : 0));
  to.u64(static_cast<std::uint64_t>(head.attributes.mtime_ns));
  to.u8(head.sum ? 1 : 0);
  to.bytes(head.sum.value_or(checksum{}));
}

void frame_encoder::data(std::span<const std::byte> bytes) {
  std::ranges::copy(bytes, open_data(bytes.size()).begin());
  close_data(bytes.size());
}

std::span<std::byte> frame_encoder::open_data(std::size_t bytes_max) {
  assert(bytes_max > 0 && bytes_max <= frame_data_bytes_max);
  opened_at_ = out_.size();
  out_.resize(opened_at_ + frame_data_prefix_bytes + bytes_max);
  return std::span{out_}.subspan(opened_at_ + frame_data_prefix_bytes);
}

void frame_encoder::close_data(std::size_t bytes) {
  assert(opened_at_ + frame_data_prefix_bytes + bytes <= out_.size());
  out_.resize(opened_at_ + (bytes == 0 ? 0 : frame_data_prefix_bytes + bytes));
  if (bytes == 0)
    return;
  field_writer to{out_.data() + opened_at_};
  to.u8(data_frame);
  to.u32(static_cast<std::uint32_t>(bytes));
}

void frame_encoder::tail(blob_status status) {
  auto to = grow(out_, 2);
  to.u8(tail_frame);
  to.u8(static_cast<std::uint8_t>(status));
}

void frame_encoder::busy() {
  grow(out_, 1).u8(busy_frame);
}

void frame_encoder::end() {
  grow(out_, 1).u8(end_frame);
}

std::size_t frame_decoder::fixed_bytes(std::uint8_t type) const {
  const bool in_blob = place_ == place::in_blob;
  switch (type) {
  case head_frame:
    return in_blob ? 0 : frame_head_bytes;
  case data_frame:
    return in_blob ? frame_data_prefix_bytes : 0;
  case tail_frame:
    return in_blob ? 2 : 0;
  case end_frame:
    return in_blob ? 0 : 1;
  case busy_frame:
    return in_blob && blob_left_ != size_unknown ? 0 : 1;
  default:
    return 0;
  }
}

result<void> frame_decoder::feed(std::span<const std::byte> bytes) {
  if (place_ == place::failed)
    return fail(failure_);
  while (!bytes.empty()) {
    if (data_left_ > 0) {
      const auto part = bytes.first(std::min<std::size_t>(data_left_, bytes.size()));
      handler_->on_data(part);
      data_left_ -= static_cast<std::uint32_t>(part.size());
      bytes = bytes.subspan(part.size());
      continue;
    }
    const auto type = std::to_integer<std::uint8_t>(filled_ == 0 ? bytes.front() : fixed_[0]);
    const auto wanted = place_ == place::ended ? 0 : fixed_bytes(type);
    result<void> taken;
    if (wanted == 0) {
      taken = refuse("a frame of type " + std::to_string(type) + " stands where none may");
    } else {
      const auto part = bytes.first(std::min(wanted - filled_, bytes.size()));
      std::ranges::copy(part, fixed_.begin() + static_cast<std::ptrdiff_t>(filled_));
      filled_ += part.size();
      bytes = bytes.subspan(part.size());
      if (filled_ < wanted)
        break;
      filled_ = 0;
      taken = take_frame();
    }
    if (!taken) {
      place_ = place::failed;
      failure_ = taken.error();
      return taken;
    }
  }
  return {};
}

result<void> frame_decoder::take_frame() {
  switch (std::to_integer<std::uint8_t>(fixed_[0])) {
  case head_frame:
    return take_head();
  case data_frame:
    return take_data_prefix();
  case tail_frame:
    return take_tail();
  case end_frame:
    return take_end();
  default: // busy: that it came is all it says
    if (place_ == place::in_blob)
      handler_->on_busy();
    return {};
  }
}

result<void> frame_decoder::take_head() {
  field_reader from{fixed_.data() + 1};
  blob_head head;
  head.index = from.u32();
  const auto status = from.u8();
  head.offset = from.u64();
  head.size = from.u64();
  head.attributes.mode = from.u32();
  if ((head.attributes.mode & ~mode_max) == link_type) {
    head.attributes.kind = content_kind::link;
    head.attributes.mode &= mode_max;
  }
  head.attributes.mtime_ns = static_cast<std::int64_t>(from.u64());
  const auto has_sum = from.u8();
  if (has_sum == 1)
    head.sum = from.bytes();

  if (next_index_ == blobs_ || head.index != next_index_)
    return refuse("blob " + std::to_string(head.index) + " of " + std::to_string(blobs_) +
                  " stands where " + std::to_string(next_index_) + " should");
  if (status > status_last)
    return refuse("status " + std::to_string(status) + " is unknown");
  const bool is_endless = head.size == size_unknown;
  if (has_sum > 1 || head.attributes.mode > mode_max || head.offset > head.size ||
      (is_endless && (head.offset != 0 || status != static_cast<std::uint8_t>(blob_status::ok))))
    return refuse("the head of blob " + std::to_string(head.index) + " contradicts itself");
  head.status = static_cast<blob_status>(status);
  ++next_index_;
  if (head.status == blob_status::ok) {
    place_ = place::in_blob;
    blob_left_ = is_endless ? size_unknown : head.size - head.offset;
  }
  return handler_->on_head(head);
}

result<void> frame_decoder::take_data_prefix() {
  const auto length = field_reader{fixed_.data() + 1}.u32();
  if (length == 0 || length > frame_data_bytes_max)
    return refuse("a data frame of " + std::to_string(length) + " bytes");
  if (length > blob_left_)
    return refuse("blob " + std::to_string(next_index_ - 1) + " is longer than it was announced");
  if (blob_left_ != size_unknown)
    blob_left_ -= length;
  data_left_ = length;
  return {};
}

result<void> frame_decoder::take_tail() {
  const auto status = static_cast<blob_status>(fixed_[1]);
  if (status != blob_status::ok && status != blob_status::changed &&
      status != blob_status::unreadable)
    return refuse("a blob ends with a status that no tail has");
  if (status == blob_status::ok && blob_left_ > 0 && blob_left_ != size_unknown)
    return refuse("blob " + std::to_string(next_index_ - 1) + " is shorter than it was announced");
  place_ = place::between_blobs;
  handler_->on_tail(status);
  return {};
}

result<void> frame_decoder::take_end() {
  if (next_index_ != blobs_)
    return refuse("it ends after " + std::to_string(next_index_) + " of " + std::to_string(blobs_) +
                  " blobs");
  place_ = place::ended;
  return {};
}

} // namespace farshore
