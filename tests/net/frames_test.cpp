#include "net/frames.hpp"

#include "config/clock.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace farshore;

namespace {

using buffer = std::vector<std::byte>;

struct received_blob {
  blob_head head;
  buffer content;
  std::optional<blob_status> tail;
};

/// Keeps what it gets, and checks what the decoder promises.
struct recorder : frame_handler {
  std::vector<received_blob> blobs;
  std::size_t refuse_at = SIZE_MAX;

  result<void> on_head(const blob_head& head) override {
    CHECK(head.index == blobs.size());
    if (head.index == refuse_at)
      return fail(ec::protocol, "the handler refused");
    blobs.push_back({head, {}, {}});
    return {};
  }
  void on_data(std::span<const std::byte> bytes) override {
    auto& blob = blobs.back();
    blob.content.insert(blob.content.end(), bytes.begin(), bytes.end());
    if (blob.content.size() > blob.head.size - blob.head.offset)
      FAIL("more bytes than announced");
  }
  void on_tail(blob_status status) override { blobs.back().tail = status; }
  void on_busy() override { ++busy; }
  int busy = 0;
};

buffer random_bytes(random_source& random, std::size_t size) {
  buffer bytes(size);
  for (auto& byte : bytes)
    byte = static_cast<std::byte>(random.below(256));
  return bytes;
}

/// A stream of random blobs, and what a reader must make of it.
struct random_stream {
  buffer bytes;
  std::vector<received_blob> blobs;

  random_stream(random_source& random, std::uint32_t count) {
    frame_encoder to{bytes};
    for (std::uint32_t i = 0; i < count; ++i) {
      received_blob blob;
      while (random.below(8) == 0)
        to.busy();
      blob.head.index = i;
      blob.head.status = static_cast<blob_status>(random.below(8));
      if (random.below(2) == 0)
        blob.head.status = blob_status::ok;
      blob.content = random_bytes(random, random.below(4) == 0 ? 0 : random.below(3'000));
      blob.head.offset = random.below(3) == 0 ? random.next() >> 2 : 0;
      blob.head.size = blob.head.offset + blob.content.size();
      blob.head.attributes.mode = static_cast<std::uint32_t>(random.below(01000));
      if (random.below(4) == 0)
        blob.head.attributes.kind = content_kind::link;
      blob.head.attributes.mtime_ns = static_cast<std::int64_t>(random.next());
      if (random.below(2) == 0)
        std::ranges::generate(blob.head.sum.emplace(),
                              [&] { return static_cast<std::uint8_t>(random.below(256)); });
      to.head(blob.head);
      if (blob.head.status == blob_status::ok) {
        write_content(to, random, blob);
      } else {
        blob.content.clear();
      }
      blobs.push_back(std::move(blob));
    }
    to.end();
  }

  static void write_content(frame_encoder& to, random_source& random, received_blob& blob) {
    blob.tail = blob_status::ok;
    if (!blob.content.empty() && random.below(4) == 0) {
      blob.tail = random.below(2) == 0 ? blob_status::changed : blob_status::unreadable;
      blob.content.resize(random.below(blob.content.size()));
    }
    for (std::span<const std::byte> left{blob.content}; !left.empty();) {
      const auto part = left.first(1 + random.below(left.size()));
      if (random.below(2) == 0) {
        to.data(part);
      } else {
        const auto room = to.open_data(part.size() + random.below(100));
        std::ranges::copy(part, room.begin());
        to.close_data(part.size());
      }
      left = left.subspan(part.size());
    }
    to.tail(*blob.tail);
  }
};

result<void> feed_in_cuts(frame_decoder& decoder, std::span<const std::byte> bytes,
                          random_source& random, std::size_t cut_max) {
  while (!bytes.empty()) {
    // A block of its own for each cut: reading beyond it is what AddressSanitizer sees.
    const auto size = std::min<std::size_t>(1 + random.below(cut_max), bytes.size());
    const buffer part{bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
    if (auto fed = decoder.feed(part); !fed)
      return fed;
    bytes = bytes.subspan(size);
  }
  return {};
}

void check_equal(const received_blob& a, const received_blob& b) {
  CHECK(a.head.index == b.head.index);
  CHECK(a.head.status == b.head.status);
  CHECK(a.head.offset == b.head.offset);
  CHECK(a.head.size == b.head.size);
  CHECK(a.head.attributes.mode == b.head.attributes.mode);
  CHECK(a.head.attributes.kind == b.head.attributes.kind);
  CHECK(a.head.attributes.mtime_ns == b.head.attributes.mtime_ns);
  CHECK(a.head.sum == b.head.sum);
  CHECK(a.content == b.content);
  CHECK(a.tail == b.tail);
}

/// What the decoder says of hand-made frames for `blobs` blobs.
result<void> decode(const buffer& bytes, std::uint32_t blobs = 1) {
  recorder into;
  return frame_decoder{blobs, into}.feed(bytes);
}

blob_head ok_head(std::uint32_t index, std::uint64_t size) {
  blob_head head;
  head.index = index;
  head.size = size;
  return head;
}

const buffer three_bytes{std::byte{1}, std::byte{2}, std::byte{3}};

} // namespace

TEST_CASE("what was encoded is what is decoded, wherever the stream is cut", "[frames]") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    random_source random{seed};
    const auto count = static_cast<std::uint32_t>(random.below(20));
    const random_stream stream{random, count};
    recorder into;
    frame_decoder decoder{count, into};
    const std::size_t cut_max = std::vector<std::size_t>{1, 7, 100, 10'000}[seed % 4];
    REQUIRE(feed_in_cuts(decoder, stream.bytes, random, cut_max));
    CHECK(decoder.complete());
    REQUIRE(into.blobs.size() == stream.blobs.size());
    for (std::size_t i = 0; i < into.blobs.size(); ++i)
      check_equal(into.blobs[i], stream.blobs[i]);
  }
}

TEST_CASE("a stream that ends early is never complete", "[frames]") {
  random_source random{7};
  const random_stream stream{random, 6};
  for (std::size_t length = 0; length < stream.bytes.size(); ++length) {
    recorder into;
    frame_decoder decoder{6, into};
    REQUIRE(decoder.feed(std::span{stream.bytes}.first(length)));
    if (decoder.complete())
      FAIL("complete after " << length << " of " << stream.bytes.size() << " bytes");
  }
}

TEST_CASE("random bytes are refused, or wait for more, and nothing else happens", "[frames]") {
  random_source random{11};
  for (int i = 0; i < 5'000; ++i) {
    auto bytes = random_bytes(random, 1 + random.below(300));
    bytes[0] = static_cast<std::byte>(random.below(6));
    recorder into;
    frame_decoder decoder{3, into};
    (void)feed_in_cuts(decoder, bytes, random, 50);
    CHECK_FALSE(decoder.complete());
  }
}

TEST_CASE("a stream with some bytes changed never yields more than it announces", "[frames]") {
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    random_source random{seed};
    random_stream stream{random, 5};
    for (auto changes = 1 + random.below(4); changes > 0; --changes)
      stream.bytes[random.below(stream.bytes.size())] = static_cast<std::byte>(random.below(256));
    recorder into; // checks the bounds itself
    frame_decoder decoder{5, into};
    if (const auto fed = feed_in_cuts(decoder, stream.bytes, random, 500); !fed)
      CHECK(fed.error().code == ec::protocol);
  }
}

TEST_CASE("what the framing does not allow is refused with ec::protocol", "[frames]") {
  buffer bytes;
  frame_encoder to{bytes};
  std::uint32_t blobs = 1;
  SECTION("no frame has type 0") {
    bytes.push_back(std::byte{0});
  }
  SECTION("no frame has type 6") {
    bytes.push_back(std::byte{6});
  }
  SECTION("busy within a blob") {
    to.head(ok_head(0, 5));
    to.busy();
  }
  SECTION("a blob of unknown size that begins behind its beginning") {
    auto head = ok_head(0, size_unknown);
    head.offset = 1;
    to.head(head);
  }
  SECTION("a match of unknown size") {
    auto head = ok_head(0, size_unknown);
    head.status = blob_status::match;
    to.head(head);
  }
  SECTION("an end within a blob of unknown size") {
    to.head(ok_head(0, size_unknown));
    to.data(three_bytes);
    to.end();
  }
  SECTION("data before any head") {
    to.data(three_bytes);
  }
  SECTION("a tail before any head") {
    to.tail(blob_status::ok);
  }
  SECTION("an end before the last blob") {
    to.end();
  }
  SECTION("an index out of range") {
    to.head(ok_head(1, 0));
  }
  SECTION("an index twice") {
    blobs = 2;
    to.head(ok_head(0, 0));
    to.tail(blob_status::ok);
    to.head(ok_head(0, 0));
  }
  SECTION("one blob too many") {
    to.head(ok_head(0, 0));
    to.tail(blob_status::ok);
    to.head(ok_head(1, 0));
  }
  SECTION("an unknown status") {
    to.head(ok_head(0, 0));
    bytes[5] = std::byte{8};
  }
  SECTION("a checksum flag that is neither 0 nor 1") {
    to.head(ok_head(0, 0));
    bytes[34] = std::byte{2};
  }
  SECTION("an offset behind the end") {
    auto head = ok_head(0, 5);
    head.offset = 6;
    to.head(head);
  }
  SECTION("a mode with more than permission bits") {
    auto head = ok_head(0, 5);
    head.attributes.mode = 04755;
    to.head(head);
  }
  SECTION("an empty data frame") {
    to.head(ok_head(0, 5));
    to.data(three_bytes);
    bytes[bytes.size() - 7] = std::byte{0};
  }
  SECTION("a data frame above the limit") {
    to.head(ok_head(0, 1u << 30));
    to.data(three_bytes);
    bytes[bytes.size() - 4] = std::byte{1}; // the length's highest byte
  }
  SECTION("more bytes than announced, in one frame") {
    to.head(ok_head(0, 2));
    to.data(three_bytes);
  }
  SECTION("more bytes than announced, in two frames") {
    to.head(ok_head(0, 5));
    to.data(three_bytes);
    to.data(three_bytes);
  }
  SECTION("fewer bytes than announced") {
    to.head(ok_head(0, 5));
    to.data(three_bytes);
    to.tail(blob_status::ok);
  }
  SECTION("a tail that says match") {
    to.head(ok_head(0, 0));
    to.tail(blob_status::match);
  }
  SECTION("a head within a blob") {
    blobs = 2;
    to.head(ok_head(0, 5));
    to.head(ok_head(1, 5));
  }
  SECTION("an end within a blob") {
    to.head(ok_head(0, 5));
    to.end();
  }
  SECTION("data after a blob that has none") {
    auto head = ok_head(0, 5);
    head.status = blob_status::missing;
    to.head(head);
    to.data(three_bytes);
  }
  SECTION("anything after the end") {
    blobs = 0;
    to.end();
    to.end();
  }
  const auto decoded = decode(bytes, blobs);
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().code == ec::protocol);
}

TEST_CASE("a blob of unknown size goes on until its tail", "[frames]") {
  const auto pieces = GENERATE(0, 1, 3);
  buffer bytes;
  frame_encoder to{bytes};
  to.head(ok_head(0, size_unknown));
  for (int i = 0; i < pieces; ++i) {
    to.busy();
    to.data(three_bytes);
  }
  to.busy();
  to.tail(blob_status::ok);
  to.head(ok_head(1, 3));
  to.data(three_bytes);
  to.tail(blob_status::ok);
  to.end();
  recorder into;
  frame_decoder decoder{2, into};
  random_source random{5};
  REQUIRE(feed_in_cuts(decoder, bytes, random, 3));
  CHECK(decoder.complete());
  REQUIRE(into.blobs.size() == 2);
  CHECK(into.blobs[0].content.size() == static_cast<std::size_t>(3 * pieces));
  CHECK(into.blobs[0].tail == blob_status::ok);
  CHECK(into.busy == pieces + 1);
  CHECK(into.blobs[1].content == three_bytes);
}

TEST_CASE("a decoder that has failed stays so", "[frames]") {
  buffer bytes;
  frame_encoder to{bytes};
  to.head(ok_head(0, 0));
  recorder into;
  into.refuse_at = 0;
  frame_decoder decoder{1, into};
  const auto refused = decoder.feed(bytes);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "the handler refused");
  bytes.clear();
  to.tail(blob_status::ok);
  to.end();
  CHECK_FALSE(decoder.feed(bytes));
  CHECK_FALSE(decoder.complete());
}

TEST_CASE("a data frame that nothing was put into is taken back", "[frames]") {
  buffer bytes;
  frame_encoder to{bytes};
  to.head(ok_head(0, 0));
  const auto size = bytes.size();
  to.open_data(1000);
  to.close_data(0);
  CHECK(bytes.size() == size);
}
