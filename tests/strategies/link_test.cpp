// Symbolic links as content of scanned types, over the double of the file operations.

#include "tests/strategies/blob_site.hpp"

#include <catch2/catch.hpp>

using namespace farshore;
using namespace farshore::test;
using namespace std::chrono_literals;

namespace {

constexpr file_attributes a_link{0777, 0, content_kind::link};
constexpr file_attributes a_file{0644, 5, content_kind::regular};

struct scanned_site : blob_site {
  explicit scanned_site(std::uint64_t seed = 1) : blob_site{seed} {
    type.scan = 30s;
    start();
  }
};

std::string read_all(resource_reader& reader) {
  std::string text(reader.size(), ' ');
  auto n = reader.read(0, std::as_writable_bytes(std::span{text}));
  REQUIRE(n);
  REQUIRE(*n == text.size());
  REQUIRE(*reader.read(text.size(), std::as_writable_bytes(std::span{text})) == 0);
  return text;
}

} // namespace

TEST_CASE("a link comes to lie as a link, and is adopted when it is there", "[link]") {
  scanned_site site;
  auto to = site.sync(site.job(1, "a/link"), "../target", a_link);
  REQUIRE(to);
  CHECK(to->sum == sum_of("../target"));
  CHECK_FALSE(to->adopted);
  CHECK(site.volume->link("a/link") == "../target");
  CHECK(site.volume->temps().empty());
  to = site.sync(site.job(1, "a/link"), "../target", a_link);
  REQUIRE(to);
  CHECK(to->adopted);
  REQUIRE(site.sync(site.job(1, "a/link"), "elsewhere", a_link));
  CHECK(site.volume->link("a/link") == "elsewhere");
}

TEST_CASE("a file takes the place of a link, and a link that of a file", "[link]") {
  scanned_site site;
  const std::string same = "the very same bytes";
  for (const std::string& file : {std::string{"other bytes"}, same}) {
    CAPTURE(file);
    REQUIRE(site.sync(site.job(1, "x"), same, a_link));
    REQUIRE(site.sync(site.job(1, "x"), file, a_file));
    CHECK(site.volume->content("x") == file);
    CHECK(site.volume->attributes("x")->mtime_ns == 5);
    auto to = site.sync(site.job(1, "x"), same, a_link);
    REQUIRE(to);
    CHECK(to->sum == sum_of(same));
    CHECK(site.volume->link("x") == same);
  }
  CHECK(site.volume->temps().empty());
}

TEST_CASE("a folder and a link in each other's way come right in any order", "[link]") {
  scanned_site site;
  REQUIRE(site.sync(site.job(1, "a/b/file"), "1", a_file));
  // The primary has a link at "a" now; what lay beneath is to go.
  const auto refused = site.sync(site.job(2, "a"), "target", a_link);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ec::bad_locator);
  REQUIRE(site.remove(site.job(1, "a/b/file"), {"a/b/file"}));
  REQUIRE(site.sync(site.job(2, "a"), "target", a_link));
  CHECK(site.volume->link("a") == "target");
  // And back: first what can't be yet, then the removal of what can't be there any more.
  CHECK_FALSE(site.sync(site.job(1, "a/b/file"), "2", a_file));
  REQUIRE(site.remove(site.job(3, "a/other"), {"a/other"}));
  CHECK(site.volume->link("a") == "target");
  REQUIRE(site.remove(site.job(2, "a"), {"a"}));
  REQUIRE(site.sync(site.job(1, "a/b/file"), "2", a_file));
  CHECK(site.volume->content("a/b/file") == "2");
}

TEST_CASE("a power cut leaves the old file or the new link, and what was placed stays", "[link]") {
  for (std::size_t count : {1u, 12u})
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      CAPTURE(count, seed);
      scanned_site site{seed};
      for (std::size_t i = 0; i < count; ++i)
        site.volume->put(std::to_string(i), "old");
      const bool finished = seed % 2 == 0;
      std::vector<placement> batch;
      for (std::size_t i = 0; i < count; ++i) {
        auto job = site.job(static_cast<record_id>(i), std::to_string(i));
        auto into = site.fetch(job, "new target", a_link);
        REQUIRE(into);
        batch.push_back({job, *into});
      }
      if (!finished)
        site.volume->kill_at(1 + seed / 2);
      site.store->place(batch);
      batch.clear();
      site.volume->power_cut();
      for (std::size_t i = 0; i < count; ++i) {
        const auto path = std::to_string(i);
        const bool is_new = site.volume->link(path) == "new target";
        CHECK((is_new || (!finished && site.volume->content(path) == "old")));
      }
    }
}

TEST_CASE("a type with a model table takes no link", "[link]") {
  blob_site site;
  const auto refused = site.sync(site.job(1, "a"), "target", a_link);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ec::bad_locator);
  CHECK(refused.error().message.find("scan = ") != std::string::npos);
  CHECK(site.volume->temps().empty());
  site.volume->put_link("there");
  CHECK(site.store->open("there").error().code == ec::bad_locator);
}

TEST_CASE("a link's text that no link can have is refused", "[link]") {
  scanned_site site;
  for (const std::string& text : {std::string{}, std::string(4096, 'x'), std::string{"a\0b", 3}}) {
    const auto refused = site.sync(site.job(1, "a"), text, a_link);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ec::protocol);
  }
  CHECK(site.volume->temps().empty());
  REQUIRE(site.sync(site.job(1, "a"), std::string(4095, 'x'), a_link));
}

TEST_CASE("a large file that broke off gives way to the link that took its place", "[link]") {
  scanned_site site;
  const auto large = random_text(200'000, 1);
  CHECK_FALSE(site.fetch(site.job(1, "a"), large, a_file, 1000));
  REQUIRE(site.volume->temps().size() == 1);
  // By chance the link's text begins with what is here.
  CHECK_FALSE(site.sync(site.job(1, "a"), large.substr(0, 1000), a_link));
  REQUIRE(site.sync(site.job(1, "a"), "target", a_link));
  CHECK(site.volume->link("a") == "target");
}

TEST_CASE("the primary serves a link as what it is, and notices that it was replaced", "[link]") {
  scanned_site site;
  site.volume->put_link("a", "some/where");
  auto reader = site.store->open("a");
  REQUIRE(reader);
  CHECK((*reader)->attributes().kind == content_kind::link);
  CHECK(read_all(**reader) == "some/where");
  CHECK((*reader)->unchanged());
  CHECK(site.store->checksum_of("a", nullptr)->sum == sum_of("some/where"));
  site.volume->put_link("a", "some/where");
  CHECK_FALSE((*reader)->unchanged());
  site.volume->erase("a");
  CHECK_FALSE((*reader)->unchanged());
  CHECK(site.store->open("a").error().code == ec::missing_on_primary);
}
