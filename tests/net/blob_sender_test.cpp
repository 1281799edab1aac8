#include "net/blob_sender.hpp"

#include "fakes.hpp"
#include "net/wire_version.hpp"

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;

namespace {

struct sent_blob {
  blob_head head;
  bytes content;
  std::optional<blob_status> tail;
};

struct collector : frame_handler {
  std::vector<sent_blob> blobs;
  result<void> on_head(const blob_head& head) override {
    blobs.push_back({head, {}, {}});
    return {};
  }
  void on_data(std::span<const std::byte> part) override {
    blobs.back().content.insert(blobs.back().content.end(), part.begin(), part.end());
  }
  void on_tail(blob_status status) override { blobs.back().tail = status; }
  void on_busy() override { ++busy; }
  int busy = 0;
};

struct sender_fixture {
  std::shared_ptr<memory_store> store = std::make_shared<memory_store>();
  blob_request request{"widget", {}};
  std::vector<resolved_record> rows;
  std::uint64_t large = 1'000'000;
  int wire = wire_newest;
  std::size_t pieces = 0;
  std::size_t largest_piece = 0;
  int waits = 0;
  int busy = 0;

  void want(record_id record, const std::string& locator,
            std::optional<content_offer> offer = std::nullopt) {
    request.blobs.push_back({record, locator, offer});
    rows.push_back({record, true, locator, std::nullopt});
  }
  void want(record_id record, const std::string& locator, memory_file file,
            std::optional<content_offer> offer = std::nullopt) {
    store->put(locator, std::move(file));
    want(record, locator, offer);
  }

  std::vector<sent_blob> send() {
    const auto count = static_cast<std::uint32_t>(rows.size());
    blob_sender sender{store, request, rows, large, wire};
    collector into;
    frame_decoder decoder{count, into};
    bytes piece;
    for (bool more = true; more; ++pieces) {
      piece.clear();
      more = sender.fill(piece);
      largest_piece = std::max(largest_piece, piece.size());
      waits += sender.is_waiting() ? 1 : 0;
      const auto fed = decoder.feed(piece);
      if (!fed)
        FAIL(fed.error().message);
    }
    REQUIRE(decoder.complete());
    REQUIRE(into.blobs.size() == count);
    busy = into.busy;
    return into.blobs;
  }
  sent_blob send_one() { return send().front(); }
};

bytes pattern(std::size_t size) {
  bytes content(size);
  for (std::size_t i = 0; i < size; ++i)
    content[i] = static_cast<std::byte>(i * 31 + i / 257);
  return content;
}

content_offer offer_of(std::span<const std::byte> content) {
  return {content.size(), sum_of(content)};
}

} // namespace

TEST_CASE_METHOD(sender_fixture, "a blob is sent with what its file carries", "[sender]") {
  want(7, "a/b", {to_bytes("hello")});
  rows.back().sum = sum_of(to_bytes("hello"));
  const auto sent = send_one();
  CHECK(sent.head.status == blob_status::ok);
  CHECK(sent.head.offset == 0);
  CHECK(sent.head.size == 5);
  CHECK(sent.head.attributes.mode == 0640);
  CHECK(sent.head.attributes.mtime_ns == 1'700'000'000'123'456'789);
  CHECK(sent.head.sum == rows.back().sum);
  CHECK(to_text(sent.content) == "hello");
  CHECK(sent.tail == blob_status::ok);
}

TEST_CASE_METHOD(sender_fixture, "an empty file is a blob without data", "[sender]") {
  want(7, "a", memory_file{});
  const auto sent = send_one();
  CHECK(sent.head.status == blob_status::ok);
  CHECK(sent.head.size == 0);
  CHECK(sent.tail == blob_status::ok);
}

TEST_CASE_METHOD(sender_fixture, "a large file goes in pieces of bounded size", "[sender]") {
  const auto content = pattern(3'000'000);
  want(7, "a", {content});
  CHECK(send_one().content == content);
  CHECK(pieces > 3);
  CHECK(largest_piece < 600'000);
}

TEST_CASE_METHOD(sender_fixture, "many small files share a piece", "[sender]") {
  for (int i = 0; i < 200; ++i)
    want(i, "f" + std::to_string(i), {pattern(1'000)});
  const auto sent = send();
  CHECK(pieces == 1);
  for (const auto& blob : sent)
    CHECK(blob.content.size() == 1'000);
}

TEST_CASE_METHOD(sender_fixture, "what can't be served says why, and the others are served",
                 "[sender]") {
  want(0, "there", {to_bytes("x")});
  want(1, "not-there");
  store->break_open("../out", ec::bad_locator);
  want(2, "../out");
  store->break_open("locked", ec::unreadable_on_primary);
  want(3, "locked");
  want(4, "now-elsewhere", {to_bytes("x")});
  rows[4].locator = "elsewhere";
  want(5, "gone", {to_bytes("x")});
  rows[5].present = false;
  want(6, "there-too", {to_bytes("yz")});
  const auto sent = send();
  CHECK(sent[0].head.status == blob_status::ok);
  CHECK(sent[1].head.status == blob_status::missing);
  CHECK(sent[2].head.status == blob_status::bad_locator);
  CHECK(sent[3].head.status == blob_status::unreadable);
  CHECK(sent[4].head.status == blob_status::moved_on);
  CHECK(sent[5].head.status == blob_status::moved_on);
  CHECK(to_text(sent[6].content) == "yz");
}

TEST_CASE_METHOD(sender_fixture, "nothing is opened by a path from a request", "[sender]") {
  want(1, "../../etc/shadow");
  rows[0].locator = "a";
  send();
  CHECK(store->opened().empty());
}

TEST_CASE_METHOD(sender_fixture, "what the asker has exactly is a match", "[sender]") {
  want(7, "a", {to_bytes("hello")}, offer_of(to_bytes("hello")));
  const auto sent = send_one();
  CHECK(sent.head.status == blob_status::match);
  CHECK(sent.head.size == 5);
  CHECK(sent.head.attributes.mode == 0640);
  CHECK_FALSE(sent.tail);
}

TEST_CASE_METHOD(sender_fixture, "an empty offer of an empty file is a match", "[sender]") {
  want(7, "a", memory_file{}, offer_of({}));
  CHECK(send_one().head.status == blob_status::match);
}

TEST_CASE_METHOD(sender_fixture, "a file that begins with the offer goes on behind it",
                 "[sender]") {
  want(7, "a", {to_bytes("hello")}, offer_of(to_bytes("he")));
  const auto sent = send_one();
  CHECK(sent.head.offset == 2);
  CHECK(sent.head.size == 5);
  CHECK(to_text(sent.content) == "llo");
}

TEST_CASE_METHOD(sender_fixture, "a file that does not begin with the offer is sent whole",
                 "[sender]") {
  want(7, "a", {to_bytes("hello")}, offer_of(to_bytes("ha")));
  CHECK(to_text(send_one().content) == "hello");
}

TEST_CASE_METHOD(sender_fixture, "an offer of the same size with other content is no match",
                 "[sender]") {
  want(7, "a", {to_bytes("hello")}, offer_of(to_bytes("hallo")));
  const auto sent = send_one();
  CHECK(sent.head.offset == 0);
  CHECK(to_text(sent.content) == "hello");
}

TEST_CASE_METHOD(sender_fixture, "an offer longer than the file is ignored", "[sender]") {
  want(7, "a", {to_bytes("hello")}, offer_of(to_bytes("hello world")));
  CHECK(to_text(send_one().content) == "hello");
}

TEST_CASE_METHOD(sender_fixture, "comparing a large offer shows that it lives", "[sender]") {
  large = UINT64_MAX;
  const auto content = pattern(70u << 20);
  want(7, "a", {content}, offer_of(content));
  CHECK(send_one().head.status == blob_status::match);
  CHECK(pieces >= 3); // each with its sign of life
}

TEST_CASE_METHOD(sender_fixture, "in a batch a large blob is to be asked for alone", "[sender]") {
  large = 100;
  want(1, "small", {pattern(100)});
  want(2, "large", {pattern(101)});
  auto sent = send();
  CHECK(sent[0].head.status == blob_status::ok);
  CHECK(sent[1].head.status == blob_status::large);

  request.blobs.erase(request.blobs.begin());
  rows.erase(rows.begin());
  sent = send();
  CHECK(sent[0].head.status == blob_status::ok);
}

TEST_CASE_METHOD(sender_fixture, "a file that changes while it is read ends with changed",
                 "[sender]") {
  want(1, "rewritten", {.content = pattern(500'000), .changes_at = 300'000});
  want(2, "cut", {.content = pattern(500'000), .shrinks_to = 300'000});
  want(3, "compared", {.content = pattern(5'000), .changes_at = 0}, offer_of(pattern(5'000)));
  want(4, "cut-compared", {.content = pattern(5'000), .shrinks_to = 10}, offer_of(pattern(5'000)));
  want(5, "quiet", {pattern(10)});
  const auto sent = send();
  CHECK(sent[0].tail == blob_status::changed);
  CHECK(sent[1].tail == blob_status::changed);
  CHECK(sent[2].head.status == blob_status::changed);
  CHECK(sent[3].head.status == blob_status::changed);
  CHECK(sent[4].tail == blob_status::ok);
}

TEST_CASE_METHOD(sender_fixture, "a read that fails ends with unreadable, wherever it fails",
                 "[sender]") {
  want(1, "at-once", {.content = pattern(500'000), .unreadable_at = 0});
  want(2, "later", {.content = pattern(500'000), .unreadable_at = 300'000});
  want(3, "compared", {.content = pattern(500), .unreadable_at = 100}, offer_of(pattern(500)));
  const auto sent = send();
  CHECK(sent[0].tail == blob_status::unreadable);
  CHECK(sent[1].tail == blob_status::unreadable);
  CHECK_FALSE(sent[1].content.empty());
  CHECK(sent[2].head.status == blob_status::unreadable);
}

// -- contents of unknown size -------------------------------------------------------------------

namespace {

memory_file made_of(const bytes& content, std::string_view name = "refs") {
  memory_file made{content};
  made.made_of = sum_of(to_bytes(name));
  return made;
}

} // namespace

TEST_CASE_METHOD(sender_fixture, "what is made while it is read goes on to its end", "[sender]") {
  const auto content = pattern(GENERATE(0, 5, 700'000));
  want(7, "a.git", made_of(content));
  const auto sent = send_one();
  CHECK(sent.head.status == blob_status::ok);
  CHECK(sent.head.size == size_unknown);
  CHECK(sent.content == content);
  CHECK(sent.tail == blob_status::ok);
}

TEST_CASE_METHOD(sender_fixture, "what is not made yet is waited for with signs of life",
                 "[sender]") {
  auto made = made_of(pattern(10));
  made.not_ready = 3;
  want(7, "a.git", made);
  const auto sent = send_one();
  CHECK(sent.content == pattern(10));
  CHECK(waits == 3);
  CHECK(busy == 3);
}

TEST_CASE_METHOD(sender_fixture, "what fails while it is made is unreadable", "[sender]") {
  auto made = made_of(pattern(500'000));
  made.unreadable_at = 300'000;
  want(7, "a.git", made);
  CHECK(send_one().tail == blob_status::unreadable);
}

TEST_CASE_METHOD(sender_fixture, "of many such contents those that are equal are matches",
                 "[sender]") {
  for (int i = 0; i < 20; ++i)
    want(i, std::to_string(i), made_of(pattern(10)),
         content_offer{0, sum_of(to_bytes(i == 7 ? "other" : "refs"))});
  want(20, "new", made_of(pattern(10)));
  const auto sent = send();
  for (std::size_t i = 0; i < 20; ++i)
    CHECK(sent[i].head.status == (i == 7 ? blob_status::large : blob_status::match));
  CHECK(sent[0].head.size == 0);
  CHECK(sent[20].head.status == blob_status::large);
}

TEST_CASE_METHOD(sender_fixture, "what the asker has is told to the reader", "[sender]") {
  auto made = made_of(pattern(10));
  made.told = std::make_shared<std::vector<std::string>>();
  const std::vector<std::string> have{std::string(40, 'a')};
  want(7, "a.git", made, content_offer{0, sum_of(to_bytes("other")), have});
  CHECK(send_one().content == pattern(10));
  CHECK(*made.told == have);
}

TEST_CASE_METHOD(sender_fixture, "an older secondary is not sent what it does not know",
                 "[sender]") {
  wire = GENERATE(1, 2);
  want(7, "a.git", made_of(pattern(10)), content_offer{0, sum_of(to_bytes("refs"))});
  CHECK(send_one().head.status == blob_status::bad_locator);
}
